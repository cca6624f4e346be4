"""Sessions in a signed cookie, in an encrypted one and in a store: what they keep, and when they end."""

from __future__ import annotations

import json
import pickle
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.auth.sessions import MemoryStore, SessionMixin, Sessions
from waterspout.auth.sessions._session import Session
from waterspout.web import Application, RequestHandler, authenticated, create_signed_value

Served = Callable[[Application], Any]
Run = Callable[[Any], Any]
DAY = 86400


class Clock:
    """Starts now, because signed values are judged by the real clock too."""

    def __init__(self) -> None:
        import time

        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Page(SessionMixin, RequestHandler):
    def get(self) -> None:
        self.write({"user": self.current_user, "values": dict(self.session), "id": self.session.id})


class Put(SessionMixin, RequestHandler):
    async def get(self, name: str, value: str) -> None:
        self.session[name] = value
        await self.save_session()


class SignIn(SessionMixin, RequestHandler):
    async def get(self) -> None:
        await self.sign_in({"sub": "7", "iss": "https://id.example", "sid": "s1", "name": "Ann"})


class SignOut(SessionMixin, RequestHandler):
    async def get(self) -> None:
        await self.sign_out()


class Secret(SessionMixin, RequestHandler):
    @authenticated
    def get(self) -> None:
        self.write(self.current_user["name"])


class Unprepared(SessionMixin, RequestHandler):
    async def prepare(self) -> None:
        """Forgets to call what it replaces."""

    def get(self) -> None:
        try:
            self.write(str(self.session))
        except RuntimeError as error:
            self.write(str(error))


HANDLERS = [
    ("/", Page),
    ("/put/(.*)/(.*)", Put),
    ("/in", SignIn),
    ("/out", SignOut),
    ("/secret", Secret),
    ("/unprepared", Unprepared),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["signed", "encrypted", "stored"])
