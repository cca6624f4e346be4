"""Rows OA1 to OA28 of the list of bad input: what providers, browsers and strangers have sent to sign-ins before.

Each test says which check refuses, and that nobody is signed in afterwards.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from waterspout.auth import AuthError, CheckFailed, OAuthMixin, OpenIdMixin, ProviderRefused, ProviderUnreachable
from waterspout.auth.oauth2 import OAuth2Client, PendingSignIn, TokenKeeper, TokenSet
from waterspout.auth.sessions import MemoryStore
from waterspout.httpclient import AsyncHTTPClient, BasicAuth, InvalidRequestError
from waterspout.web import Application, RequestHandler

Lies = dict[str, Callable[[Any], Any]]


@pytest.fixture
def refused(site: Any, caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Signs in with a provider that lies; the check must fail, be named in page and log, and nobody be signed in."""

    def sign_in(
        check: str, lies: Lies | None = None, *, way: Callable[[Any], Any] | None = None, **options: Any
    ) -> None:
        async def act(site: Any) -> None:
            response = await (way(site) if way is not None else site.sign_in())
            assert response.code == 403, (response.code, caplog.text)
            assert f"The check that failed: {check}." in response.body.decode()
            assert await site.user() is None

        site(act, lies=lies, **options)
        assert f"sign-in with op failed: {check}: " in caplog.text

    return sign_in


def claims_with(**changes: Any) -> Lies:
    """Claims of the ID token changed; None leaves one out."""

    def lie(claims: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    return {"claims": lie}


def callback_with(**changes: Any) -> Lies:
    def lie(back: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**back, **changes}.items() if value is not None}

    return {"callback": lie}


def b64(data: bytes | str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def now() -> int:
    return int(time.time())


# -- OA1, OA2: state


@pytest.mark.parametrize("state", [None, "", "x", "é", "A" * 43])
def test_OA1_a_callback_without_the_state_is_refused_before_the_token_endpoint_is_asked(
    refused: Any, lying_provider: Any, state: str | None
) -> None:
    refused("state", callback_with(state=state), provider=lying_provider)
    assert "POST token_endpoint" not in lying_provider.requests


def test_OA1_a_state_of_another_user_is_refused(refused: Any, new_browser: Any) -> None:
    async def way(site: Any) -> Any:
        # The victim has begun a sign-in of their own, and is handed the attacker's way back.
        await site.browser.get(f"{site.base}/signin/op")
        own, site.browser = site.browser, new_browser(site.base)
        attacker_s = await site.way_back()
        site.browser = own
        return await own.get(attacker_s)

    refused("state", way=way)


def test_OA1_a_state_is_good_once_even_with_its_cookie_put_back(refused: Any) -> None:
    async def way(site: Any) -> Any:
        back = await site.way_back()
        host = urlsplit(site.base).netloc
        kept = dict(site.browser.cookies[host])
        assert (await site.browser.get(back)).code == 303
        site.browser.cookies[host] = kept
        return await site.browser.get(back)

    refused("state", way=way)


def test_OA1_a_state_from_another_provider_is_refused(site: Any) -> None:
    async def act(site: Any) -> None:
        back = urlsplit(await site.way_back())
        answer = {name: value for name, (value,) in parse_qs(back.query).items()}

        class Handler:
            """As much of a handler as is looked at."""

            def get_cookie(self, name: str) -> Any:
                return site.browser.cookies[back.netloc].get(name, "").strip('"') or None

            def clear_cookie(self, name: str, **options: Any) -> None:
                """It is gone afterwards."""

        with pytest.raises(CheckFailed, match="begun with another provider") as caught:
            site.signin.cookies.finish(Handler(), "another", answer["state"])
        assert caught.value.check == "state"
        pending = PendingSignIn("another", "https://app.example/back")
        with pytest.raises(CheckFailed, match="begun with another provider"):
            await site.client.complete({**answer, "state": pending.state}, pending)

    site(act)


def test_OA1_a_state_that_is_too_old_is_refused(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def way(site: Any) -> Any:
        back = await site.way_back()
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 601)
        return await site.browser.get(back)

    refused("state", way=way)


def test_OA1_a_state_cookie_that_was_made_elsewhere_is_refused(refused: Any) -> None:
    async def way(site: Any) -> Any:
        back = await site.way_back()
        jar = site.browser.cookies[urlsplit(site.base).netloc]
        for name, value in jar.items():
            jar[name] = value.replace("|", "|1", 1) if "|" in value else value[:-1]
        return await site.browser.get(back)

    refused("state", way=way)


def test_OA1_a_parameter_that_is_there_twice_is_refused(refused: Any) -> None:
    async def way(site: Any) -> Any:
        back = await site.way_back()
        return await site.browser.get(back + "&state=x")

    refused("format", way=way)


def test_OA2_a_code_for_a_browser_that_began_nothing_is_refused(refused: Any, new_browser: Any) -> None:
    async def way(site: Any) -> Any:
        back = await site.way_back()
        site.browser = new_browser(site.base)
        return await site.browser.get(back)

    refused("state", way=way)


# -- OA3, OA4: PKCE


def test_OA3_every_authorization_request_has_an_S256_challenge_of_its_own(site: Any) -> None:
    async def act(site: Any) -> None:
        seen = set()
        for _ in range(3):
            begun = await site.browser.get(f"{site.base}/signin/op")
            query = parse_qs(urlsplit(begun.headers["Location"]).query)
            assert query["code_challenge_method"] == ["S256"]
            seen.add(query["code_challenge"][0])
            assert len(query["code_challenge"][0]) == 43
        assert len(seen) == 3

    site(act)


def test_OA3_the_verifier_has_256_bits_and_never_passes_through_the_browser(site: Any) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        verifier = next(one for one in site.provider.issued if len(one) == 43 and one not in str(site.browser.history))
        assert len(verifier) >= 43 and verifier not in json.dumps(site.browser.cookies)

    site(act)
    pending = PendingSignIn("op", "https://app.example/back")
    assert len(pending.code_verifier) == 43


@pytest.mark.parametrize("methods", [["plain"], [], "S256", ["s256"]])
def test_OA4_a_provider_that_knows_PKCE_only_as_plain_is_refused(refused: Any, methods: Any) -> None:
    async def way(site: Any) -> Any:
        return await site.browser.get(f"{site.base}/signin/op")

    refused(
        "code_challenge_methods_supported",
        {"document": lambda document: {**document, "code_challenge_methods_supported": methods}},
        way=way,
    )


def test_OA4_no_caller_can_ask_for_plain(run: Any) -> None:
    client = oauth2_client()
    with pytest.raises(ValueError, match="code_challenge_method"):
        run(client.begin("https://app.example/back", code_challenge_method="plain"))


# -- OA5: RFC 9207


@pytest.mark.parametrize("iss", ["https://another.example", None, "", "/"])
def test_OA5_an_answer_of_another_issuer_or_of_none_is_refused(
    refused: Any, lying_provider: Any, iss: str | None
) -> None:
    refused("iss", callback_with(iss=iss), provider=lying_provider)
    assert "POST token_endpoint" not in lying_provider.requests


def test_OA5_an_issuer_that_is_sent_is_compared_where_none_is_promised(refused: Any) -> None:
    def promise_nothing(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "authorization_response_iss_parameter_supported": False}

    refused("iss", {"document": promise_nothing, **callback_with(iss="https://another.example")})


# -- OA6, OA7


def test_OA6_the_host_header_is_nowhere_in_the_redirect_uri(site: Any) -> None:
    async def act(site: Any) -> str:
        begun = await site.browser.get(f"{site.base}/signin/op", Host="evil.example")
        assert "evil" not in begun.headers["Location"]
        (uri,) = parse_qs(urlsplit(begun.headers["Location"]).query)["redirect_uri"]
        assert uri == f"{site.base}/signin/op/callback"
        return uri

    site(act)


def test_OA7_words_of_the_provider_are_escaped_in_the_page_and_tame_in_the_log(site: Any, caplog: Any) -> None:
    async def act(site: Any) -> None:
        response = await site.sign_in()
        assert response.code == 403 and b"<script>" not in response.body
        assert await site.user() is None

    lie = callback_with(code=None, error="access_denied", error_description="<script>alert(1)</script>\r\n\x1b[31m")
    site(act, lies=lie)
    assert "op refused: access_denied: <script>alert(1)</script>??" in caplog.text and "\x1b" not in caplog.text


def test_OA7_the_error_of_a_provider_is_an_auth_error_for_plain_use(run: Any) -> None:
    client = oauth2_client()
    pending = PendingSignIn("op", "https://app.example/back")
    with pytest.raises(ProviderRefused) as caught:
        run(client.complete({"error": "access_denied", "state": pending.state}, pending))
    assert caught.value.error == "access_denied"


# -- OA8, OA9: endpoints and answers


def oauth2_client(**changes: Any) -> OAuth2Client:
    endpoints = {
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://id.example/token",
    }
    return OAuth2Client("op", "client", "secret", **{**endpoints, **changes})


@pytest.mark.parametrize("url", ["http://id.example/token", "ftp://id.example/token", "//id.example", "id.example", ""])
def test_OA8_a_token_endpoint_without_tls_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="token_endpoint"):
        oauth2_client(token_endpoint=url)
    with pytest.raises(ValueError, match="token_endpoint"):
        oauth2_client(token_endpoint=url, allow_http_loopback=True)


