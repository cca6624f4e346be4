"""OAuth 1.0a with a provider built on oauthlib: another's reading of the RFC judges every signature."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from waterspout.auth import AuthError, OAuthMixin, ProviderUnreachable
from waterspout.auth.oauth1 import OAuth1Client, OAuth1Token
from waterspout.web import Application, RequestHandler

oauth1 = pytest.importorskip("oauthlib.oauth1", reason="oauthlib is not installed")

CLIENT_KEY = "the key & of = this+app %~é"
CLIENT_SECRET = "s&cr=t +%/~é\u2713"
CALLBACK = "https://app.example/back?a=b%20c&d=%C3%A9+f"
TRICKY = "&a=b +%20%2B~é/\u2713!*'()"


class Validator(oauth1.RequestValidator):  # type: ignore[misc, name-defined]
    """Knows one client. Everything oauthlib asks is answered from dictionaries."""

    enforce_ssl = False
    dummy_client = dummy_request_token = dummy_access_token = "dummy"

    def __init__(self) -> None:
        super().__init__()
        self.request_tokens: dict[str, dict[str, Any]] = {}
        self.access_tokens: dict[str, str] = {}
        self.verifiers: dict[str, str] = {}
        self.nonces: set[tuple[Any, ...]] = set()

    @property
    def allowed_signature_methods(self) -> tuple[str, ...]:
        return ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512")

    def _anything(self, *args: Any, **more: Any) -> bool:
        return True

    check_client_key = check_request_token = check_access_token = check_nonce = check_verifier = _anything
    check_realms = validate_realms = validate_requested_realms = verify_realms = _anything

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return CLIENT_SECRET if client_key == CLIENT_KEY else "dummy"

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == CLIENT_KEY

    def validate_timestamp_and_nonce(
        self, client_key: str, timestamp: str, nonce: str, *rest: Any, **more: Any
    ) -> bool:
        seen = (client_key, timestamp, nonce)
        fresh = seen not in self.nonces
        self.nonces.add(seen)
        return fresh

    def validate_redirect_uri(self, client_key: str, redirect_uri: str, request: Any) -> bool:
        return redirect_uri in (CALLBACK, "oob") or redirect_uri.startswith("http://127.0.0.1")

    def get_default_realms(self, *args: Any) -> list[str]:
        return []

    get_realms = get_default_realms

    def save_request_token(self, token: dict[str, str], request: Any) -> None:
        self.request_tokens[token["oauth_token"]] = {**token, "callback": request.redirect_uri}

    def get_redirect_uri(self, token: str, request: Any) -> str:
        return str(self.request_tokens[token]["callback"])

    def validate_request_token(self, client_key: str, token: str, request: Any) -> bool:
        return token in self.request_tokens

    def verify_request_token(self, token: str, request: Any) -> bool:
        return token in self.request_tokens

    def get_request_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return str(self.request_tokens.get(token, {}).get("oauth_token_secret", "dummy"))

    def save_verifier(self, token: str, verifier: dict[str, str], request: Any) -> None:
        self.verifiers[token] = verifier["oauth_verifier"]

    def validate_verifier(self, client_key: str, token: str, verifier: str, request: Any) -> bool:
        return self.verifiers.get(token) == verifier

    def invalidate_request_token(self, client_key: str, request_token: str, request: Any) -> None:
        del self.request_tokens[request_token]

    def save_access_token(self, token: dict[str, str], request: Any) -> None:
        self.access_tokens[token["oauth_token"]] = token["oauth_token_secret"]

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return token in self.access_tokens

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self.access_tokens.get(token, "dummy")


class Endpoint(RequestHandler):
    """oauthlib behind one of our handlers."""

    def initialize(self, validator: Validator) -> None:
        self.server = oauth1.WebApplicationServer(validator)

    def answer(self, kind: str) -> None:
        request = self.request
        said = (request.full_url(), request.method, request.body.decode(), dict(request.headers.get_all()))
        if kind == "me":
            valid, seen = self.server.validate_protected_resource_request(*said, realms=[])
            self.set_status(200 if valid else 401)
            form = {name: self.get_arguments(name, strip=False) for name in request.arguments}
            self.write({"valid": valid, "client": getattr(seen, "client_key", None), "saw": form})
            return
        make = {
            "request_token": lambda: self.server.create_request_token_response(*said),
            "authorize": lambda: self.server.create_authorization_response(*said, realms=[]),
            "access_token": lambda: self.server.create_access_token_response(*said),
        }[kind]
        headers, body, status = make()
        self.set_status(status)
        for name, value in headers.items():
            self.set_header(name, value)
        self.finish(body or "")

    get = post = answer


@pytest.fixture
def with_provider(served: Any, run: Any) -> Callable[..., Any]:
    """Runs a coroutine function with a client of a provider on loopback, and the provider's address."""

    def use(act: Callable[[OAuth1Client, str], Any], **options: Any) -> Any:
        async def main() -> Any:
            app = Application([("/(request_token|authorize|access_token|me)", Endpoint, {"validator": Validator()})])
            async with served(app) as base:
                client = OAuth1Client(
                    "lib", CLIENT_KEY, options.pop("secret", CLIENT_SECRET),
                    request_token_endpoint=f"{base}/request_token",
                    authorization_endpoint=f"{base}/authorize",
                    access_token_endpoint=f"{base}/access_token",
                    allow_http_loopback=True, **options,
                )  # fmt: skip
                return await act(client, base)

        return run(main())

    return use


