"""The redirect to a provider, and requests on a user's behalf, against a provider on loopback."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from waterspout.auth import AuthError, OAuth2Mixin
from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.web import Application, RequestHandler


class Login(RequestHandler, OAuth2Mixin):
    """Signs in at the provider below."""

    _OAUTH_AUTHORIZE_URL = "https://provider.example/authorize?tenant=7"
    _OAUTH_ACCESS_TOKEN_URL = "https://provider.example/token"

    def get(self) -> None:
        self.authorize_redirect(
            redirect_uri="https://us.example/back?a=b",
            client_id="the client",
            client_secret="never shown",
            scope=["openid", "email"],
            extra_params={"state": "x&y"},
        )


class Provider(RequestHandler):
    """Says what it was asked."""

    def get(self) -> None:
        self.write({"method": "GET", "args": sorted(self.request.arguments)})

    def post(self) -> None:
        self.write({"method": "POST", "args": sorted(self.request.arguments), "form": self.get_body_argument("text")})


class Ask(RequestHandler, OAuth2Mixin):
    """Asks the provider on the same server."""

    async def get(self) -> None:
        url = f"http://{self.request.host}/provider"
        post = {"text": "é&="} if self.get_argument("post", None) else None
        self.write(await self.oauth2_request(url, access_token="token", post_args=post, field="name"))


def fetch(path: str) -> HTTPResponse:
    async def main() -> HTTPResponse:
        server = Application([("/login", Login), ("/provider", Provider), ("/ask", Ask)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        http = AsyncHTTPClient(force_instance=True)
        try:
            return await http.fetch(f"http://127.0.0.1:{port}{path}", raise_error=False, follow_redirects=False)
        finally:
            http.close()
            server.stop()
            await server.close_all_connections()

    return asyncio.run(main())


def test_authorize_redirect_sends_the_user_with_everything_but_the_secret() -> None:
    response = fetch("/login")
    where = urlsplit(response.headers["Location"])
    assert response.code == 302 and where.netloc == "provider.example" and where.path == "/authorize"
    assert parse_qs(where.query) == {
        "tenant": ["7"],
        "response_type": ["code"],
        "redirect_uri": ["https://us.example/back?a=b"],
        "client_id": ["the client"],
        "scope": ["openid email"],
        "state": ["x&y"],
    }


def test_oauth2_request_gets_and_posts_with_the_token() -> None:
    def asked(path: str) -> Any:
        return json.loads(fetch(path).body)

    assert asked("/ask") == {"method": "GET", "args": ["access_token", "field"]}
    assert asked("/ask?post=1") == {"method": "POST", "args": ["access_token", "field", "text"], "form": "é&="}


def test_auth_error_is_an_exception_of_its_own() -> None:
    assert issubclass(AuthError, Exception) and AuthError.__module__ == "waterspout.auth"