def answers(kind: str) -> Callable[[Any], Any]:
    def html(handler: Any) -> None:
        handler.write("<html>login</html>")

    def html_as_json(handler: Any) -> None:
        handler.set_header("Content-Type", "application/json")
        handler.write("<html>login</html>")

    def huge(handler: Any) -> None:
        handler.set_header("Content-Type", "application/json")
        handler.write('{"access_token": "' + "x" * 10_000_000 + '"}')

    def redirect(handler: Any) -> None:
        handler.redirect("/elsewhere", status=307)

    def deep(handler: Any) -> None:
        handler.set_header("Content-Type", "application/json")
        handler.write("[" * 100_000)

    return {"html": html, "html_as_json": html_as_json, "huge": huge, "redirect": redirect, "deep": deep}[kind]


@pytest.mark.parametrize("kind", ["html", "html_as_json", "huge", "redirect", "deep"])
def test_OA8_an_answer_of_the_token_endpoint_that_is_none_is_refused(site: Any, lying_provider: Any, kind: str) -> None:
    async def act(site: Any) -> None:
        response = await site.sign_in()
        assert response.code == 502 and await site.user() is None

    site(act, provider=lying_provider, lies={"answer": lambda answer: answers(kind)})
    assert not any("elsewhere" in request for request in lying_provider.requests)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "x", "token_type": "mac"},
        {"access_token": "x", "expires_in": "soon"},
        {"access_token": "x", "expires_in": -1},
        {"access_token": "x", "expires_in": True},
        {"access_token": "x", "refresh_token": ["x"]},
        *(
            {name: value} | ({} if name == "access_token" else {"access_token": "x"})
            for name in ("access_token", "refresh_token")
            for value in ("a\r\nX: y", "a\0", "\u2603", "\xe9", "a\ud800", "a\x7f", "\n")
        ),
    ],
)
def test_OA8_an_answer_without_a_usable_access_token_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnreachable):
        TokenSet.of_answer(answer, "https://id.example/token")


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_OA24_a_token_that_is_no_text_of_a_header_fails_the_sign_in_and_is_not_logged(
    site: Any, caplog: Any, name: str
) -> None:
    async def act(site: Any) -> Any:
        return (await site.sign_in()).code, await site.user()

    lies = {"answer": lambda answer: {**answer, name: "secretmark\ud800"}}
    assert site(act, lies=lies) == (502, None)
    assert "secretmark" not in caplog.text and name in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:80@attacker.test/cb",
        "https://client@attacker.test/cb",
        "http://localhost\\@attacker.test/cb",
        "http://localhost.attacker.test/cb",
        "http://127.0.0.1.attacker.test/cb",
        "https://id.example:x/cb",
        "https://id.example/cb#fragment",
        "https://id.example/c b",
        "https:///cb",
    ],
)
def test_OA9_addresses_are_judged_by_their_parsed_host(url: str, secret: str) -> None:
    from waterspout.auth.signin import SignIn

    with pytest.raises(ValueError, match="token_endpoint"):
        oauth2_client(token_endpoint=url, allow_http_loopback=True)
    with pytest.raises(ValueError, match="base_url"):
        SignIn([], base_url=url, secret=secret)


# -- OA10 to OA14: signatures


def unsigned(algorithm: str, signature: str = "") -> Lies:
    def lie(token: str) -> str:
        return f"{b64(json.dumps({'alg': algorithm, 'kid': 'k1'}))}.{token.split('.')[1]}.{signature}"

    return {"token": lie}


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_OA10_a_token_without_a_signature_is_refused(refused: Any, algorithm: str, signature: str) -> None:
    refused("alg" if signature else "signature", unsigned(algorithm, signature))


