"""Applications on loopback, and a browser that keeps cookies and follows no redirect by itself."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from waterspout.auth.sessions import SessionMixin, Sessions
from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler

SECRET = "a cookie secret of the tests, long enough"
LIMIT_SECONDS = 60


class Browser:
    """Cookies by host and port; what is Secure is sent over http to loopback, as browsers do."""

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.cookies: dict[str, dict[str, str]] = {}
        self.history: list[str] = []

    async def get(self, url: str, **headers: str) -> HTTPResponse:
        return await self.send("GET", url, headers)

    async def post(self, url: str, form: dict[str, str], **headers: str) -> HTTPResponse:
        fields = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return await self.send("POST", url, fields, urlencode(form))

    async def send(self, method: str, url: str, headers: dict[str, str], body: str | None = None) -> HTTPResponse:
        url = urljoin(self.base, url)
        jar = self.cookies.setdefault(urlsplit(url).netloc, {})
        if jar:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        response = await AsyncHTTPClient().fetch(
            url, method=method, headers=headers, body=body, follow_redirects=False, raise_error=False
        )
        self.history.append(f"{method} {url}")
        for field in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(field).items():
                if morsel.value:
                    jar[name] = morsel.coded_value
                else:
                    jar.pop(name, None)
        return response

    async def follow(self, response: HTTPResponse, *, until: str | None = None) -> HTTPResponse:
        """Follow redirects, to the first address that begins with ``until``, which is not fetched."""
        for _ in range(20):
            if response.code not in (301, 302, 303, 307):
                return response
            url = urljoin(response.effective_url, response.headers["Location"])
            if until is not None and url.startswith(until):
                return response
            response = await self.get(url)
        raise AssertionError(f"redirected without end: {self.history}")


@contextlib.asynccontextmanager
async def _served(app: Application) -> AsyncIterator[str]:
    server = app.listen(0, "127.0.0.1")
    port = next(iter(server._sockets.values())).getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await server.close_all_connections()


@pytest.fixture
def served() -> Callable[[Application], contextlib.AbstractAsyncContextManager[str]]:
    """An async context manager: the address that an application is served at."""
    return _served


@pytest.fixture
def new_browser() -> Callable[..., Browser]:
    return Browser


@pytest.fixture
def run() -> Callable[[Awaitable[Any]], Any]:
    """Runs a coroutine to its end, which must come within a minute."""

    def run_one(awaitable: Awaitable[Any]) -> Any:
        async def main() -> Any:
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    return await awaitable
            finally:
                AsyncHTTPClient().close()

        return asyncio.run(main())

    return run_one


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a Redis server of our own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    pytest.importorskip("redis", reason="the extra is not installed: pip install waterspout-auth[redis]")
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "s"
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "eady to accept connections" in line:
                break
        yield socket
    finally:
        process.terminate()
        process.communicate(timeout=10)


class LyingProvider:
    """An OpenID provider that runs here and can be told to lie.

    ``lies`` is asked before each answer, by its name: ``claims``, ``header``, ``token`` (the finished ID token),
    ``answer`` (of the token endpoint), ``callback`` (the parameters of the way back), ``userinfo``, ``document``,
    ``keys``. Each is a function of what would honestly be sent, to what is sent.
    """

    def __init__(self, keys: list[Any]) -> None:
        self.key, self.other_key = keys
        self.algorithm = "RS256"
        self.lies: dict[str, Callable[[Any], Any]] = {}
        self.requests: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self.issued: list[str] = []
        self.base = ""
        self.subject = "user-7"
        self.app = Application([(r"/(.*)", _ProviderHandler, {"provider": self})])

    def said(self, what: str, honest: Any) -> Any:
        lie = self.lies.get(what)
        return honest if lie is None else lie(honest)

    def secret(self, kind: str) -> str:
        import secrets

        self.issued.append(f"{kind}-{secrets.token_hex(16)}")
        return self.issued[-1]

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.base,
            **{
                name: f"{self.base}/{name}"
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            },
            "end_session_endpoint": f"{self.base}/end_session_endpoint",
            "revocation_endpoint": f"{self.base}/revocation_endpoint",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def id_token(self, nonce: str | None, access_token: str, **more: Any) -> str:
        import time

        claims = {"iss": self.base, "sub": self.subject, "aud": "client", "iat": int(time.time()), "name": "Ann"}
        claims |= {"exp": int(time.time()) + 300, "at_hash": at_hash(access_token), "sid": "s1", **more}
        if nonce is not None:
            claims["nonce"] = nonce
        return str(self.said("token", self.sign(self.said("claims", claims))))

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = None) -> str:
        import json

        from joserfc import jws

        header = self.said("header", {"alg": self.algorithm, "kid": "k1"} if header is None else header)
        registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
        return jws.serialize_compact(
            header, json.dumps(claims).encode(), key or self.key, algorithms=[header["alg"]], registry=registry
        )


class _ProviderHandler(RequestHandler):
    """Each endpoint is a method named as in the discovery document."""

    def initialize(self, provider: LyingProvider) -> None:
        self.provider = provider

    def get(self, path: str) -> None:
        name = path.removeprefix(".well-known/").replace("-", "_")
        self.provider.requests.append(f"{self.request.method} {name}")
        getattr(self, name)()

    post = get

    def openid_configuration(self) -> None:
        self.write(self.provider.said("document", self.provider.document()))

    def jwks_uri(self) -> None:
        self.write(self.provider.said("keys", {"keys": [self.provider.key.as_dict(private=False)]}))

    def authorization_endpoint(self) -> None:
        code = self.provider.secret("code")
        self.provider.codes[code] = {name: self.get_argument(name) for name in self.request.arguments}
        back = {"code": code, "state": self.get_argument("state"), "iss": self.provider.base}
        self.provider.issued += [self.get_argument("state")]
        back = self.provider.said("callback", back)
        self.redirect(f"{self.get_argument('redirect_uri')}?{urlencode(back)}")

    def token_endpoint(self) -> None:
        if self.get_argument("grant_type") == "refresh_token":
            old = self.get_argument("refresh_token")
            if old not in self.provider.refresh_tokens:
                self.set_status(400)
                self.write({"error": "invalid_grant", "error_description": f"{old} was used before"})
                return
            self.provider.refresh_tokens.discard(old)
            nonce = None
        else:
            begun = self.provider.codes.pop(self.get_argument("code"))
            verifier = self.get_argument("code_verifier")
            self.provider.issued.append(verifier)
            assert begun["code_challenge_method"] == "S256" and begun["code_challenge"] == challenge_of(verifier)
            assert begun["redirect_uri"] == self.get_argument("redirect_uri")
            nonce = begun.get("nonce")
        access, refresh = self.provider.secret("access"), self.provider.secret("refresh")
        self.provider.refresh_tokens.add(refresh)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh}
        answer["id_token"] = self.provider.id_token(nonce, access)
        self.provider.issued.append(answer["id_token"])
        answer = self.provider.said("answer", answer)
        if isinstance(answer, dict):
            self.write(answer)
        else:
            answer(self)

    def userinfo_endpoint(self) -> None:
        assert self.request.headers["Authorization"].startswith("Bearer access-")
        self.write(self.provider.said("userinfo", {"sub": self.provider.subject, "email": "ann@id.example"}))

    def revocation_endpoint(self) -> None:
        self.provider.refresh_tokens.discard(self.get_argument("token"))


def at_hash(access_token: str) -> str:
    return _base64url(hashlib.sha256(access_token.encode()).digest()[:16])


def challenge_of(verifier: str) -> str:
    assert 43 <= len(verifier) <= 128
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Site:
    """An application that signs in with the lying provider, and a browser in front of both."""

    def __init__(self, provider: LyingProvider, browser: Browser, base: str, signin: Any, client: Any) -> None:
        self.provider = provider
        self.browser = browser
        self.base = base
        self.signin = signin
        self.client = client

    async def sign_in(self, next: str = "/me") -> HTTPResponse:
        """The whole way, to the application's answer to the callback; its redirect is not followed."""
        return await self.browser.get(await self.way_back(next))

    async def way_back(self, next: str = "/me") -> str:
        """The address that the provider sends the browser back to."""
        begun = await self.browser.get(f"{self.base}/signin/op?{urlencode({'next': next})}")
        assert begun.code == 302, begun.body
        sent = await self.browser.get(begun.headers["Location"])
        return str(sent.headers["Location"])

    async def user(self) -> Any:
        """Who is signed in, None if nobody is."""
        import json

        return json.loads((await self.browser.get(f"{self.base}/me")).body)["user"]


