"""A to-do list with SQLite and sign-in: no script in the browser, nothing to install, one file for all that is kept.

It shows forms with XSRF protection, passwords hashed by scrypt, sessions that end on the server when one signs out, a
limit on guesses, and a database that does not hold the loop up: its calls are made in one thread of their own.

python examples/todo/app.py [--port 8888] [--database todo.db]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from waterspout import httpserver, web

HERE = Path(__file__).parent
SESSION_DAYS = 30
MAX_NAME, MAX_TEXT, SHORTEST_PASSWORD = 40, 200, 8
SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    salt BLOB NOT NULL, password BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS session (token BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES user,
    until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS task (id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES user, text TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS tasks_of_user ON task (user);
"""
Result = TypeVar("Result")


class User(NamedTuple):
    id: int
    name: str


class Task(NamedTuple):
    id: int
    text: str
    done: bool


def scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5)


def fingerprint(token: str) -> bytes:
    """What is kept of a session's token: who reads the database cannot sign in with it."""
    return hashlib.sha256(token.encode()).digest()


class Database:
    """All SQL there is. Methods with plain arguments, each one transaction, in the order in which they are called."""

    def __init__(self, path: str) -> None:
        self._thread = ThreadPoolExecutor(1, "database")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # for nobody else: it holds the secret below
        self._db = sqlite3.connect(path, check_same_thread=False)  # used by that one thread from now on
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;" + SCHEMA)
        with self._db:
            self._db.execute("DELETE FROM session WHERE until < datetime('now')")
            if self._db.execute("SELECT 1 FROM secret").fetchone() is None:
                self._db.execute("INSERT INTO secret VALUES (?)", (secrets.token_hex(32),))
        self.cookie_secret: str = self._db.execute("SELECT value FROM secret").fetchone()[0]

    async def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        def transaction() -> Result:
            with self._db:
                return work(self._db)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    async def close(self) -> None:
        await self._do(lambda db: db.execute("PRAGMA optimize"))
        self._thread.shutdown()
        self._db.close()

    async def register(self, name: str, password: str) -> User | None:
        """The new user; None if the name is taken."""
        salt = secrets.token_bytes(16)
        hashed = await asyncio.to_thread(scrypt, password, salt)

        def insert(db: sqlite3.Connection) -> User | None:
            sql = "INSERT INTO user (name, salt, password) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id, name"
            rows = db.execute(sql, (name, salt, hashed)).fetchall()
            return User(*rows[0]) if rows else None

        return await self._do(insert)

    async def check(self, name: str, password: str) -> User | None:
        sql = "SELECT id, name, salt, password FROM user WHERE name = ?"
        row = await self._do(lambda db: db.execute(sql, (name,)).fetchone())
        # Names that do not exist take as long, otherwise one could find out who is a user.
        number, name, salt, hashed = row or (0, "", bytes(16), b"")
        given = await asyncio.to_thread(scrypt, password, salt)
        return User(number, name) if hmac.compare_digest(given, hashed) else None

    async def open_session(self, user: User) -> str:
        token = secrets.token_urlsafe(32)
        sql = "INSERT INTO session VALUES (?, ?, datetime('now', ?))"
        await self._do(lambda db: db.execute(sql, (fingerprint(token), user.id, f"+{SESSION_DAYS} days")))
        return token

    async def user_of(self, token: str) -> User | None:
        sql = """SELECT user.id, name FROM session JOIN user ON user.id = session.user
                 WHERE token = ? AND until > datetime('now')"""
        row = await self._do(lambda db: db.execute(sql, (fingerprint(token),)).fetchone())
        return User(*row) if row else None

    async def close_session(self, token: str) -> None:
        await self._do(lambda db: db.execute("DELETE FROM session WHERE token = ?", (fingerprint(token),)))

    async def tasks(self, user: User) -> list[Task]:
        sql = "SELECT id, text, done FROM task WHERE user = ? ORDER BY done, id"
        rows = await self._do(lambda db: db.execute(sql, (user.id,)).fetchall())
        return [Task(number, text, bool(done)) for number, text, done in rows]

    async def add(self, user: User, text: str) -> None:
        await self._do(lambda db: db.execute("INSERT INTO task (user, text) VALUES (?, ?)", (user.id, text)))

    async def set_done(self, user: User, task: int, done: bool) -> bool:
        sql = "UPDATE task SET done = ? WHERE id = ? AND user = ?"  # of this user: numbers can be guessed
        return await self._do(lambda db: db.execute(sql, (done, task, user.id)).rowcount) > 0

    async def delete(self, user: User, task: int) -> bool:
        return (
            await self._do(
                lambda db: db.execute("DELETE FROM task WHERE id = ? AND user = ?", (task, user.id)).rowcount
            )
            > 0
        )

    async def clear_done(self, user: User) -> None:
        await self._do(lambda db: db.execute("DELETE FROM task WHERE user = ? AND done", (user.id,)))