@pytest.mark.parametrize("signature", ["", "A", "AAAA", "A" * 342, "=" * 342, "é"])
def test_OA10_a_blank_or_wrong_signature_is_refused(refused: Any, signature: str) -> None:
    refused("signature", {"token": lambda token: token.rpartition(".")[0] + "." + signature})


def test_OA10_a_token_that_was_changed_is_refused(refused: Any) -> None:
    def lie(token: str) -> str:
        header, payload, signature = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return f"{header}.{b64(json.dumps({**claims, 'sub': 'admin'}))}.{signature}"

    refused("signature", {"token": lie})


def hmac_with(key: bytes) -> Lies:
    def lie(token: str) -> str:
        signed = f"{b64(json.dumps({'alg': 'HS256', 'kid': 'k1'}))}.{token.split('.')[1]}"
        return f"{signed}.{b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"

    return {"token": lie}


@pytest.mark.parametrize("algorithms", [("RS256",), ("RS256", "HS256")])
@pytest.mark.parametrize("form", ["pem", "der", "n"])
def test_OA11_HS256_with_the_public_key_is_refused(
    refused: Any, lying_provider: Any, algorithms: tuple[str, ...], form: str
) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = lying_provider.key.public_key
    key = {
        "pem": lambda: public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": lambda: public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "n": lambda: lying_provider.key.as_dict(private=False)["n"].encode(),
    }[form]()
    check = "alg" if algorithms == ("RS256",) else "signature"
    refused(check, hmac_with(key), provider=lying_provider, id_token_algs=algorithms)


def test_OA11_HS256_with_the_client_secret_is_taken_where_it_is_configured_and_not_elsewhere(
    site: Any, refused: Any, lying_provider: Any
) -> None:
    secret = "client-secret-of-thirty-two-bytes!"

    async def act(site: Any) -> None:
        await site.sign_in()
        assert await site.user() is not None

    site(act, lies=hmac_with(secret.encode()), id_token_algs="HS256")
    refused("alg", hmac_with(secret.encode()))


@pytest.mark.parametrize("field", ["jwk", "jku", "x5u", "x5c"])
def test_OA11_keys_that_a_token_brings_along_are_not_looked_at(refused: Any, lying_provider: Any, field: str) -> None:
    other = lying_provider.other_key
    brought = {
        "jwk": other.as_dict(private=False),
        "jku": f"{lying_provider.base}/attackers_keys",
        "x5u": "https://attacker.test/cert",
        "x5c": ["MIIB"],
    }[field]

    def resigned(token: str) -> str:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return str(lying_provider.sign(claims, {"alg": "RS256", "kid": "k1", field: brought}, other))

    if field == "jku":
        brought = "https://attacker.test/keys"
    refused("signature", {"token": resigned}, provider=lying_provider)
    assert not any("attacker" in request for request in lying_provider.requests)


@pytest.mark.parametrize("kid", ["../../etc/passwd", "k1\x00", "", "' OR 1=1", "K1"])
def test_OA11_a_kid_is_a_name_to_look_up_and_nothing_else(refused: Any, kid: str) -> None:
    refused("kid", {"header": lambda header: {**header, "kid": kid}})


@pytest.mark.parametrize("kid", [7, ["k1"], {"a": 1}, True])
def test_OA11_a_kid_that_is_no_text_is_refused(refused: Any, kid: Any) -> None:
    def lie(token: str) -> str:
        _, payload, signature = token.split(".")
        return f"{b64(json.dumps({'alg': 'RS256', 'kid': kid}))}.{payload}.{signature}"

    refused("kid", {"token": lie})


@pytest.mark.parametrize("algorithms", ["none", ["RS256", "none"], ["nOnE"], [], ["RS1"]])
def test_OA11_algorithms_that_prove_nothing_cannot_be_configured(algorithms: Any) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    from waterspout.auth.oidc import OpenIDClient

    with pytest.raises(ValueError, match="algorithm"):
        OpenIDClient("op", "client", "secret", issuer="https://id.example", id_token_algs=algorithms)


@pytest.mark.parametrize("secret", [None, "", "short", "x" * 31])
def test_OA12_an_empty_or_short_key_for_HMAC_is_refused(secret: str | None) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    from waterspout.auth.oidc import OpenIDClient

    with pytest.raises(ValueError, match="secret"):
        OpenIDClient("op", "client", secret, issuer="https://id.example", id_token_algs=["HS256"])


@pytest.mark.parametrize(
    "more",
    [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}, {"crit": []},
     {"crit": ["unknown"], "unknown": 1}],
)  # fmt: skip
def test_OA13_critical_extensions_are_refused(refused: Any, lying_provider: Any, more: dict[str, Any]) -> None:
    def lie(token: str) -> str:
        _, payload, signature = token.split(".")
        return f"{b64(json.dumps({'alg': 'RS256', 'kid': 'k1', **more}))}.{payload}.{signature}"

    refused("crit", {"token": lie}, provider=lying_provider)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM", "zip": "DEF"},
        {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 10**9, "p2s": "AAAA"},
    ],
)
def test_OA14_encrypted_tokens_are_not_even_opened(refused: Any, header: dict[str, Any]) -> None:
    began = time.process_time()
    refused("format", {"token": lambda token: f"{b64(json.dumps(header))}.AAAA.AAAA.AAAA.AAAA"})
    assert time.process_time() - began < 10


def test_OA14_a_huge_header_is_refused(run: Any) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    client = openid_client()
    for size, part in ((10_000_000, 0), (10_000_000, 1), (4096, 0)):
        token = ["e30", "e30", "e30"]
        token[part] = "A" * size
        with pytest.raises(CheckFailed) as caught:
            run(client.identify(TokenSet("x", id_token=".".join(token))))
        assert caught.value.check == "format"


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "e30.e30", "é.é.é", "e30 .e30.e30", "e3 0.e30.e30"])
def test_OA14_what_is_no_token_is_refused(run: Any, token: str) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    with pytest.raises(CheckFailed) as caught:
        run(openid_client().identify(TokenSet("x", id_token=token)))
    assert caught.value.check == "format"


