"""The door for methods that only signed-in users may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from waterspout.auth.sessions import SessionMixin, Sessions, login_required
from waterspout.web import Application, RequestHandler

Served = Callable[[Application], Any]
Run = Callable[[Any], Any]


class SignIn(SessionMixin, RequestHandler):
    async def get(self, name: str) -> None:
        await self.sign_in({"sub": name})


class Plain(SessionMixin, RequestHandler):
    async def prepare(self) -> None:
        """The decorator loads the session itself."""

    @login_required
    def get(self) -> None:
        self.write(self.current_user["sub"])

    @login_required
    async def post(self) -> None:
        self.write("posted")


class Fresh(SessionMixin, RequestHandler):
    @login_required(max_age=300)
    async def get(self) -> None:
        self.write("fresh")


class Admin(SessionMixin, RequestHandler):
    @login_required(allow=lambda user: user["sub"] == "root")
    async def get(self) -> None:
        self.write("admin")


class ByHeader(RequestHandler):
    """No sessions: it works as `authenticated` does."""

    def get_current_user(self) -> Any:
        return self.request.headers.get("X-User")

    @login_required
    def get(self) -> None:
        self.write("by header")


HANDLERS = [
    ("/in/(.*)", SignIn), ("/plain", Plain), ("/fresh", Fresh), ("/admin", Admin), ("/header", ByHeader),
]  # fmt: skip


@pytest.fixture
def visits(served: Served, run: Run, new_browser: Any, secret: str) -> Callable[..., Any]:
    def use(*steps: Any, now: Callable[[], float] | None = None, login_url: str = "/login") -> Any:
        async def main() -> Any:
            sessions = Sessions(secret) if now is None else Sessions(secret, clock=now)
            app = Application(HANDLERS, sessions=sessions, login_url=login_url)
            async with served(app) as base:
                browser = new_browser(base)
                return [await (browser.get(step) if isinstance(step, str) else step(browser)) for step in steps]

        return run(main())

    return use


def test_who_is_signed_in_is_served_and_no_cache_keeps_the_page(visits: Any) -> None:
    _, page, posted = visits("/in/ann", "/plain", lambda browser: browser.post("/plain", {}))
    assert page.body == b"ann" and posted.body == b"posted"
    assert page.headers["Cache-Control"] == "private, no-store"


def test_others_are_sent_to_the_login_page_with_the_page_they_wanted(visits: Any) -> None:
    (response,) = visits("/plain?a=1")
    assert response.code == 302
    assert response.headers["Location"] == "/login?next=%2Fplain%3Fa%3D1"


@pytest.mark.parametrize(
    ("login_url", "location"),
    [
        ("/login?with=x", "/login?with=x&next=%2Fplain"),
        ("https://id.example/in", "https://id.example/in?next=%2Fplain"),
        ("/login?next=/home", "/login?next=/home"),
    ],
)
def test_the_login_page_keeps_its_own_query(visits: Any, login_url: str, location: str) -> None:
    (response,) = visits("/plain", login_url=login_url)
    assert response.headers["Location"] == location


def test_the_host_header_is_nowhere_in_next(visits: Any) -> None:
    (response,) = visits(lambda browser: browser.get("/plain", Host="evil.example"), login_url="https://id.example/in")
    assert "evil" not in response.headers["Location"]


def test_what_is_no_page_gets_401(visits: Any) -> None:
    posted, script = visits(
        lambda browser: browser.post("/plain", {}), lambda browser: browser.get("/plain", Accept="application/json")
    )
    assert posted.code == 401 and script.code == 401
    assert parse_qs(urlsplit(posted.headers.get("Location", "")).query) == {}


def test_a_sign_in_may_have_to_be_fresh(visits: Any) -> None:
    import time

    _, now = visits("/in/ann", "/fresh")
    assert now.body == b"fresh"
    _, later = visits("/in/ann", "/fresh", now=lambda: time.time() - 301)
    assert later.code == 302


def test_a_user_may_be_the_wrong_one(visits: Any) -> None:
    _, refused, _, served = visits("/in/ann", "/admin", "/in/root", "/admin")
    assert refused.code == 403 and served.body == b"admin"


def test_it_works_without_sessions(visits: Any) -> None:
    known, unknown = visits(lambda browser: browser.get("/header", **{"X-User": "ann"}), "/header")
    assert known.body == b"by header" and unknown.code == 302