class _Me(SessionMixin, RequestHandler):
    def get(self) -> None:
        self.write({"user": self.current_user})


@pytest.fixture(scope="session")
def rsa_keys() -> list[Any]:
    """Two keys that both call themselves k1. Making them takes longer than all the rest of a test."""
    jwk = pytest.importorskip("joserfc.jwk", reason="the extra is not installed: pip install waterspout-auth[oidc]")
    return [jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}, private=True) for _ in range(2)]


@pytest.fixture
def site(
    run: Callable[[Awaitable[Any]], Any], new_browser: Callable[..., Browser], rsa_keys: list[Any]
) -> Callable[..., Any]:
    """Runs a coroutine function with a `Site`. Keywords go to the `OpenIDClient`."""

    def use(
        act: Callable[[Site], Awaitable[Any]],
        *,
        provider: LyingProvider | None = None,
        lies: dict[str, Callable[[Any], Any]] | None = None,
        signin: dict[str, Any] | None = None,
        store: Any = None,
        settings: dict[str, Any] | None = None,
        secret: Any = "client-secret-of-thirty-two-bytes!",
        **options: Any,
    ) -> Any:
        from waterspout.auth.oidc import OpenIDClient
        from waterspout.auth.signin import SignIn

        provider = provider or LyingProvider(rsa_keys)
        provider.lies |= lies or {}

        async def main() -> Any:
            sockets = bind_sockets(0, "127.0.0.1")
            base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            async with _served(provider.app) as provider.base:
                client = OpenIDClient("op", "client", secret, issuer=provider.base, allow_http_loopback=True, **options)
                routes = SignIn([client], base_url=base, secret=SECRET, **(signin or {}))
                sessions = Sessions(SECRET, store=store)
                app = Application([*routes.routes(), ("/me", _Me)], sessions=sessions, **(settings or {}))
                server = HTTPServer(app)
                server.add_sockets(sockets)
                try:
                    return await act(Site(provider, new_browser(base), base, routes, client))
                finally:
                    server.stop()
                    await server.close_all_connections()

        return run(main())

    return use


@pytest.fixture
def lying_provider(rsa_keys: list[Any]) -> LyingProvider:
    return LyingProvider(rsa_keys)