@pytest.mark.parametrize("header", [[], 7, '{"alg":"RS256","alg":"none"}', '{"alg":NaN}', "[" * 1000, '{"alg":7}'])
def test_OA14_a_header_that_can_be_read_in_two_ways_is_refused(run: Any, header: Any) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    text = header if isinstance(header, str) else json.dumps(header)
    with pytest.raises(CheckFailed) as caught:
        run(openid_client().identify(TokenSet("x", id_token=f"{b64(text)}.e30.AAAA")))
    assert caught.value.check in ("format", "alg")


def openid_client(**options: Any) -> Any:
    from waterspout.auth.oidc import OpenIDClient

    base = "https://id.example"
    document = {name: f"{base}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    return OpenIDClient("op", "client", "secret", issuer=base, metadata={"issuer": base, **document}, **options)


# -- OA15 to OA18: claims


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"aud": "another"}, "aud"),
        ({"aud": ["another"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["client", 7]}, "aud"),
        ({"aud": {"client": 1}}, "aud"),
        ({"aud": "client2"}, "aud"),
        ({"aud": ["client", "another"]}, "azp"),
        ({"aud": ["client", "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": None}, "iss"),
        ({"iss": "https://another.example"}, "iss"),
        ({"iss": ["https://another.example"]}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "sub"),
    ],
)
def test_OA15_a_token_for_or_from_somebody_else_is_refused(refused: Any, changes: dict[str, Any], check: str) -> None:
    refused(check, claims_with(**changes))


def test_OA15_a_slash_at_the_end_makes_another_issuer(refused: Any) -> None:
    refused("iss", {"claims": lambda claims: {**claims, "iss": claims["iss"] + "/"}})


def test_OA15_several_audiences_are_taken_where_the_token_is_ours_first(site: Any) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        assert await site.user() is not None

    site(act, lies=claims_with(aud=["client", "another"], azp="client"))


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"exp": now() - 61}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": 10**400}, "exp"),
        ({"exp": {}}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": now() + 3600}, "iat"),
        ({"iat": now() - 86400}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": -5}, "iat"),
        ({"nbf": now() + 3600}, "nbf"),
        ({"nbf": "later"}, "nbf"),
    ],
)
def test_OA16_a_token_that_does_not_hold_now_is_refused(refused: Any, changes: dict[str, Any], check: str) -> None:
    refused(check, claims_with(**changes))


@pytest.mark.parametrize("value", ["1e999", "NaN", "Infinity", "-Infinity"])
def test_OA16_times_that_are_no_numbers_are_refused(refused: Any, lying_provider: Any, value: str) -> None:
    from joserfc import jws

    def lie(token: str) -> str:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        text = json.dumps(claims).replace(f'"exp": {claims["exp"]}', f'"exp": {value}')
        return jws.serialize_compact({"alg": "RS256", "kid": "k1"}, text.encode(), lying_provider.key)

    refused("exp" if value == "1e999" else "format", {"token": lie}, provider=lying_provider)


@pytest.mark.parametrize(("name", "seconds"), [("exp", -20), ("iat", 30), ("nbf", 30)])
def test_OA16_clocks_may_differ_by_a_minute(site: Any, name: str, seconds: int) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        assert await site.user() is not None

    site(act, lies={"claims": lambda claims: {**claims, name: now() + seconds}})


@pytest.mark.parametrize(
    "changes",
    [{"nonce": None}, {"nonce": "another"}, {"nonce": ""}, {"nonce": 7}, {"nonce": None, "nonce_supported": False},
     {"nonce": "another", "nonce_supported": False}],
)  # fmt: skip
def test_OA17_a_token_of_another_sign_in_is_refused_whatever_it_says(refused: Any, changes: dict[str, Any]) -> None:
    refused("nonce", claims_with(**changes))


@pytest.mark.parametrize(
    ("changes", "options", "check"),
    [
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, {}, "at_hash"),
        ({"at_hash": 7}, {}, "at_hash"),
        ({"at_hash": None}, {"require_at_hash": True}, "at_hash"),
        ({"c_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, {}, "c_hash"),
    ],
)
def test_OA18_a_token_that_came_with_another_token_or_code_is_refused(
    refused: Any, changes: dict[str, Any], options: dict[str, Any], check: str
) -> None:
    refused(check, claims_with(**changes), **options)


def test_OA18_an_algorithm_without_a_hash_fails_closed() -> None:
    from waterspout.auth.oidc._claims import check_hash

    for name in ("at_hash", "c_hash"):
        with pytest.raises(CheckFailed) as caught:
            check_hash({name: "x"}, name, "token", "XX999")
        assert caught.value.check == name


# -- OA19, OA20: what a provider says of itself


def test_OA19_a_thousand_unknown_kids_cost_one_more_fetch_a_minute(run: Any) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    from joserfc import jwk

    from waterspout.auth.oidc import KeySet

    published = [jwk.RSAKey.generate_key(2048, {"kid": "k1"}).as_dict(private=False)]
    fetches, clock = 0, [100.0]

    async def fetch() -> dict[str, Any]:
        nonlocal fetches
        fetches += 1
        await asyncio.sleep(0)
        return {"keys": list(published)}

    async def main() -> None:
        keys = KeySet(fetch, clock=lambda: clock[0])

        async def ask(kid: str) -> str:
            try:
                return str(await keys.find(kid, "RS256"))
            except CheckFailed as error:
                return error.check

        await ask("k1")
        assert fetches == 1
        assert await asyncio.gather(*(ask(f"made-up-{n}") for n in range(1000))) == ["kid"] * 1000
        assert fetches == 2
        clock[0] += 59
        await ask("made-up")
        assert fetches == 2
        # The provider changes keys: the new one is found at once, by everybody who needs it at that moment.
        published.append(jwk.RSAKey.generate_key(2048, {"kid": "k2"}).as_dict(private=False))
        clock[0] += 1
        assert "kid" not in await asyncio.gather(*(ask("k2") for _ in range(5)))
        assert fetches == 3 and await ask("k1") != "kid"

    run(main())


def test_OA19_a_key_set_that_is_too_large_is_refused(refused: Any) -> None:
    refused("jwks", {"keys": lambda keys: {"keys": [{"kty": "RSA"}] * 65}})


@pytest.mark.parametrize("keys", [{}, {"keys": {}}, {"keys": "x"}])
def test_OA19_a_key_set_that_is_none_is_refused(refused: Any, keys: Any) -> None:
    refused("jwks", {"keys": lambda honest: keys})


def test_OA19_a_key_set_of_a_megabyte_is_not_read(site: Any) -> None:
    async def act(site: Any) -> None:
        response = await site.sign_in()
        assert response.code == 502 and await site.user() is None

    site(act, lies={"keys": lambda keys: {**keys, "more": "x" * 1_000_000}})


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"n": "AAAA"},
        {"n": "!!"},
        {"n": b64(b"\xc5" * 128)},
        {"e": ""},
        {"kid": "k2"},
        {"kid": ["k1"]},
    ],
)
def test_OA19_keys_that_are_not_for_this_are_not_used(refused: Any, change: dict[str, Any]) -> None:
    refused("kid", {"keys": lambda keys: {"keys": [{**keys["keys"][0], **change}]}})


