"""The to-do example by httpx: forms without a script, sign-in that lasts a restart, and what must not be possible."""

from __future__ import annotations

import base64
import re
import signal
import sqlite3
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

APP = Path(__file__).resolve().parents[1] / "examples/todo/app.py"
WAIT_SECONDS = 30.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx's own reads all certificates for each client: 50 ms
PASSWORD = "correct horse"
# Runs the example with a hash that costs nothing: one of its own takes a core for a quarter of a second.
CHEAP_HASH = """
import hashlib, runpy, sys
scrypt = hashlib.scrypt
hashlib.scrypt = lambda password, *, salt, n, r, p: scrypt(password, salt=salt, n=2, r=1, p=1)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Todo:
    """The example with a database of its own, and browsers without a script."""

    def __init__(self, database: Path, *interpreter: str) -> None:
        self.database = database
        self._interpreter = interpreter
        self._clients: list[httpx.Client] = []
        self.start()

    def start(self) -> None:
        command = [*self._interpreter, str(APP), "--port", "0", "--database", str(self.database)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found[0]
                return
        raise RuntimeError("".join(seen))

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode

    def browser(self) -> Browser:
        client = httpx.Client(timeout=WAIT_SECONDS, trust_env=False, verify=NO_TLS, follow_redirects=True)
        self._clients.append(client)
        return Browser(self, client)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.stop(signal.SIGKILL)


class Browser:
    def __init__(self, todo: Todo, client: httpx.Client) -> None:
        self.todo = todo
        self.client = client
        self.page = client.get(todo.url + "/")

    def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form of the page that is shown; its answer is shown next."""
        token = re.search(r'name="_xsrf" value="([^"]+)"', self.page.text)
        assert token, self.page.text
        self.page = self.client.post(self.todo.url + path, data={"_xsrf": token[1], **form})
        return self.page

    def register(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.post("/signin", name=name, password=password, new="yes")

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.post("/signin", name=name, password=password)

    def tasks(self) -> list[tuple[int, str, bool]]:
        self.page = self.client.get(self.todo.url + "/")
        found = re.findall(r'<li class="(\w*)">.*?value="(\d+)".*?<span>(.*?)</span>', self.page.text, re.DOTALL)
        return [(int(number), text, bool(done)) for done, number, text in found]


@pytest.fixture
def todo(tmp_path: Path) -> Iterator[Todo]:
    with closing(Todo(tmp_path / "todo.db", sys.executable, "-c", CHEAP_HASH)) as made:
        yield made


@pytest.fixture
def todo_as_it_is(tmp_path: Path) -> Iterator[Todo]:
    """With its own hash."""
    with closing(Todo(tmp_path / "todo.db", sys.executable)) as made:
        yield made


def test_tasks_are_added_ticked_deleted_and_cleared(todo: Todo) -> None:
    ada = todo.browser()
    assert ada.page.url.path == "/signin"
    assert ada.register("ada").url.path == "/"
    for text in ("milk", "<b>bread</b>", "  salt  "):
        assert ada.post("/", text=text).status_code == 200
    (milk, _, _), (bread, escaped, _), (salt, stripped, _) = ada.tasks()
    assert (escaped, stripped) == ("&lt;b&gt;bread&lt;/b&gt;", "salt")
    ada.post("/", tick=str(milk))
    assert ada.tasks()[-1] == (milk, "milk", True) and "2 of 3 left" in ada.page.text
    ada.post("/", untick=str(milk))
    assert [done for _, _, done in ada.tasks()] == [False] * 3
    ada.post("/", delete=str(bread))
    ada.post("/", tick=str(salt))
    ada.post("/", clear="yes")
    assert ada.tasks() == [(milk, "milk", False)]


def test_list_and_sign_in_last_a_restart(todo_as_it_is: Todo) -> None:
    todo = todo_as_it_is
    ada = todo.browser()
    ada.register("ada")
    ada.post("/", text="milk")
    assert todo.stop() == 0
    todo.start()
    assert [text for _, text, _ in ada.tasks()] == ["milk"] and ada.page.url.path == "/"


def test_nobody_sees_or_changes_the_tasks_of_others(todo: Todo) -> None:
    ada, bob = todo.browser(), todo.browser()
    ada.register("ada")
    ada.post("/", text="milk")
    bob.register("bob")
    [(milk, _, _)] = ada.tasks()
    for action in ("tick", "untick", "delete"):
        assert bob.tasks() == []
        assert bob.post("/", **{action: str(milk)}).status_code == 404
    assert ada.tasks() == [(milk, "milk", False)]


def test_signing_out_ends_the_session_on_the_server(todo: Todo) -> None:
    ada = todo.browser()
    ada.register("ada")
    stolen = dict(ada.client.cookies)
    ada.post("/signout")
    assert ada.page.url.path == "/signin"
    thief = todo.browser()
    thief.client.cookies.update(stolen)
    assert thief.client.get(todo.url + "/").url.path == "/signin"
    assert ada.sign_in("ADA").url.path == "/"


def test_who_may_not_is_told_why_and_stays_out(todo: Todo) -> None:
    todo.browser().register("ada")
    other = todo.browser()
    for name, password, new, status in (
        ("ada", "wrong password", "", 403),
        ("nobody", PASSWORD, "", 403),
        ("ada", PASSWORD, "yes", 409),
        ("Ada", PASSWORD, "yes", 409),
        ("bob", "short", "yes", 400),
        ("", PASSWORD, "yes", 400),
        ("x" * 41, PASSWORD, "yes", 400),
        ("bob", "x" * 1001, "yes", 400),
    ):
        answer = other.post("/signin", name=name, password=password, new=new)
        assert answer.status_code == status and 'class="error"' in answer.text, name
        assert other.client.get(todo.url + "/").url.path == "/signin"


def test_guessing_ends(todo: Todo) -> None:
    todo.browser().register("ada")
    guesser = todo.browser()
    statuses = []
    for number in range(12):
        statuses.append(guesser.sign_in("ada", f"guess {number}").status_code)
        if statuses[-1] == 429:
            break
    assert set(statuses[:-1]) == {403} and statuses[-1] == 429


def test_form_without_its_token_changes_nothing(todo: Todo) -> None:
    ada = todo.browser()
    ada.register("ada")
    for form in ({"text": "milk"}, {"text": "milk", "_xsrf": "2|aa|bb|1"}):
        assert ada.client.post(todo.url + "/", data=form).status_code == 403
    assert ada.tasks() == []


def test_numbers_that_are_none_change_nothing(todo: Todo) -> None:
    ada = todo.browser()
    ada.register("ada")
    ada.post("/", text="milk")
    for value in ("-1", "1e3", "\u0661", "9" * 30, "x", "1 OR 1=1"):
        assert ada.post("/", delete=value).status_code == 200 and len(ada.tasks()) == 1


def test_database_holds_neither_passwords_nor_tokens(todo: Todo) -> None:
    ada = todo.browser()
    ada.register("ada")
    cookie = ada.client.cookies["session"]
    assert todo.stop() == 0
    with sqlite3.connect(todo.database) as db:
        dump = "\n".join(db.iterdump())
    db.close()
    assert "ada" in dump and PASSWORD not in dump and PASSWORD.encode().hex().upper() not in dump
    token = base64.b64decode(cookie.strip('"').split("|")[4].partition(":")[2]).decode()
    assert len(token) == 43 and token not in dump
    assert stat.S_IMODE(todo.database.stat().st_mode) == 0o600  # it holds the secret that signs cookies


def test_cookie_is_closed_to_scripts_and_other_sites(todo: Todo) -> None:
    ada = todo.browser()
    ada.register("ada")
    fields = [line for answer in [*ada.page.history, ada.page] for line in answer.headers.get_list("Set-Cookie")]
    session = next(line for line in fields if line.startswith("session="))
    assert "httponly" in session.lower() and "samesite=lax" in session.lower()


def test_page_needs_no_script_and_nothing_from_elsewhere(todo: Todo) -> None:
    ada = todo.browser()
    ada.register("ada")
    ada.post("/", text="milk")
    ada.tasks()
    assert "<script" not in ada.page.text and not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", ada.page.text)
    assert "default-src 'self'" in ada.page.headers["Content-Security-Policy"]