async def access_token(client: OAuth1Client, browser: Any) -> OAuth1Token:
    """The whole way, for a user who agrees."""
    url, request_token = await client.begin(CALLBACK)
    answer = await browser.get(url)
    assert answer.code == 302
    back = answer.headers["Location"]
    assert back.startswith("https://app.example/back?a=b")
    arguments = {name: values[-1] for name, values in parse_qs(urlsplit(back).query).items()}
    return await client.complete(arguments, request_token)


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"])
def test_a_user_agrees_and_the_application_gets_an_access_token(
    with_provider: Any, new_browser: Any, method: str
) -> None:
    async def act(client: OAuth1Client, base: str) -> None:
        token = await access_token(client, new_browser(base))
        assert (await client.request("GET", f"{base}/me", token))["client"] == CLIENT_KEY

    with_provider(act, signature_method=method)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "a=b",
        "a=",
        "a",
        "a=1&a=2&a=1",
        "b=1&a=2&B=3&A=4",
        "a=%20&b=+&c=%2B",
        "a=%7E&b=~&c=%2F&d=/",
        "%C3%A9=%E2%9C%93&caf%C3%A9=%26%3D",
        "a=%25&b=%2525",
        "a=!*'()",
        "a2=r%20b&b5=%3D%253D&a3=a&c%40=",
    ],
)
def test_queries_of_every_spelling_are_signed_as_the_provider_reads_them(
    with_provider: Any, new_browser: Any, query: str
) -> None:
    async def act(client: OAuth1Client, base: str) -> None:
        token = await access_token(client, new_browser(base))
        answer = await client.request("GET", f"{base}/me?{query}", token)
        assert answer["valid"]
        # Names of arguments are as Tornado has them: a character for each byte.
        saw = {name.encode("latin-1").decode(): values for name, values in answer["saw"].items() if any(values)}
        assert saw == parse_qs(query)

    with_provider(act)


@pytest.mark.parametrize("form", [{}, {"status": TRICKY}, {TRICKY: ""}, {"a": "", "b": " ", "c": "+"}, {"a3": "2 q"}])
def test_forms_of_every_spelling_are_signed_as_the_provider_reads_them(
    with_provider: Any, new_browser: Any, form: dict[str, str]
) -> None:
    async def act(client: OAuth1Client, base: str) -> None:
        token = await access_token(client, new_browser(base))
        answer = await client.request("POST", f"{base}/me?a3=a", token, form)
        assert answer["valid"]
        for name, value in form.items():
            if value:
                assert value in answer["saw"][name]

    with_provider(act)


def test_a_wrong_secret_is_refused_by_the_provider(with_provider: Any) -> None:
    async def act(client: OAuth1Client, base: str) -> None:
        with pytest.raises(ProviderUnreachable) as caught:
            await client.begin(CALLBACK)
        assert caught.value.status == 401 and str(caught.value) == f"{base}/request_token answered 401"

    with_provider(act, secret="wrong")


def test_a_request_that_is_sent_again_is_refused_by_the_provider(with_provider: Any, new_browser: Any) -> None:
    async def act(client: OAuth1Client, base: str) -> list[int]:
        browser = new_browser(base)
        header = client.authorization("GET", f"{base}/me", await access_token(client, browser))
        return [(await browser.get("/me", Authorization=header)).code for _ in range(2)]

    assert with_provider(act) == [200, 401]


def test_a_verifier_that_is_not_the_user_s_is_refused(with_provider: Any, new_browser: Any) -> None:
    async def act(client: OAuth1Client, base: str) -> None:
        url, request_token = await client.begin(CALLBACK)
        await new_browser(base).get(url)
        with pytest.raises(AuthError):
            await client.complete({"oauth_token": request_token.token, "oauth_verifier": "guessed"}, request_token)

    with_provider(act)


class Login(RequestHandler, OAuthMixin):
    """Tornado's way, with the same provider: parameters travel in the query."""

    def initialize(self, base: list[str]) -> None:
        self.base = base[0]
        self._OAUTH_REQUEST_TOKEN_URL = f"{self.base}/request_token"
        self._OAUTH_AUTHORIZE_URL = f"{self.base}/authorize"
        self._OAUTH_ACCESS_TOKEN_URL = f"{self.base}/access_token"

    def _oauth_consumer_token(self) -> dict[str, Any]:
        return {"key": CLIENT_KEY, "secret": CLIENT_SECRET}

    async def _oauth_get_user_future(self, access_token: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.base}/me"
        params = {"q": TRICKY, "n": "1"}
        signed = {**params, **self._oauth_request_parameters(url, access_token, params)}
        response = await self.get_auth_http_client().fetch(f"{url}?{urlencode(signed)}")
        user: dict[str, Any] = json.loads(response.body)
        return user

    async def get(self) -> None:
        if self.get_argument("oauth_token", None):
            user = await self.get_authenticated_user()
            self.write({"valid": user["valid"], "saw": user["saw"]["q"], "keys": sorted(user["access_token"])})
        else:
            # No percent signs: oauthlib decodes oauth_ parameters in a query twice.
            await self.authorize_redirect(callback_uri="/login?x=a+b&y")


def test_the_mixin_signs_in_with_the_same_provider(served: Any, run: Any, new_browser: Any, secret: str) -> None:
    async def main() -> Any:
        base: list[str] = []
        app = Application(
            [
                ("/(request_token|authorize|access_token|me)", Endpoint, {"validator": Validator()}),
                ("/login", Login, {"base": base}),
            ],
            cookie_secret=secret,
        )
        async with served(app) as address:
            base.append(address)
            browser = new_browser(address)
            response = await browser.follow(await browser.get("/login"))
            return json.loads(response.body)

    assert run(main()) == {"valid": True, "saw": [TRICKY], "keys": ["key", "oauth_authorized_realms", "secret"]}