@pytest.mark.parametrize("issuer", ["https://another.example", "", None, 7, ["x"]])
def test_OA20_a_document_of_another_issuer_is_refused(refused: Any, issuer: Any) -> None:
    async def way(site: Any) -> Any:
        return await site.browser.get(f"{site.base}/signin/op")

    refused("issuer", {"document": lambda document: {**document, "issuer": issuer}}, way=way)


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"]
)
@pytest.mark.parametrize(
    "url",
    ["http://id.example/x", "https://attacker.test/x", "ftp://127.0.0.1/x", "javascript:alert(1)", 7, "", "/x",
     "https://127.0.0.1@attacker.test/", "https://attacker.test/\\127.0.0.1"],
)  # fmt: skip
def test_OA20_endpoints_elsewhere_or_without_tls_are_refused(refused: Any, name: str, url: Any) -> None:
    async def way(site: Any) -> Any:
        return await site.browser.get(f"{site.base}/signin/op")

    refused(name, {"document": lambda document: {**document, name: url}}, way=way)


def test_OA20_a_provider_may_be_on_hosts_that_are_listed() -> None:
    from waterspout.auth.oidc import ProviderMetadata

    document = {
        "issuer": "https://id.example",
        "authorization_endpoint": "https://id.example/a",
        "token_endpoint": "https://login.id.example/t",
        "jwks_uri": "https://keys.other.example/k",
    }
    known = ProviderMetadata.of_document(document, "https://id.example", endpoint_hosts=["other.example"])
    assert known.jwks_uri == "https://keys.other.example/k" and known.userinfo_endpoint is None
    with pytest.raises(CheckFailed, match="endpoint_hosts"):
        ProviderMetadata.of_document(document, "https://id.example", endpoint_hosts=["another.example"])


# -- OA21: userinfo


@pytest.mark.parametrize("answer", [{"sub": "admin"}, {}, {"sub": None}, {"sub": ["user-7"]}])
def test_OA21_userinfo_of_another_user_is_refused(refused: Any, answer: dict[str, Any]) -> None:
    refused("sub", {"userinfo": lambda honest: answer}, with_userinfo=True)


def test_OA21_userinfo_that_is_not_signed_is_refused_where_it_should_be(refused: Any) -> None:
    refused("userinfo", with_userinfo=True, userinfo_algs=["RS256"])


def test_OA21_claims_of_userinfo_do_not_replace_those_of_the_token(site: Any) -> None:
    async def act(site: Any) -> Any:
        await site.sign_in()
        return await site.user()

    lie = {"userinfo": lambda honest: {**honest, "iss": "x", "sid": "x", "name": "Mallory", "email": "ann@id.example"}}
    user = site(act, lies=lie, with_userinfo=True)
    assert user["iss"].startswith("http://127.0.0.1") and user["sid"] == "s1"
    assert user["name"] == "Ann" and user["email"] == "ann@id.example"


# -- OA22: refreshing


class CountingClient:
    """A provider that rotates refresh tokens and takes a second use for theft."""

    name = "op"

    def __init__(self) -> None:
        self.valid = "r0"
        self.calls = 0
        self.asked = asyncio.Event()

    async def refresh(self, refresh_token: str, previous: TokenSet | None = None) -> TokenSet:
        self.calls += 1
        self.asked.set()
        await asyncio.sleep(0)
        if refresh_token != self.valid:
            raise ProviderRefused("op", "invalid_grant")
        self.valid = f"r{self.calls}"
        return TokenSet(f"a{self.calls}", refresh_token=self.valid, expires_at=time.time() + 300)


