"""Who may see a status page: by address, by password, by a function, and who only seems to be local."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from waterspout.httputil import HTTPHeaders
from waterspout.web import HTTPError
from waterspout.web.status._access import GUESSES, LOCAL, Access

PASSWORD = "correct horse battery"


def handler(remote_ip: str = "127.0.0.1", host: str = "localhost:8888", peer: Any = ..., **headers: str) -> Any:
    peer = (remote_ip, 54321) if peer is ... else peer
    fields = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    connection = SimpleNamespace(context=SimpleNamespace(address=peer))
    request = SimpleNamespace(remote_ip=remote_ip, host=host, headers=fields, connection=connection)
    return SimpleNamespace(request=request)


async def status(access: Access, asked: Any) -> int:
    try:
        await access.check(asked)
    except HTTPError as error:
        return error.status_code
    return 200


def basic(password: str, user: str = "any") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.gen_test
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_may(address: str) -> None:
    assert await status(Access(LOCAL, None, None), handler(address)) == 200


@pytest.mark.gen_test
@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1", "0.0.0.0", "", "unix"])
async def test_others_may_not(address: str) -> None:
    assert await status(Access(LOCAL, None, None), handler(address)) == 403


@pytest.mark.gen_test
@pytest.mark.parametrize("field", ["X_Forwarded_For", "Forwarded", "X_Real_Ip", "Via"])
async def test_who_comes_through_an_unknown_proxy_on_this_machine_is_not_local(field: str) -> None:
    assert await status(Access(LOCAL, None, None), handler(**{field: "192.0.2.1"})) == 403


@pytest.mark.gen_test
async def test_address_that_a_trusted_proxy_has_named_counts() -> None:
    office = Access(["192.0.2.0/24"], None, None)
    through = {"peer": ("127.0.0.1", 9), "X_Forwarded_For": "192.0.2.7"}
    assert await status(office, handler("192.0.2.7", "example.com", **through)) == 200
    assert await status(office, handler("198.51.100.7", "example.com", **through)) == 403


@pytest.mark.gen_test
@pytest.mark.parametrize("host", ["attacker.test", "attacker.test:8888", "localhost.attacker.test", ""])
async def test_other_names_for_this_machine_are_refused(host: str) -> None:
    assert await status(Access(LOCAL, None, None), handler(host=host)) == 403


@pytest.mark.gen_test
async def test_password_lets_in_from_anywhere_by_basic_and_bearer() -> None:
    access = Access(LOCAL, PASSWORD, None)
    assert await status(access, handler("192.0.2.1")) == 401
    assert await status(access, handler("192.0.2.1", Authorization=basic(PASSWORD))) == 200
    assert await status(access, handler("192.0.2.1", Authorization=basic(PASSWORD, ""))) == 200
    assert await status(access, handler("192.0.2.1", Authorization=f"Bearer {PASSWORD}")) == 200
    assert await status(access, handler()) == 200  # this machine needs none


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "sent",
    [
        *("Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), basic(PASSWORD + "x")),
        *(basic(PASSWORD[:-1]), "Bearer", "Bearer \u00e9", "Digest x", PASSWORD),
    ],
)
async def test_wrong_credentials_are_asked_for_again(sent: str) -> None:
    assert await status(Access(LOCAL, PASSWORD, None), handler("192.0.2.1", Authorization=sent)) == 401


@pytest.mark.gen_test
async def test_guessing_ends_and_a_scraper_with_the_password_does_not() -> None:
    access = Access((), PASSWORD, None)
    for _ in range(3 * GUESSES):
        assert await status(access, handler("192.0.2.2", Authorization=f"Bearer {PASSWORD}")) == 200
    answers = [
        await status(access, handler("192.0.2.1", Authorization=basic(f"guess {n}"))) for n in range(GUESSES + 2)
    ]
    assert answers[:GUESSES] == [401] * GUESSES and set(answers[GUESSES:]) == {429}
    # Not even the right one, now: otherwise the limit would not be one.
    assert await status(access, handler("192.0.2.1", Authorization=basic(PASSWORD))) == 429


@pytest.mark.gen_test
async def test_function_decides_and_may_be_awaited() -> None:
    async def slowly(asked: Any) -> bool:
        return bool(asked.request.remote_ip == "192.0.2.1")

    for decide in (slowly, lambda asked: asked.request.remote_ip == "192.0.2.1"):
        access = Access((), None, decide)
        assert await status(access, handler("192.0.2.1")) == 200
        assert await status(access, handler("192.0.2.2")) == 403
        assert await status(access, handler()) == 403  # nobody else was allowed


@pytest.mark.parametrize(
    ("allow", "password", "says"),
    [
        ("10.0.0.0/8", None, "list"),
        (["10.0.0.0/33"], None, "neither an address nor a network"),
        (["10.0.0.1/8"], None, "host bits"),
        (["localhost"], None, "neither an address nor a network"),
        ((), "short", "12 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused(allow: Any, password: str | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Access(allow, password, None)
