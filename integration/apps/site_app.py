"""The site that the browser tests visit: ``python -m waterspout dev site_app.py`` or ``run``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from waterspout import web

HERE = Path(__file__).resolve().parent
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="{css}"><link rel="icon" href="data:,"></head>
<body>{body}<script src="{js}"></script></body></html>"""

counts: Counter[str] = Counter()


class Base(web.RequestHandler):
    def get_current_user(self) -> str | None:
        name = self.get_signed_cookie("user")
        return name.decode() if name else None

    def page(self, title: str, body: str) -> None:
        self.write(PAGE.format(title=title, body=body, css=self.static_url("site.css"), js=self.static_url("site.js")))


class Login(Base):
    def get(self) -> None:
        next_url = web.safe_next(self.get_argument("next", "/"), "/")
        self.page(
            "Sign in",
            f'<form method="post" action="/login?next={next_url}">{self.xsrf_form_html()}'
            '<input name="name" id="name"><input name="password" id="password" type="password">'
            '<button id="send">Sign in</button></form>',
        )

    def post(self) -> None:
        if self.get_body_argument("password") != "correct horse":
            raise web.HTTPError(403, reason="Wrong password")
        self.set_signed_cookie("user", self.get_body_argument("name"), httponly=True, samesite="Lax")
        self.redirect(web.safe_next(self.get_argument("next", "/"), "/"))


class Logout(Base):
    def post(self) -> None:
        self.clear_cookie("user")
        self.redirect("/login")


class Notes(Base):
    notes: list[str] = []

    @web.authenticated
    def get(self) -> None:
        shown = "".join(f'<li class="note">{note}</li>' for note in map(escape, self.notes))
        self.page(
            "Notes",
            f'<p id="user">{escape(self.current_user)}</p><ul>{shown}</ul>'
            f'<form method="post" action="/notes">{self.xsrf_form_html()}<input name="note" id="note">'
            '<button id="send">Add</button></form>'
            f'<form method="post" action="/logout">{self.xsrf_form_html()}<button id="leave">Sign out</button></form>',
        )

    @web.authenticated
    def post(self) -> None:
        self.notes.append(self.get_body_argument("note"))
        self.redirect("/notes")


@web.stream_request_body
class Upload(Base):
    def prepare(self) -> None:
        self.received = 0
        self.request.connection.set_max_body_size(1 << 30)  # type: ignore[attr-defined]

    def data_received(self, chunk: bytes) -> None:
        self.received += len(chunk)

    def get(self) -> None:
        self.page(
            "Upload",
            f'{self.xsrf_form_html()}<input type="file" id="file"><progress id="progress" value="0"></progress>'
            '<output id="result"></output>',
        )

    def put(self) -> None:
        self.write(str(self.received))


class Events(Base):
    """Three events a connection, from the one after that which the browser had last; the browser comes again."""

    async def get(self) -> None:
        counts["streams"] += 1
        first = int(self.request.headers.get("Last-Event-ID", "0")) + 1
        for number in range(first, first + 3):
            await self.send_event(f"line one of {number}\nline two", event="news", id=str(number), retry=20)


class EventsPage(Base):
    def get(self) -> None:
        self.page("Events", '<ol id="events" data-source="/events"></ol>')


class Broken(Base):
    def get(self) -> None:
        basket = {"apples": 3, "pears": 0, "note": "<b>not markup</b>"}
        password = "hunter2"  # noqa: F841  # shown as a masked local
        self.price_of(basket)

    def price_of(self, basket: dict[str, Any]) -> float:
        each = basket["apples"] / basket["pears"]
        return float(each)


class Secret(Base):
    def get(self) -> None:
        self.write("the secret of this machine")


class Counts(Base):
    def get(self) -> None:
        self.write(dict(counts))


class CountedFiles(web.StaticFileHandler):
    def on_finish(self) -> None:
        counts[f"static {self.get_status()}"] += 1


def escape(text: str) -> str:
    from waterspout.escape import xhtml_escape

    return xhtml_escape(text)


def make_app() -> web.Application:
    return web.Application(
        [
            web.url("/", web.RedirectHandler, {"url": "/notes", "permanent": False}),
            web.url("/login", Login, name="login"),
            web.url("/logout", Logout),
            web.url("/notes", Notes, name="notes"),
            web.url("/upload", Upload),
            web.url("/events", Events),
            web.url("/events.html", EventsPage),
            web.url("/broken", Broken),
            web.url("/secret", Secret),
            web.url("/counts", Counts),
        ],
        cookie_secret="only for tests, everybody can read it",
        login_url="/login",
        xsrf_cookies=True,
        static_path=str(HERE / "static"),
        static_handler_class=CountedFiles,
    )