def test_OA22_two_tasks_that_refresh_at_once_make_one_request(run: Any) -> None:
    async def main() -> None:
        client: Any = CountingClient()
        keeper = TokenKeeper(client, MemoryStore())
        await keeper.put("ann", TokenSet("a0", refresh_token="r0", expires_at=0))
        tasks = [asyncio.ensure_future(keeper.access_token("ann")) for _ in range(20)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # who goes away does not take the others' refresh along
        seen = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(seen[0], asyncio.CancelledError) and set(seen[1:]) == {"a1"}
        assert client.calls == 1 and not keeper._running

    run(main())


def test_OA22_two_processes_with_one_store_make_one_request(run: Any) -> None:
    async def main() -> None:
        client: Any = CountingClient()
        store = MemoryStore()
        keepers = [TokenKeeper(client, store) for _ in range(3)]
        await keepers[0].put("ann", TokenSet("a0", refresh_token="r0", expires_at=0))
        assert await asyncio.gather(*(keeper.access_token("ann") for keeper in keepers)) == ["a1"] * 3
        assert client.calls == 1 and len(store) == 1  # no lock is left

    run(main())


def test_OA22_the_lock_of_a_process_that_has_died_holds_nobody_up_for_ever(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        clock = [0.0]
        client: Any = CountingClient()
        store = MemoryStore(clock=lambda: clock[0])
        keeper = TokenKeeper(client, store)
        await keeper.put("ann", TokenSet("a0", refresh_token="r0", expires_at=0))
        await store.add(f"{keeper._name('ann')}:lock", b"", 30)
        real = asyncio.sleep

        async def sleep(seconds: float) -> None:
            clock[0] += seconds
            await real(0)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        assert await keeper.access_token("ann") == "a1"
        assert 30 <= clock[0] < 32

    run(main())


def test_OA22_who_has_signed_out_meanwhile_stays_signed_out(run: Any) -> None:
    async def main() -> None:
        client: Any = CountingClient()
        keeper = TokenKeeper(client, MemoryStore())
        await keeper.put("ann", TokenSet("a0", refresh_token="r0", expires_at=0))
        refreshing = asyncio.ensure_future(keeper.access_token("ann"))
        await client.asked.wait()
        await keeper.drop("ann")
        await refreshing
        assert await keeper.get("ann") is None

    run(main())


def test_OA22_a_refresh_token_that_was_used_before_drops_the_tokens(run: Any) -> None:
    async def main() -> None:
        lost: list[str] = []

        async def note(key: str) -> None:
            lost.append(key)

        client: Any = CountingClient()
        keeper = TokenKeeper(client, MemoryStore(), on_lost=note)
        await keeper.put("ann", TokenSet("a0", refresh_token="stolen", expires_at=0))
        for _ in range(2):
            with pytest.raises(AuthError):
                await keeper.access_token("ann")
        assert lost == ["ann"] and client.calls == 1 and await keeper.get("ann") is None

    run(main())


def test_OA22_refreshed_tokens_of_another_user_are_refused(site: Any) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        key = (await site.user())["tokens"]
        keeper = site.signin.keepers["op"]
        kept = await keeper.get(key)
        kept.expires_at = 0
        await keeper.put(key, kept)
        site.provider.subject = "admin"
        with pytest.raises(CheckFailed) as caught:
            await keeper.access_token(key)
        assert caught.value.check == "sub"

    site(act, signin={"keep_tokens": True})


# -- OA23: logout


def notice(provider: Any, **changes: Any) -> dict[str, Any]:
    event = "http://schemas.openid.net/event/backchannel-logout"
    claims = {
        "iss": provider.base, "aud": "client", "iat": now(), "exp": now() + 120, "jti": "j1", "sub": "user-7",
        "sid": "s1", "events": {event: {}}, **changes,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"nonce": "x"}, "nonce"),
        ({"events": None}, "events"),
        ({"events": {}}, "events"),
        ({"events": {"http://schemas.openid.net/event/frontchannel-logout": {}}}, "events"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": True}}, "events"),
        ({"events": ["http://schemas.openid.net/event/backchannel-logout"]}, "events"),
        ({"jti": None}, "jti"),
        ({"sub": None, "sid": None}, "sub"),
        ({"sid": 7}, "sid"),
        ({"aud": "another"}, "aud"),
        ({"iss": "https://another.example"}, "iss"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": 1}, "iat"),
    ],
)
def test_OA23_a_logout_notice_that_is_none_is_refused(
    site: Any, caplog: Any, changes: dict[str, Any], check: str
) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        token = site.provider.sign(notice(site.provider, **changes))
        response = await site.browser.post(f"{site.base}/signin/op/backchannel-logout", {"logout_token": token})
        assert response.code == 400 and await site.user() is not None

    site(act, store=MemoryStore())
    assert f"logout notice of op refused: {check}: " in caplog.text


def test_OA23_an_ID_token_is_no_logout_notice_and_the_reverse(site: Any, refused: Any) -> None:
    async def act(site: Any) -> None:
        await site.sign_in()
        id_token = site.provider.issued[-1]
        assert id_token.count(".") == 2
        response = await site.browser.post(f"{site.base}/signin/op/backchannel-logout", {"logout_token": id_token})
        assert response.code == 400 and await site.user() is not None

    site(act, store=MemoryStore())
    event = "http://schemas.openid.net/event/backchannel-logout"
    refused("events", claims_with(events={event: {}}))


def test_OA23_a_logout_notice_is_good_once(site: Any) -> None:
    async def act(site: Any) -> list[int]:
        token = site.provider.sign(notice(site.provider))
        url = f"{site.base}/signin/op/backchannel-logout"
        return [(await site.browser.post(url, {"logout_token": token})).code for _ in range(2)]

    assert site(act, store=MemoryStore()) == [200, 400]


@pytest.mark.parametrize("uri", ["https://evil.example/", "https://app.example/bye/", "//evil.example", ""])
def test_OA23_users_are_sent_nowhere_else_after_a_logout(run: Any, uri: str) -> None:
    pytest.importorskip("joserfc", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    from waterspout.auth.oidc import OpenIDClient

    base = "https://id.example"
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
    client = OpenIDClient(
        "op", "client", "secret", issuer=base, post_logout_redirect_uris=["https://app.example/bye"],
        metadata={"issuer": base, **{name: f"{base}/{name}" for name in names}},
    )  # fmt: skip
    with pytest.raises(ValueError, match="post_logout_redirect_uris"):
        run(client.logout_url(post_logout_redirect_uri=uri))
    assert "app.example%2Fbye" in run(client.logout_url(post_logout_redirect_uri="https://app.example/bye"))


# -- OA24: secrets in sight


def test_OA24_no_representation_shows_a_secret() -> None:
    tokens = TokenSet("SECRET-a", refresh_token="SECRET-r", id_token="SECRET-i", raw={"access_token": "SECRET-a"})
    pending = PendingSignIn("op", "https://app.example/back", {"next": "/SECRET"})
    client = oauth2_client(authorization_params={})
    from waterspout.auth.oauth1 import OAuth1Token
    from waterspout.auth.oauth2 import ClientSecretBasic, ClientSecretPost, Identity

    shown = [
        tokens, pending, client, client.client_auth, ClientSecretBasic("SECRET"), ClientSecretPost("SECRET"),
        Identity("op", "https://id.example", {"sub": "SECRET"}, tokens), OAuth1Token("SECRET", "SECRET"),
    ]  # fmt: skip
    for one in shown:
        assert "SECRET" not in f"{one!r} {one}"
    for secret in (pending.state, pending.nonce, pending.code_verifier):
        assert secret not in repr(pending)


def test_OA24_nothing_secret_of_a_whole_sign_in_is_logged(site: Any, caplog: Any) -> None:
    import logging

    async def act(site: Any) -> list[str]:
        await site.sign_in()
        await site.user()
        keeper = site.signin.keepers["op"]
        key = (await site.user())["tokens"]
        kept = await keeper.get(key)
        kept.expires_at = 0
        await keeper.put(key, kept)
        await keeper.access_token(key)
        kept.expires_at = 0
        await keeper.put(key, kept)  # the old refresh token again: refused, in words that repeat it
        with pytest.raises(ProviderRefused) as caught:
            await keeper.access_token(key)
        assert "refresh-" not in str(caught.value)
        pages = [await site.browser.get(f"{site.base}/signin/op/callback?code=SECRET-code&state=SECRET-state")]
        site.provider.lies["claims"] = lambda claims: {**claims, "exp": 1}
        pages.append(await site.sign_in())
        site.provider.lies["answer"] = lambda answer: {"error": "invalid_grant", "error_description": str(answer)[:60]}
        pages.append(await site.sign_in())
        site.provider.lies["answer"] = lambda answer: lambda handler: handler.write("<html>" + str(answer))
        pages.append(await site.sign_in())
        await site.browser.post(f"{site.base}/signin/out", {})
        assert [page.code for page in pages] == [403, 403, 403, 502]
        for page in pages:
            for value in [*site.provider.issued, "SECRET-code", "SECRET-state"]:
                assert value not in page.body.decode()
        return [*site.provider.issued, "SECRET-code", "SECRET-state", "client-secret-of-thirty-two-bytes!"]

    with caplog.at_level(logging.DEBUG):
        issued = site(act, signin={"keep_tokens": True})
    assert "GET /signin/op/callback" in caplog.text and len(issued) > 15
    # The state alone is no secret: it is good once, in the browser that has its cookie.
    for value in issued:
        if not any(value in line and "state=" in line for line in caplog.text.splitlines()):
            assert value not in caplog.text, value


def test_OA24_no_address_of_the_application_is_told_to_others(site: Any) -> None:
    async def act(site: Any) -> list[str]:
        begun = await site.browser.get(f"{site.base}/signin/op")
        back = await site.sign_in()
        failed = await site.browser.get(f"{site.base}/signin/op/callback?code=x")
        return [response.headers["Referrer-Policy"] for response in (begun, back, failed)]

    assert site(act) == ["no-referrer"] * 3


# -- OA25: OAuth 1.0a


class OAuth1(RequestHandler, OAuthMixin):
    _OAUTH_REQUEST_TOKEN_URL = _OAUTH_ACCESS_TOKEN_URL = ""
    _OAUTH_AUTHORIZE_URL = "https://id.example/authorize"

    def initialize(self, base: list[str], confirms: bool = True) -> None:
        self._OAUTH_REQUEST_TOKEN_URL = f"{base[0]}/request_token?confirms={int(confirms)}"
        self._OAUTH_ACCESS_TOKEN_URL = f"{base[0]}/access_token"

    def _oauth_consumer_token(self) -> dict[str, Any]:
        return {"key": "k", "secret": "s"}

    async def _oauth_get_user_future(self, access_token: dict[str, Any]) -> dict[str, Any]:
        return {"name": "ann"}

    async def get(self) -> None:
        try:
            if self.get_argument("begin", None):
                await self.authorize_redirect("/back")
            else:
                self.write(await self.get_authenticated_user())
        except AuthError as error:
            self.write(f"refused: {error}")


class OAuth1Token(RequestHandler):
    def get(self) -> None:
        confirmed = {"oauth_callback_confirmed": "true"} if self.get_argument("confirms", "1") == "1" else {}
        self.write(urlencode({"oauth_token": "t1", "oauth_token_secret": "s1", **confirmed}))


def oauth1(served: Any, run: Any, new_browser: Any, secret: str, *paths: str, confirms: bool = True) -> list[str]:
    async def main() -> list[str]:
        base: list[str] = []
        given = {"base": base, "confirms": confirms}
        app = Application(
            [("/login", OAuth1, given), ("/request_token", OAuth1Token), ("/access_token", OAuth1Token)],
            cookie_secret=secret,
        )
        async with served(app) as address:
            base.append(address)
            browser = new_browser(address)
            return [(await browser.get(path)).body.decode() for path in paths]

    return list(run(main()))


BEGIN = "/login?begin=1"


def test_OA25_a_token_that_comes_back_to_its_browser_is_taken_once(
    served: Any, run: Any, new_browser: Any, secret: str
) -> None:
    back = "/login?oauth_token=t1&oauth_verifier=v"
    _, user, again = oauth1(served, run, new_browser, secret, BEGIN, back, back)
    assert json.loads(user)["name"] == "ann"
    assert again.startswith("refused: oauth_token: this browser has begun no sign-in")


@pytest.mark.parametrize(
    ("paths", "refusal"),
    [
        (["/login?oauth_token=t1&oauth_verifier=v"], "oauth_token: this browser has begun no sign-in"),
        ([BEGIN, "/login?oauth_token=t2&oauth_verifier=v"], "oauth_token: it is not that of the sign-in"),
        ([BEGIN, "/login?oauth_verifier=v"], "oauth_token: it is not that of the sign-in"),
        ([BEGIN, "/login?oauth_token=t1"], "oauth_verifier: the provider's answer has none"),
    ],
)
def test_OA25_another_token_or_no_verifier_is_refused(
    served: Any, run: Any, new_browser: Any, secret: str, paths: list[str], refusal: str
) -> None:
    assert oauth1(served, run, new_browser, secret, *paths)[-1].startswith(f"refused: {refusal}")


def test_OA25_a_provider_that_does_not_confirm_the_callback_is_refused(
    served: Any, run: Any, new_browser: Any, secret: str
) -> None:
    (answer,) = oauth1(served, run, new_browser, secret, BEGIN, confirms=False)
    assert answer.startswith("refused: oauth_callback_confirmed")


def test_OA25_each_signature_has_a_nonce_and_a_time_of_its_own() -> None:
    from waterspout.auth.oauth1 import OAuth1Client

    address = "https://id.example/x"
    client = OAuth1Client(
        "op", "k", "s", request_token_endpoint=address, authorization_endpoint=address, access_token_endpoint=address
    )
    seen = {client.authorization("GET", address) for _ in range(20)}
    assert len(seen) == 20
    assert all(f'oauth_timestamp="{str(now())[:-2]}' in header for header in seen)


# -- OA26: OpenID 2.0


class OpenId2(RequestHandler, OpenIdMixin):
    _OPENID_ENDPOINT = ""

    def initialize(self, base: list[str]) -> None:
        type(self)._OPENID_ENDPOINT = f"{base[0]}/confirm"

    async def get(self) -> None:
        try:
            if self.get_argument("openid.mode", None):
                self.write(await self.get_authenticated_user())
            else:
                self.authenticate_redirect()
        except AuthError as error:
            self.write(f"refused: {error}")


class Confirm(RequestHandler):
    answer = b""

    def post(self) -> None:
        self.write(Confirm.answer)


def openid2(served: Any, run: Any, new_browser: Any, secret: str, answer: bytes, **changes: Any) -> str:
    """The answer to an assertion with *changes*: other values, or functions of ``return_to`` that give them."""
    Confirm.answer = answer

    async def main() -> str:
        base: list[str] = []
        app = Application([("/in", OpenId2, {"base": base}), ("/confirm", Confirm)], cookie_secret=secret)
        async with served(app) as address:
            base.append(address)
            browser = new_browser(address)
            begun = await browser.get("/in")
            return_to = parse_qs(urlsplit(begun.headers["Location"]).query)["openid.return_to"][0]
            signed = "op_endpoint,return_to,response_nonce,assoc_handle,claimed_id,identity"
            assertion: dict[str, Any] = {
                "openid.mode": "id_res",
                "openid.op_endpoint": f"{address}/confirm",
                "openid.return_to": return_to,
                "openid.claimed_id": "https://id.example/ann",
                "openid.ns.ax": "http://openid.net/srv/ax/1.0",
                "openid.ax.type.email": "http://axschema.org/contact/email",
                "openid.ax.value.email": "ann@id.example",
                "openid.signed": f"{signed},ns.ax,ax.type.email,ax.value.email",
                **{f"openid.{name}": value(return_to) if callable(value) else value for name, value in changes.items()},
            }
            query = urlencode({name: value for name, value in assertion.items() if value is not None})
            return str((await browser.get(f"{return_to}&{query}")).body.decode())

    return str(run(main()))


def test_OA26_an_assertion_that_the_provider_confirms_is_taken(
    served: Any, run: Any, new_browser: Any, secret: str
) -> None:
    user = json.loads(openid2(served, run, new_browser, secret, b"ns:x\nis_valid:true\n"))
    assert user == {"email": "ann@id.example", "name": "ann", "claimed_id": "https://id.example/ann"}


@pytest.mark.parametrize(
    "answer",
    [b"ns:x is_valid:true\n", b"is_valid:true and more\n", b"not_is_valid:true\n", b"is_valid:false\n", b"", b"\x00",
     b"is_valid: true", b"IS_VALID:TRUE"],
)  # fmt: skip
def test_OA26_only_a_line_of_its_own_confirms(
    served: Any, run: Any, new_browser: Any, secret: str, answer: bytes
) -> None:
    assert openid2(served, run, new_browser, secret, answer).startswith("refused: Invalid OpenID response")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"mode": "cancel"}, "the user did not agree"),
        ({"mode": "setup_needed"}, "openid.mode"),
        ({"op_endpoint": "https://attacker.test/"}, "openid.op_endpoint"),
        ({"return_to": "https://attacker.test/in"}, "openid.return_to"),
        # What the provider has signed for another sign-in, in a browser that has begun one of its own.
        ({"return_to": lambda url: url.partition("?")[0]}, "openid.return_to"),
        ({"return_to": lambda url: url.partition("?")[0] + "?state=" + "A" * 43}, "openid.return_to"),
        ({"return_to": lambda url: url.partition("?")[0] + "?state="}, "openid.return_to"),
        ({"return_to": lambda url: f"{url}&state=x"}, "openid.return_to"),
        ({"return_to": lambda url: f"{url}&user=ann"}, "openid.return_to"),
        ({"signed": "claimed_id"}, "openid.signed"),
    ],
)
def test_OA26_an_assertion_for_or_of_somebody_else_is_refused(
    served: Any, run: Any, new_browser: Any, secret: str, changes: dict[str, Any], check: str
) -> None:
    answer = openid2(served, run, new_browser, secret, b"is_valid:true\n", **changes)
    assert answer.startswith(f"refused: {check}")