class Page(web.RequestHandler):
    current_user: User | None

    @property
    def db(self) -> Database:
        database: Database = self.settings["database"]
        return database

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")
        self.set_header("Cache-Control", "no-store")  # the back button shows nothing after one has signed out

    async def get_current_user(self) -> User | None:
        token = self.get_signed_cookie("session", max_age_days=SESSION_DAYS)
        return await self.db.user_of(token.decode()) if token else None

    async def let_in(self, user: User) -> None:
        secure = self.request.protocol == "https"
        token = await self.db.open_session(user)
        self.set_signed_cookie("session", token, SESSION_DAYS, httponly=True, samesite="Lax", secure=secure)
        self.redirect("/", status=303)


class Tasks(Page):
    @web.authenticated
    async def get(self) -> None:
        tasks = await self.db.tasks(self.user)
        self.render("tasks.html", tasks=tasks, left=sum(not task.done for task in tasks))

    @web.authenticated
    async def post(self) -> None:
        """What a button of the page asks for: its name says what, its value which task."""
        text = self.get_body_argument("text", "").strip()
        if text:
            await self.db.add(self.user, text[:MAX_TEXT])
        elif (task := self.number("tick")) is not None:
            self.found(await self.db.set_done(self.user, task, True))
        elif (task := self.number("untick")) is not None:
            self.found(await self.db.set_done(self.user, task, False))
        elif (task := self.number("delete")) is not None:
            self.found(await self.db.delete(self.user, task))
        elif self.get_body_argument("clear", ""):
            await self.db.clear_done(self.user)
        self.redirect("/", status=303)

    @property
    def user(self) -> User:
        assert self.current_user is not None  # `authenticated` has seen to it
        return self.current_user

    def number(self, name: str) -> int | None:
        value = self.get_body_argument(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None

    def found(self, found: bool) -> None:
        if not found:
            raise web.HTTPError(404)


class SignIn(Page):
    async def get(self) -> None:
        if self.current_user:
            self.redirect("/")
        else:
            self.show("")

    def show(self, error: str, status: int = 200) -> None:
        self.set_status(status)
        self.render("signin.html", error=error, name=self.get_body_argument("name", ""), shortest=SHORTEST_PASSWORD)

    @web.rate_limit(10, 60)
    async def post(self) -> None:
        name, password = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        if not 0 < len(name) <= MAX_NAME or len(password) > 1000:
            self.show(f"A name has 1 to {MAX_NAME} characters.", 400)
        elif self.get_body_argument("new", ""):
            if len(password) < SHORTEST_PASSWORD:
                self.show(f"A password needs {SHORTEST_PASSWORD} characters or more.", 400)
            elif user := await self.db.register(name, password):
                await self.let_in(user)
            else:
                self.show(f"There is a {name} already. Choose another name, or sign in.", 409)
        elif user := await self.db.check(name, password):
            await self.let_in(user)
        else:
            self.show("Name and password do not belong together.", 403)


class SignOut(Page):
    async def post(self) -> None:
        token = self.get_signed_cookie("session", max_age_days=SESSION_DAYS)
        if token:
            await self.db.close_session(token.decode())
        self.clear_cookie("session")
        self.redirect("/signin", status=303)


def make_app(path: str) -> web.Application:
    database = Database(path)

    @asynccontextmanager
    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await database.close()

    settings: dict[str, Any] = {
        "database": database,
        "cookie_secret": database.cookie_secret,
        "lifespan": closing,
        "login_url": "/signin",
        "security_headers": True,
        "static_path": str(HERE / "static"),
        "template_path": str(HERE),
        "xsrf_cookies": True,
    }
    return web.Application([("/", Tasks), ("/signin", SignIn), ("/signout", SignOut)], **settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A to-do list with SQLite and sign-in.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    parser.add_argument("--database", default="todo.db", help="a file, made if it is not there (%(default)s)")
    arguments = parser.parse_args()
    httpserver.run(make_app(arguments.database), arguments.port, "127.0.0.1")
