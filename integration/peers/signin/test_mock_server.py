"""Sign-in with oauth2-mock-server, which lies as it is told: each lie is refused by the check that is for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Peer, Site

pytestmark = pytest.mark.peers

NOW = int(time.time())


async def sign_in(site: Site) -> Any:
    """To the application's answer to the callback."""
    sent = await site.browser.open(f"{site.base}/signin/op?next=/me", until=site.callback)
    return await site.browser.send("GET", sent.headers["Location"])


def test_an_honest_provider_signs_in(with_site: Any, mock_server: Peer) -> None:
    async def act(site: Site) -> None:
        assert (await sign_in(site)).code == 303
        assert (await site.user())["sub"] == "johndoe"

    with_site(act, lambda base: mock_server.tell(), with_userinfo=True)


@pytest.mark.parametrize(
    ("check", "lies"),
    [
        ("nonce", {"payload": {"nonce": "another"}}),
        ("nonce", {"payload": {"nonce": None}}),
        ("iss", {"payload": {"iss": "https://another.example"}}),
        ("iss", {"payload": {"iss": None}}),
        ("aud", {"payload": {"aud": "another"}}),
        ("aud", {"payload": {"aud": ["another"]}}),
        ("azp", {"payload": {"aud": ["app", "another"]}}),
        ("azp", {"payload": {"azp": "another"}}),
        ("exp", {"payload": {"exp": NOW - 120}}),
        ("exp", {"payload": {"exp": None}}),
        ("iat", {"payload": {"iat": NOW + 7200}}),
        ("nbf", {"payload": {"nbf": NOW + 7200}}),
        ("sub", {"payload": {"sub": None}}),
        ("sub", {"userinfo": {"sub": "another"}}),
        ("kid", {"header": {"kid": "another"}}),
        ("alg", {"finalHeader": {"alg": "RS512"}}),
        ("alg", {"finalHeader": {"alg": "none"}}),
        ("crit", {"finalHeader": {"crit": ["exp"]}}),
        ("signature", {"finalHeader": {"more": "x"}}),
        ("signature", {"signature": "AAAA"}),
        ("signature", {"signature": ""}),
        ("at_hash", {"payload": {"at_hash": "another"}}),
        ("id_token", {"body": {"id_token": None}}),
        ("format", {"body": {"id_token": "x"}}),
        ("state", {"redirect": {"state": "another"}}),
        ("state", {"redirect": {"state": None}}),
        ("iss", {"redirect": {"iss": "https://another.example"}}),
        ("code", {"redirect": {"code": None}}),
    ],
)
def test_a_lie_is_refused_by_name_and_nobody_is_signed_in(
    with_site: Any, mock_server: Peer, caplog: pytest.LogCaptureFixture, check: str, lies: dict[str, Any]
) -> None:
    async def act(site: Site) -> None:
        response = await sign_in(site)
        assert response.code == 403
        assert f"The check that failed: {check}." in response.body.decode()
        assert await site.user() is None

    with_site(act, lambda base: mock_server.tell(**lies), with_userinfo=True)
    assert f"sign-in with op failed: {check}: " in caplog.text


@pytest.mark.parametrize(
    "lies",
    [
        {"body": {"access_token": None}},
        {"body": {"token_type": "mac"}},
        {"status": 500},
        {"status": 302},
    ],
)
def test_an_answer_that_is_none_is_refused(with_site: Any, mock_server: Peer, lies: dict[str, Any]) -> None:
    async def act(site: Site) -> None:
        assert (await sign_in(site)).code == 502
        assert await site.user() is None

    with_site(act, lambda base: mock_server.tell(**lies))
