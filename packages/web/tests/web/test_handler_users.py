"""RequestHandler: who is asking, what they keep in cookies, and in which language they are answered."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout import locale
from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, RequestHandler, create_signed_value

Fetch = Callable[..., HTTPResponse]

SECRET = "0123456789abcdef0123456789abcdef"
DAY = 86400


class Counter(RequestHandler):
    """Counts visits in a plain cookie."""

    def get(self) -> None:
        count = int(self.get_cookie("count", "0")) + 1
        self.set_cookie("count", str(count))
        self.write(f"visit {count}")


def test_a_cookie_counts_visits(fetch: Fetch) -> None:
    app = [("/", Counter)]
    response = fetch(app)
    for visit in range(2, 5):
        cookie = response.headers["Set-Cookie"]
        assert cookie == f"count={visit - 1}; Path=/"
        response = fetch(app, headers={"Cookie": cookie.split(";")[0]})
        assert response.body == f"visit {visit}".encode()


class Signed(RequestHandler):
    """Keeps a name in a signed cookie, by either of the names for it."""

    def initialize(self, kind: str) -> None:
        self.set_name = getattr(self, f"set_{kind}_cookie")
        self.get_name = getattr(self, f"get_{kind}_cookie")

    def get(self) -> None:
        name = self.get_name("name", max_age_days=float(self.get_argument("days", "31")))
        self.write({"name": name.decode() if name else None})

    def post(self) -> None:
        self.set_name("name", self.get_body_argument("name"))


@pytest.mark.parametrize("kind", ["secure", "signed"])
def test_a_signed_cookie_lasts_thirty_days_and_comes_back(fetch: Fetch, kind: str) -> None:
    app = Application([("/", Signed, {"kind": kind})], cookie_secret=SECRET)
    cookie = fetch(app, method="POST", body="name=ann").headers["Set-Cookie"]
    expires = dict(part.split("=", 1) for part in cookie.split("; ")[1:])["expires"]
    until = datetime.datetime.strptime(expires, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.UTC)
    assert abs((until - datetime.datetime.now(datetime.UTC)).total_seconds() - 30 * DAY) < 60
    headers = {"Cookie": cookie.split(";")[0]}
    assert json.loads(fetch(app, headers=headers).body) == {"name": "ann"}
    forged = {"Cookie": headers["Cookie"][:-1] + "0"}
    tampered = fetch(app, headers=forged if forged != headers else {"Cookie": headers["Cookie"][:-1] + "1"})
    assert json.loads(tampered.body) == {"name": None}


@pytest.mark.parametrize("kind", ["secure", "signed"])
@pytest.mark.parametrize(
    ("age", "days", "accepted"),
    [(30 * DAY, 31, True), (31 * DAY - 60, 31, True), (31 * DAY + 60, 31, False),
     (30 * DAY - 60, 30, True), (30 * DAY + 60, 30, False), (-60, 31, True), (-600, 31, False)],
)  # fmt: skip
def test_the_age_of_a_signed_cookie_has_an_edge(fetch: Fetch, kind: str, age: int, days: int, accepted: bool) -> None:
    app = Application([("/", Signed, {"kind": kind})], cookie_secret=SECRET)
    value = create_signed_value(SECRET, "name", "ann", clock=lambda: time.time() - age).decode()
    response = fetch(app, f"/?days={days}", headers={"Cookie": f'name="{value}"'})
    assert json.loads(response.body) == {"name": "ann" if accepted else None}


def test_signed_cookies_need_the_setting_and_say_so(fetch: Fetch, caplog: Any) -> None:
    assert fetch([("/", Signed, {"kind": "signed"})]).code == 500
    assert "'cookie_secret' setting" in caplog.text


def test_keys_are_versioned_and_old_ones_stay_valid(fetch: Fetch) -> None:
    class Versions(RequestHandler):
        def get(self) -> None:
            value = self.get_signed_cookie("name")
            version = self.get_signed_cookie_key_version("name")
            assert self.get_secure_cookie_key_version("name") == version
            self.write({"value": value.decode() if value else None, "version": version})

        def post(self) -> None:
            self.set_signed_cookie("name", "ann")

    keys = {1: SECRET, 2: SECRET[::-1]}
    app = Application([("/", Versions)], cookie_secret=keys, key_version=2)
    cookie = fetch(app, method="POST", body=b"").headers["Set-Cookie"].split(";")[0]
    assert json.loads(fetch(app, headers={"Cookie": cookie}).body) == {"value": "ann", "version": 2}
    old = create_signed_value(keys, "name", "bob", key_version=1).decode()
    assert json.loads(fetch(app, headers={"Cookie": f'name="{old}"'}).body) == {"value": "bob", "version": 1}
    rotated = Application([("/", Versions)], cookie_secret={2: keys[2]}, key_version=2)
    assert json.loads(fetch(rotated, headers={"Cookie": f'name="{old}"'}).body) == {"value": None, "version": 1}


def test_cookies_are_cleared_one_by_one_and_all_at_once(fetch: Fetch) -> None:
    class Clear(RequestHandler):
        def get(self) -> None:
            if name := self.get_argument("name", None):
                self.clear_cookie(name, domain="example.com", path="/x")
            else:
                self.clear_all_cookies()
            with pytest.raises(TypeError, match="expires"):
                self.clear_cookie("a", expires=5)

    headers = {"Cookie": "a=1; b=2"}
    (cookie,) = fetch([("/", Clear)], "/?name=a", headers=headers).headers.get_list("Set-Cookie")
    assert cookie.startswith('a=""; ') and "Domain=example.com" in cookie and "Path=/x" in cookie
    assert len(fetch([("/", Clear)], headers=headers).headers.get_list("Set-Cookie")) == 2


@pytest.mark.parametrize("compat", ["waterspout", "tornado"])
@pytest.mark.parametrize("more", [{}, {"domain": "example.com", "path": "/x"}])
def test_no_cookie_that_a_client_sends_keeps_the_others_from_being_cleared(
    fetch: Fetch, compat: str, more: dict[str, str]
) -> None:
    class Clear(RequestHandler):
        def get(self) -> None:
            self.clear_all_cookies(**more)

        def post(self) -> None:
            self.clear_cookie("__Host-a")

    app = Application([("/", Clear)], compat=compat)
    headers = {"Cookie": f"a=1; __Host-b=2; __secure-c=3; {'d' * 4100}=4; __HOST-{'e' * 30}=5; f[g]=6; h=7"}
    cleared = fetch(app, headers=headers).headers.get_list("Set-Cookie")
    found = {cookie.partition("=")[0].rstrip("e"): cookie for cookie in cleared}
    assert list(found) == ["a", "__Host-b", "__secure-c", "__HOST-", "h"]
    for name, cookie in found.items():
        assert cookie.endswith("; Secure") is name.startswith("__")
        assert ("Domain=example.com; " in cookie and "Path=/x" in cookie) is (bool(more) and "Host" not in name.title())
    assert fetch(app, method="POST", body=b"").headers["Set-Cookie"].endswith("Path=/; Secure")


# Who is signed in.


def test_current_user_is_asked_for_once_and_only_if_wanted(fetch: Fetch) -> None:
    asked: list[str] = []

    class Base(RequestHandler):
        def get_current_user(self) -> str:
            asked.append(self.request.path)
            return "ann"

    class Twice(Base):
        def get(self) -> None:
            assert not hasattr(self, "_current_user")
            self.write(f"{self.current_user}{self.current_user}")
            assert hasattr(self, "_current_user")

    class Never(Base):
        def get(self) -> None:
            self.write("anybody")

    app = [("/twice", Twice), ("/never", Never)]
    assert fetch(app, "/twice").body == b"annann" and fetch(app, "/never").body == b"anybody"
    assert asked == ["/twice"]


def test_prepare_can_assign_the_user_after_waiting(fetch: Fetch) -> None:
    class Page(RequestHandler):
        async def prepare(self) -> None:
            self.current_user = {"name": "ann"}

        def get(self) -> None:
            self.write(self.current_user)

    assert json.loads(fetch([("/", Page)]).body) == {"name": "ann"}


# Languages.


@pytest.fixture
def translations(tmp_path: Path) -> Any:
    """German and French are loaded; English is the default."""
    (tmp_path / "de.csv").write_text('"hello","hallo"\n')
    (tmp_path / "fr.csv").write_text('"hello","bonjour"\n')
    locale.load_translations(str(tmp_path))
    yield
    (tmp_path / "de.csv").unlink()
    (tmp_path / "fr.csv").unlink()
    locale.load_translations(str(tmp_path))


class Greeting(RequestHandler):
    """Greets in the user's language, else in the browser's."""

    def get_user_locale(self) -> locale.Locale | None:
        code = self.get_cookie("language")
        return locale.get(code) if code else None

    def get(self) -> None:
        self.write(self.locale.translate("hello"))


@pytest.mark.parametrize(
    ("cookie", "accepted", "greeting"),
    [(None, "de", b"hallo"), (None, "fr;q=0.5, de;q=0.9", b"hallo"), (None, "xx", b"hello"), (None, None, b"hello"),
     ("fr", "de", b"bonjour"), (None, "de-AT", b"hallo"),
     (None, "de;q=0, fr;q=0.1", b"bonjour"), (None, "x" * 20_000, b"hello")],
)  # fmt: skip
def test_the_users_locale_goes_before_the_browsers(
    fetch: Fetch, translations: None, cookie: str | None, accepted: str | None, greeting: bytes
) -> None:
    headers = {"Cookie": f"language={cookie}"} if cookie else {}
    if accepted:
        headers["Accept-Language"] = accepted
    assert fetch([("/", Greeting)], headers=headers).body == greeting


class AsksInPrepare(RequestHandler):
    """As JupyterHub's: the user is waited for in `prepare`, and its property cannot be assigned."""

    asked = 0

    async def get_current_user(self) -> str:
        self.asked += 1
        return "bob"

    @property  # type: ignore[misc]
    def current_user(self) -> Any:
        return getattr(self, "known", None)

    async def prepare(self) -> None:
        assert not self.asked and self.current_user is None
        self.known = await self.get_current_user()

    def get(self) -> None:
        self.write(f"{self.current_user} {self.asked}")


def test_a_class_with_a_current_user_of_its_own_is_left_to_ask_for_it(fetch: Fetch) -> None:
    response = fetch([("/", AsksInPrepare)])
    assert (response.code, response.body) == (200, b"bob 1")