def test_OA26_attributes_that_are_not_signed_are_nobody_s(served: Any, run: Any, new_browser: Any, secret: str) -> None:
    signed = "op_endpoint,return_to,response_nonce,assoc_handle,claimed_id,identity"
    user = json.loads(openid2(served, run, new_browser, secret, b"is_valid:true\n", signed=signed))
    assert "email" not in user


# -- OA27, OA28


@pytest.mark.parametrize("username", ["a:b", ":", "a\r\nb", "\x00"])
def test_OA27_a_user_name_that_Basic_cannot_carry_is_refused(username: str) -> None:
    with pytest.raises((ValueError, InvalidRequestError)):
        BasicAuth(username, "password")


class Digest(RequestHandler):
    """Challenges with two schemes, an empty domain, and a realm with a quote and a backslash in it."""

    def get(self) -> None:
        given = self.request.headers.get("Authorization", "")
        if not given.startswith("Digest "):
            self.set_status(401)
            self.add_header("WWW-Authenticate", 'Basic realm="b"')
            self.add_header("WWW-Authenticate", 'Digest realm="a\\"b\\\\c", domain="", nonce="n", qop="auth"')
            return
        fields = dict(re.findall(r'(\w+)="?((?:[^"\\,]|\\.)*)"?', given))

        def hashed(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        secret, about = hashed('ann:a"b\\c:pässword'), hashed("GET:/digest")
        proof = hashed(f"{secret}:n:{fields['nc']}:{fields['cnonce']}:auth:{about}")
        self.write({"proved": fields["response"] == proof, "realm": fields["realm"]})


def test_OA27_a_challenge_of_two_schemes_an_empty_domain_and_a_backslash_is_answered(served: Any, run: Any) -> None:
    async def main() -> Any:
        async with served(Application([("/digest", Digest)])) as base:
            response = await AsyncHTTPClient().fetch(
                f"{base}/digest", auth_mode="digest", auth_username="ann", auth_password="pässword"
            )
            return json.loads(response.body)

    assert run(main()) == {"proved": True, "realm": 'a\\"b\\\\c'}


def test_OA27_a_client_id_and_secret_for_Basic_are_encoded_first() -> None:
    from waterspout.auth.oauth2 import ClientSecretBasic

    headers: dict[str, str] = {}
    ClientSecretBasic("p:w é+/").sign({}, headers, client_id="id:1", audience="")
    sent = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
    assert sent == "id%3A1:p%3Aw+%C3%A9%2B%2F"


def test_OA28_secrets_are_compared_in_a_time_that_tells_nothing() -> None:
    """Every comparison of a state, nonce, token, issuer or hash goes through one function, which is hmac's."""
    import ast
    import inspect
    from pathlib import Path

    import waterspout.auth
    from waterspout.auth._secrets import equal

    assert "hmac.compare_digest" in inspect.getsource(equal)
    assert equal("é\ud800", "é\ud800") and not equal("a", "b")
    secrets = {"state", "nonce", "code_verifier", "access_token", "refresh_token", "token", "secret"}
    folder = Path(waterspout.auth.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                for side in (node.left, *node.comparators):
                    name = side.attr if isinstance(side, ast.Attribute) else getattr(side, "id", "")
                    assert name not in secrets, f"{path.name}:{node.lineno} compares {name} by =="
