"""OAuth2Client for plain use: the way there, tokens, errors in the provider's words."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from waterspout.auth import AuthError, ProviderRefused
from waterspout.auth.oauth2 import ClientSecretPost, OAuth2Client, PendingSignIn, TokenSet, code_challenge
from waterspout.web import Application, RequestHandler


class Token(RequestHandler):
    """Answers what ``answers`` has next, and keeps what was asked."""

    def initialize(self, answers: list[Any], asked: list[Any]) -> None:
        self.answers = answers
        self.asked = asked

    def post(self) -> None:
        form = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        self.asked.append((form, self.request.headers.get("Authorization")))
        status, body = self.answers.pop(0)
        self.set_status(status)
        self.write(body)


@pytest.fixture
def with_client(served: Any, run: Any) -> Callable[..., Any]:
    """Runs a coroutine function with a client, and what the provider was asked; it answers with ``answers`` in turn."""

    def use(act: Callable[[OAuth2Client, list[Any]], Any], *answers: Any, **options: Any) -> Any:
        async def main() -> Any:
            asked: list[Any] = []
            given = {"answers": list(answers), "asked": asked}
            async with served(Application([("/token", Token, given), ("/revoke", Token, given)])) as base:
                client = OAuth2Client(
                    "op", "id", options.pop("secret", "secret"),
                    authorization_endpoint=f"{base}/authorize?tenant=7", token_endpoint=f"{base}/token",
                    revocation_endpoint=f"{base}/revoke", allow_http_loopback=True, **options,
                )  # fmt: skip
                return await act(client, asked)

        return run(main())

    return use


def test_a_sign_in_begins_with_everything_in_the_address(with_client: Any) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> None:
        url, pending = await client.begin("https://app.example/back", login_hint="ann")
        query = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        assert query == {
            "tenant": "7",
            "response_type": "code",
            "client_id": "id",
            "redirect_uri": "https://app.example/back",
            "scope": "read write",
            "state": pending.state,
            "code_challenge": code_challenge(pending.code_verifier),
            "code_challenge_method": "S256",
            "login_hint": "ann",
            "prompt": "consent",
        }

    with_client(act, scope=["read", "write"], authorization_params={"prompt": "consent"})


@pytest.mark.parametrize("name", ["state", "code_challenge", "scope", "client_secret", "response_mode", "nonce"])
def test_what_the_client_makes_itself_cannot_be_given(with_client: Any, name: str) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> None:
        with pytest.raises(ValueError, match=name):
            await client.begin("https://app.example/back", **{name: "x"})

    with_client(act)


def test_a_code_is_exchanged_with_its_verifier_and_the_client_s_proof(with_client: Any) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> TokenSet:
        _, pending = await client.begin("https://app.example/back")
        tokens = await client.exchange("c", pending)
        form, proof = asked[0]
        assert form == {
            "grant_type": "authorization_code",
            "code": "c",
            "redirect_uri": "https://app.example/back",
            "code_verifier": pending.code_verifier,
        }
        assert proof == "Basic " + base64.b64encode(b"id:secret").decode()
        return tokens

    tokens = with_client(act, (200, {"access_token": "a", "expires_in": "3600", "scope": "read", "more": 1}))
    assert tokens.access_token == "a" and tokens.scope == "read" and tokens.raw["more"] == 1
    assert not tokens.is_expired() and tokens.is_expired(tokens.expires_at - 29)


@pytest.mark.parametrize(
    ("secret", "sent"),
    [(None, {"client_id": "id"}), (ClientSecretPost("s"), {"client_id": "id", "client_secret": "s"})],
)
def test_a_client_proves_itself_in_the_form_or_not_at_all(with_client: Any, secret: Any, sent: dict[str, str]) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> None:
        await client.client_credentials(["read"], resource="x")
        form, proof = asked[0]
        assert form == {"grant_type": "client_credentials", "scope": "read", "resource": "x", **sent}
        assert proof is None

    with_client(act, (200, {"access_token": "a", "token_type": "bearer"}), secret=secret)


def test_a_refresh_keeps_the_old_refresh_token_where_no_new_one_is_given(with_client: Any) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> None:
        assert (await client.refresh("r1")).refresh_token == "r1"
        assert (await client.refresh("r1", ["read"])).refresh_token == "r2"
        assert [form.get("scope") for form, _ in asked] == [None, "read"]

    with_client(act, (200, {"access_token": "a"}), (200, {"access_token": "a", "refresh_token": "r2"}))


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_refusal_is_in_the_provider_s_words_without_what_was_sent(with_client: Any, status: int) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> None:
        with pytest.raises(ProviderRefused) as caught:
            await client.refresh("r-secret")
        assert caught.value.error == "invalid_grant"
        assert str(caught.value) == "op refused: invalid_grant: *** is not good any more"

    with_client(act, (status, {"error": "invalid_grant", "error_description": "r-secret is not good any more"}))


def test_a_token_is_revoked(with_client: Any) -> None:
    async def act(client: OAuth2Client, asked: list[Any]) -> None:
        await client.revoke("t", "refresh_token")
        assert asked[0][0] == {"token": "t", "token_type_hint": "refresh_token"}
        with pytest.raises(ProviderRefused):
            await client.revoke("t")

    with_client(act, (200, ""), (400, {"error": "unsupported_token_type"}))


def test_what_a_provider_does_not_have_is_said(run: Any) -> None:
    client = OAuth2Client("op", "id", authorization_endpoint="https://a.example", token_endpoint="https://a.example")
    for call in (client.revoke("t"), client.userinfo("t")):
        with pytest.raises(AuthError, match="op has no "):
            run(call)
    assert run(client.logout_url()) is None


def test_tokens_come_back_from_their_bytes() -> None:
    tokens = TokenSet("a", refresh_token="r", id_token="i", scope="read", expires_at=1.5)
    again = TokenSet.from_json(tokens.to_json())
    assert [getattr(again, name) for name in TokenSet.__slots__] == [
        getattr(tokens, name) for name in TokenSet.__slots__
    ]
    assert "raw" not in json.loads(tokens.to_json())


def test_two_sign_ins_have_nothing_in_common_and_one_comes_out_the_same_again() -> None:
    one, other = PendingSignIn("op", "https://a.example"), PendingSignIn("op", "https://a.example")
    for name in ("id", "state", "nonce", "code_verifier"):
        assert getattr(one, name) != getattr(other, name)
    key = b"k" * 32
    again = (
        PendingSignIn("op", "https://a.example", key=key, id="x"),
        PendingSignIn("op", "https://a.example", key=key, id="x"),
    )
    assert again[0].state == again[1].state and again[0].code_verifier == again[1].code_verifier
    for changed in (
        PendingSignIn("other", "https://a.example", key=key, id="x"),
        PendingSignIn("op", "https://b.example", key=key, id="x"),
        PendingSignIn("op", "https://a.example", key=b"l" * 32, id="x"),
        PendingSignIn("op", "https://a.example", key=key, id="y"),
    ):
        assert changed.state != again[0].state
    assert len({again[0].state, again[0].nonce, again[0].code_verifier}) == 3


def test_an_unknown_response_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="response_mode"):
        OAuth2Client(
            "op", "id", authorization_endpoint="https://a.example", token_endpoint="https://a.example",
            response_mode="fragment",
        )  # fmt: skip
