"""OAuth 2.0 against a provider that runs here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from waterspout.auth import AuthError, OAuth2Mixin
from waterspout.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse
from waterspout.web import Application, RequestHandler


class Provider(RequestHandler):
    """Says what it was asked."""

    def answer(self) -> None:
        arguments = {name: [value.decode() for value in values] for name, values in self.request.arguments.items()}
        self.write({"method": self.request.method, "arguments": arguments})

    get = post = answer


class Broken(RequestHandler):
    def get(self, kind: str) -> None:
        if kind == "html":
            self.write("<html>token=secret-token")
        else:
            self.set_status(403)


class Login(RequestHandler, OAuth2Mixin):
    _OAUTH_AUTHORIZE_URL = "https://provider.example/authorize?tenant=7"

    def get(self) -> None:
        self.authorize_redirect(
            redirect_uri="https://app.example/back?x=1",
            client_id="client",
            client_secret="never-sent",
            scope=["read", "write"],
            extra_params={"prompt": "login", "response_type": "token"} if self.get_argument("extra", "") else None,
        )


class Nowhere(RequestHandler, OAuth2Mixin):
    def get(self) -> None:
        try:
            self.authorize_redirect()
        except AuthError as error:
            self.write(str(error))


class Caller(OAuth2Mixin):
    """Calls need no handler."""


def served(act: Callable[[str], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        handlers = [("/api", Provider), ("/broken/(.*)", Broken), ("/login", Login), ("/nowhere", Nowhere)]
        server = Application(handlers).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        try:
            return await act(f"http://127.0.0.1:{port}")
        finally:
            server.stop()
            await server.close_all_connections()
            AsyncHTTPClient().close()

    return asyncio.run(main())


def get(path: str) -> HTTPResponse:
    async def fetch(base: str) -> HTTPResponse:
        return await AsyncHTTPClient().fetch(base + path, follow_redirects=False, raise_error=False)

    response: HTTPResponse = served(fetch)
    return response


def test_the_user_is_sent_to_the_provider_with_what_the_standard_asks() -> None:
    response = get("/login")
    assert response.code == 302
    location = urlsplit(response.headers["Location"])
    assert (location.scheme, location.netloc, location.path) == ("https", "provider.example", "/authorize")
    assert parse_qs(location.query) == {
        "tenant": ["7"],
        "response_type": ["code"],
        "redirect_uri": ["https://app.example/back?x=1"],
        "client_id": ["client"],
        "scope": ["read write"],
    }


def test_extra_parameters_are_added_and_go_first() -> None:
    query = parse_qs(urlsplit(get("/login?extra=1").headers["Location"]).query)
    assert query["prompt"] == ["login"]
    assert query["response_type"] == ["token"]


def test_the_client_secret_never_passes_through_the_browser() -> None:
    assert "never-sent" not in get("/login").headers["Location"]


def test_a_class_without_an_address_says_what_to_set() -> None:
    assert get("/nowhere").body == b"Nowhere does not say where to authorize: set _OAUTH_AUTHORIZE_URL"


def test_a_call_is_a_get_with_token_and_arguments_in_its_query() -> None:
    answer = served(lambda base: Caller().oauth2_request(base + "/api?v=2", access_token="t&k", limit=5, q="é"))
    assert answer == {"method": "GET", "arguments": {"v": ["2"], "access_token": ["t&k"], "limit": ["5"], "q": ["é"]}}


def test_a_call_without_arguments_leaves_the_url_alone() -> None:
    assert served(lambda base: Caller().oauth2_request(base + "/api")) == {"method": "GET", "arguments": {}}


@pytest.mark.parametrize("form", [{"message": "hello & é"}, {}])
def test_a_call_with_post_arguments_is_a_post_with_them_as_its_form(form: dict[str, str]) -> None:
    answer = served(lambda base: Caller().oauth2_request(base + "/api", access_token="t", post_args=form))
    expected = {"access_token": ["t"], **{name: [value] for name, value in form.items()}}
    assert answer == {"method": "POST", "arguments": expected}


def test_an_answer_that_is_no_json_is_an_auth_error_without_tokens_in_its_text() -> None:
    with pytest.raises(AuthError, match="answered with something that is no JSON") as caught:
        served(lambda base: Caller().oauth2_request(base + "/broken/html?key=k1", access_token="secret-token"))
    assert "secret-token" not in str(caught.value)
    assert "k1" not in str(caught.value)
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


def test_an_error_status_is_the_clients_error() -> None:
    with pytest.raises(HTTPClientError) as caught:
        served(lambda base: Caller().oauth2_request(base + "/broken/403"))
    assert caught.value.code == 403


def test_the_client_can_be_replaced() -> None:

    class Own(OAuth2Mixin):
        clients = 0

        def get_auth_http_client(self) -> AsyncHTTPClient:
            Own.clients += 1
            return super().get_auth_http_client()

    served(lambda base: Own().oauth2_request(base + "/api"))
    assert Own.clients == 1