def sessions(request: pytest.FixtureRequest, secret: str, clock: Clock) -> Sessions:
    if request.param == "encrypted":
        pytest.importorskip("cryptography", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    return Sessions(
        secret,
        store=MemoryStore(clock=clock) if request.param == "stored" else None,
        encrypt=request.param == "encrypted",
        clock=clock,
    )


@pytest.fixture
def visits(served: Served, run: Run, new_browser: Any) -> Callable[..., Any]:
    """Runs a coroutine function with an application and a browser."""

    def use(sessions: Sessions | None, act: Callable[[Any], Any], more: Any = (), **settings: Any) -> Any:
        async def main() -> Any:
            app = Application([*HANDLERS, *more], sessions=sessions, login_url="/login", **settings)
            async with served(app) as base:
                return await act(new_browser(base))

        return run(main())

    return use


async def seen(browser: Any) -> Any:
    return json.loads((await browser.get("/")).body)


def test_what_is_put_into_a_session_is_there_at_the_next_request(sessions: Sessions, visits: Any) -> None:
    async def act(browser: Any) -> Any:
        await browser.get("/put/colour/blue")
        await browser.get("/put/size/9")
        return await seen(browser)

    assert visits(sessions, act)["values"] == {"colour": "blue", "size": "9"}


def test_a_browser_without_a_session_gets_no_cookie_for_looking(sessions: Sessions, visits: Any) -> None:
    async def act(browser: Any) -> Any:
        response = await browser.get("/")
        return response.headers.get_list("Set-Cookie")

    assert visits(sessions, act) == []


def test_SC11_signing_in_changes_the_id_and_keeps_the_values(sessions: Sessions, visits: Any) -> None:
    async def act(browser: Any) -> None:
        await browser.get("/put/cart/3")
        before = await seen(browser)
        planted = {host: dict(jar) for host, jar in browser.cookies.items()}
        await browser.get("/in")
        after = await seen(browser)
        assert after["user"]["name"] == "Ann" and after["values"] == {"cart": "3"}
        assert after["id"] != before["id"]
        assert (await browser.get("/secret")).body == b"Ann"
        # Who has planted or stolen the cookie from before is nobody.
        browser.cookies = planted
        assert (await seen(browser))["user"] is None

    visits(sessions, act)


ANN = {"iss": "https://id.example", "sub": "ann", "name": "Ann"}


@pytest.mark.parametrize(
    ("user", "stays"),
    [
        (ANN | {"name": "Ann B."}, True),
        (ANN | {"sub": "bob"}, False),
        (ANN | {"iss": "https://other.example"}, False),
        ({"name": "Ann"}, False),
        ({}, False),
    ],
)
def test_SC11_another_user_does_not_get_the_values_of_the_one_before(
    sessions: Sessions, visits: Any, user: dict[str, Any], stays: bool
) -> None:
    class SignInAs(Page):
        async def post(self) -> None:
            await self.sign_in(json.loads(self.request.body))

    async def act(browser: Any) -> None:
        await browser.get("/put/cart/3")
        for one in (ANN, user):
            await browser.send("POST", "/as", {}, json.dumps(one))
        after = await seen(browser)
        assert after["user"] == user
        assert after["values"] == ({"cart": "3"} if stays else {})

    visits(sessions, act, more=[("/as", SignInAs)])


def test_a_user_without_iss_and_sub_is_the_same_if_nothing_of_it_has_changed(sessions: Sessions, visits: Any) -> None:
    async def act(browser: Any) -> Any:
        await browser.get("/put/cart/3")
        await browser.get("/in")
        await browser.get("/in")
        return await seen(browser)

    assert visits(sessions, act)["values"] == {"cart": "3"}


def test_signing_out_leaves_nothing(sessions: Sessions, visits: Any) -> None:
    async def act(browser: Any) -> None:
        await browser.get("/put/cart/3")
        await browser.get("/in")
        kept = {host: dict(jar) for host, jar in browser.cookies.items()}
        response = await browser.get("/out")
        assert "expires=" in response.headers["Set-Cookie"]
        assert await seen(browser) | {"id": 0} == {"user": None, "values": {}, "id": 0}
        if sessions.store is not None:  # the cookie of a copy leads nowhere
            browser.cookies = kept
            assert (await seen(browser))["user"] is None

    visits(sessions, act)


def test_a_session_ends_when_it_is_not_used_and_at_last_in_any_case(
    sessions: Sessions, visits: Any, clock: Clock
) -> None:
    async def act(browser: Any) -> None:
        await browser.get("/in")
        for _ in range(9):
            clock.now += 1.5 * DAY
            assert (await seen(browser))["user"] is not None
        clock.now += 0.5 * DAY + 1
        assert (await seen(browser))["user"] is None
        await browser.get("/in")
        clock.now += 2 * DAY
        assert (await seen(browser))["user"] is None

    visits(sessions, act)


def test_the_cookie_is_renewed_now_and_then_and_not_with_every_request(
    sessions: Sessions, visits: Any, clock: Clock
) -> None:
    async def act(browser: Any) -> list[bool]:
        await browser.get("/in")
        renewed = []
        for step in (3600, 3600, 4 * 3600, 60):
            clock.now += step
            renewed.append("Set-Cookie" in (await browser.get("/")).headers)
        return renewed

    assert visits(sessions, act) == [False, False, True, False]


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_a_request_that_renews_a_session_does_not_undo_what_another_changes_meanwhile(
    secret: str, visits: Any, clock: Clock, kind: str, request: pytest.FixtureRequest
) -> None:
    from waterspout.auth.sessions import RedisStore

    store: Any = MemoryStore(clock=clock)
    if kind == "redis":
        store = RedisStore(f"unix://{request.getfixturevalue('redis_socket')}", prefix="renewed:")
    sessions = Sessions(secret, store=store, clock=clock)

    async def act(browser: Any) -> Any:
        await browser.get("/put/cart/1")
        clock.now += 0.5 * DAY  # the next request renews
        load = store.get

        async def get(key: str) -> bytes | None:
            data: bytes | None = await load(key)
            store.get = load
            changed = Session.from_json(data or b"")
            changed["cart"] = "2"
            await store.replace(key, changed.to_json(), DAY)
            return data

        store.get = get
        assert "Set-Cookie" in (await browser.get("/")).headers
        values = (await seen(browser))["values"]
        if kind == "redis":
            await store.aclose()
        return values

    assert visits(sessions, act) == {"cart": "2"}


def test_a_store_of_ones_own_needs_no_touch(secret: str, visits: Any, clock: Clock) -> None:
    class Plain:
        """No more than `Store` asks for."""

        def __init__(self) -> None:
            inner = MemoryStore(clock=clock)
            self.get, self.set, self.add, self.replace, self.delete = (
                inner.get, inner.set, inner.add, inner.replace, inner.delete
            )  # fmt: skip

    async def act(browser: Any) -> Any:
        await browser.get("/put/cart/1")
        for _ in range(3):
            clock.now += 1.5 * DAY
            assert "Set-Cookie" in (await browser.get("/")).headers
        return (await seen(browser))["values"]

    assert visits(Sessions(secret, store=Plain(), clock=clock), act) == {"cart": "1"}


def test_SC11_the_cookie_is_out_of_reach_for_scripts_and_other_sites(sessions: Sessions, visits: Any) -> None:
    async def act(browser: Any) -> Any:
        return [await browser.get("/in", **headers) for headers in ({}, {"X-Forwarded-Proto": "https"})]

    plain, secure = visits(sessions, act, **{})
    assert "HttpOnly" in plain.headers["Set-Cookie"] and "SameSite=lax" in plain.headers["Set-Cookie"]
    assert plain.headers["Set-Cookie"].startswith("session=")
    assert secure.headers["Set-Cookie"].startswith("session=")  # nobody is trusted to say https


def test_over_https_the_cookie_is_bound_to_the_host(secret: str, visits: Any) -> None:
    async def act(browser: Any) -> str:
        cookie: str = (await browser.get("/in")).headers["Set-Cookie"]
        return cookie

    cookie = visits(Sessions(secret, secure=True), act)
    assert cookie.startswith("__Host-session=") and "; Secure" in cookie and "Path=/" in cookie


@pytest.mark.parametrize("part", [0, 10, -1])
def test_a_changed_cookie_is_no_session(sessions: Sessions, visits: Any, part: int) -> None:
    async def act(browser: Any) -> None:
        await browser.get("/in")
        (jar,) = browser.cookies.values()
        value = jar["session"].strip('"')
        position = part % len(value)
        jar["session"] = value[:position] + ("A" if value[position] != "A" else "B") + value[position + 1 :]
        assert (await seen(browser))["user"] is None

    visits(sessions, act)


@pytest.mark.parametrize("value", ["", "x", "0.", "0.AAAA", "9.AAAA", "99999999999999.A", "2|1:0|1:1|0:|0:|", "٣.AAAA"])
def test_nonsense_in_the_cookie_is_no_session(sessions: Sessions, visits: Any, value: str) -> None:
    async def act(browser: Any) -> Any:
        return await browser.get("/", Cookie=f"session={value}".encode().decode("latin-1"))

    assert visits(sessions, act).code == 200


class Watched(MemoryStore):
    """Notes the keys that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    async def get(self, key: str) -> bytes | None:
        self.keys.append(key)
        return await super().get(key)


@pytest.mark.parametrize("key", ["../../etc/x", "..%2f..%2fetc", "caf\u00e9", "\uff0e\uff0e/x", "a" * 100])
def test_OT8_no_key_of_a_clients_choice_reaches_the_store(secret: str, visits: Any, key: str) -> None:
    store = Watched()

    async def act(browser: Any) -> None:
        signed = create_signed_value("another secret of some length....", "session", key).decode()
        for value in (key, signed):
            response = await browser.get("/", Cookie=f"session={value}".encode().decode("latin-1"))
            assert json.loads(response.body)["user"] is None
        assert store.keys == []
        await browser.get("/in")
        assert (await seen(browser))["user"] is not None

    visits(Sessions(secret, store=store), act)
    assert store.keys and all(re.fullmatch(r"[A-Za-z0-9_:.-]{20,200}", each) for each in store.keys)


class Planted:
    def __reduce__(self) -> tuple[Any, ...]:
        return (ran.append, ("pickled",))


ran: list[str] = []


def test_SC12_a_session_is_json_and_nothing_else(secret: str) -> None:
    session = Session("id", 0.0)
    session["planted"] = Planted()
    with pytest.raises(TypeError, match="not JSON serializable"):
        session.to_json()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(ValueError):
            Session.from_json(pickle.dumps(Planted(), protocol))
    assert ran == []


def test_a_cookie_of_another_secret_or_kind_is_no_session(secret: str, visits: Any) -> None:
    kept: dict[str, Any] = {}

    async def sign_in(browser: Any) -> None:
        await browser.get("/in")
        kept.update(next(iter(browser.cookies.values())))

    visits(Sessions(secret), sign_in)

    async def act(browser: Any) -> Any:
        response = await browser.get("/", Cookie=f"session={kept['session']}")
        return json.loads(response.body)["user"]

    assert visits(Sessions(secret), act) is not None
    assert visits(Sessions(secret + "another"), act) is None
    assert visits(Sessions(secret, store=MemoryStore()), act) is None


def test_secrets_can_be_changed_while_old_cookies_hold(secret: str, visits: Any) -> None:
    kept: dict[str, Any] = {}

    async def sign_in(browser: Any) -> None:
        await browser.get("/in")
        kept.update(next(iter(browser.cookies.values())))

    visits(Sessions({1: secret}), sign_in)

    async def act(browser: Any) -> Any:
        response = await browser.get("/", Cookie=f"session={kept['session']}")
        return json.loads(response.body)["user"]

    assert visits(Sessions({1: secret, 2: secret + "new"}), act) is not None
    assert visits(Sessions({2: secret + "new"}), act) is None


def test_an_encrypted_cookie_tells_its_owner_nothing(secret: str, visits: Any) -> None:
    pytest.importorskip("cryptography", reason="the extra is not installed: pip install waterspout-auth[oidc]")

    async def act(browser: Any) -> str:
        await browser.get("/put/word/swordfish")
        (jar,) = browser.cookies.values()
        return str(jar["session"])

    needle = re.compile("|".join(b64encode(b" " * shift + b"swordfish")[shift + 1 : -4].decode() for shift in range(3)))
    assert needle.search(b64encode(b'{"word":"swordfish"}').decode())
    for encrypt, readable in ((False, True), (True, False)):
        # What was signed is encoded twice: the content, and the fields around it.
        value = visits(Sessions(secret, encrypt=encrypt), act)
        assert bool(needle.search(value)) is readable


def test_without_cryptography_the_error_names_the_extra(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ImportError, match=r"pip install 'waterspout-auth\[oidc\]'"):
        Sessions(secret, encrypt=True)


def test_a_session_that_no_cookie_holds_says_what_to_do(secret: str, visits: Any, caplog: Any) -> None:
    async def act(browser: Any) -> int:
        return int((await browser.get("/put/text/" + "x" * 5000)).code)

    assert visits(Sessions(secret), act) == 500
    assert "give Sessions a store" in caplog.text
    assert visits(Sessions(secret, store=MemoryStore()), act) == 200


@pytest.mark.parametrize("short", ["", "short", {}, {1: "short"}])
def test_secrets_that_can_be_guessed_are_refused(short: Any) -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Sessions(short)


def test_sessions_of_a_user_are_ended_from_elsewhere(secret: str, visits: Any, clock: Clock) -> None:
    sessions = Sessions(secret, store=MemoryStore(clock=clock), clock=clock)

    async def act(browser: Any) -> None:
        for named, ends in (
            ({"subject": "8"}, False),
            ({"sid": "s2"}, False),
            ({"sid": "s1"}, True),
            ({"subject": "7"}, True),
            ({"subject": "7", "sid": "other"}, False),
        ):
            clock.now += 1
            await browser.get("/in")
            clock.now += 1
            await sessions.revoke("https://other.example", **named)
            assert (await seen(browser))["user"] is not None
            await sessions.revoke("https://id.example", **named)
            assert ((await seen(browser))["user"] is None) is ends, named

    visits(sessions, act)


def test_processes_share_sessions_by_redis(secret: str, visits: Any, redis_socket: Any) -> None:
    from waterspout.auth.sessions import RedisStore

    async def act(browser: Any, first: Any, second: Any) -> None:
        await browser.get("/put/cart/3")
        await browser.get("/in")
        assert (await seen(browser))["values"] == {"cart": "3"}
        await second.revoke("https://id.example", sid="s1")
        assert (await seen(browser))["user"] is None
        await browser.get("/in")
        kept = {host: dict(jar) for host, jar in browser.cookies.items()}
        await browser.get("/out")
        browser.cookies = kept
        assert (await seen(browser))["user"] is None
        for one in (first, second):
            await one.store.aclose()

    first, second = (Sessions(secret, store=RedisStore(f"unix://{redis_socket}", prefix="shared:")) for _ in range(2))
    visits(first, lambda browser: act(browser, first, second))


def test_sessions_in_cookies_cannot_be_ended_from_elsewhere_and_say_so(secret: str, run: Run) -> None:
    with pytest.raises(ValueError, match="give Sessions a store"):
        run(Sessions(secret).revoke("https://id.example", subject="7"))


def test_a_slow_request_does_not_bring_an_ended_session_back(secret: str, run: Run) -> None:
    sessions = Sessions(secret, store=MemoryStore())

    class Handler:
        """As much of a handler as saving needs."""

        request = type("Request", (), {"protocol": "http"})()

        def set_cookie(self, name: str, value: str, **options: Any) -> None:
            raise AssertionError("no cookie for an ended session")

    async def main() -> None:
        from waterspout.auth.sessions import Session

        session = Session.new(0)
        session.is_new = False
        await sessions.save(Handler(), session)  # type: ignore[arg-type]

    run(main())


def test_a_handler_that_forgets_to_load_is_told_how(secret: str, visits: Any) -> None:
    async def act(browser: Any) -> bytes:
        return bytes((await browser.get("/unprepared")).body)

    assert b"await super().prepare()" in visits(Sessions(secret), act)


def test_an_application_without_sessions_is_told_how(visits: Any, caplog: Any) -> None:
    async def act(browser: Any) -> int:
        return int((await browser.get("/")).code)

    assert visits(None, act) == 500
    assert "Application(..., sessions=Sessions(secret))" in caplog.text


def test_a_session_shows_nothing_of_itself() -> None:
    from waterspout.auth.sessions import Session

    session = Session.new(0)
    session["word"] = "swordfish"
    assert session.id not in repr(session) and "swordfish" not in repr(session)
