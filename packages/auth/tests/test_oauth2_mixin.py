"""The redirect to a provider and the way back, and requests on a user's behalf, against a provider on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from waterspout.auth import AuthError, CheckFailed, OAuth2Mixin
from waterspout.httpclient import AsyncHTTPClient, ConnectionRefused, HTTPClientError
from waterspout.web import Application, RequestHandler

Served = Callable[[Application], Any]
Run = Callable[[Any], Any]


class Provider(RequestHandler):
    """Says what it was asked."""

    def answer(self) -> None:
        arguments = {name: [value.decode() for value in values] for name, values in self.request.arguments.items()}
        bearer = self.request.headers.get("Authorization")
        self.write({"method": self.request.method, "arguments": arguments, "bearer": bearer})

    get = post = answer


class Broken(RequestHandler):
    def get(self, kind: str) -> None:
        if kind == "html":
            self.write("<html>token=secret-token")
        else:
            self.set_status(403)


class Login(RequestHandler, OAuth2Mixin):
    _OAUTH_AUTHORIZE_URL = "https://provider.example/authorize?tenant=7"
    _OAUTH_ACCESS_TOKEN_URL = "https://provider.example/token"

    def get(self) -> None:
        self.authorize_redirect(
            redirect_uri="https://app.example/back?x=1",
            client_id="client",
            client_secret="never-sent",
            scope=["read", "write"],
            extra_params=json.loads(self.get_argument("extra", "null")),
        )


class Back(Login):
    def get(self) -> None:
        try:
            self.check_oauth_state()
        except CheckFailed as error:
            self.write(str(error))
        else:
            self.write("fine")


class Other(Back):
    _OAUTH_AUTHORIZE_URL = "https://another.example/authorize"


class Nowhere(RequestHandler, OAuth2Mixin):
    def get(self) -> None:
        try:
            self.authorize_redirect()
        except AuthError as error:
            self.write(str(error))


class Caller(OAuth2Mixin):
    """Calls need no handler."""


HANDLERS = [
    ("/api", Provider),
    ("/broken/(.*)", Broken),
    ("/login", Login),
    ("/back", Back),
    ("/other", Other),
    ("/nowhere", Nowhere),
]


@pytest.fixture
def app(secret: str) -> Application:
    return Application(HANDLERS, cookie_secret=secret)


@pytest.fixture
def call(served: Served, run: Run, app: Application) -> Callable[..., Any]:
    """Calls the provider on loopback at a path."""

    def one(path: str, caller: OAuth2Mixin | None = None, **options: Any) -> Any:
        async def main() -> Any:
            async with served(app) as base:
                return await (caller or Caller()).oauth2_request(base + path, **options)

        return run(main())

    return one


@pytest.fixture
def visit(served: Served, run: Run, app: Application, new_browser: Any) -> Callable[..., Any]:
    """The responses to paths that one browser visits; a path may be made of the state that was sent before."""

    def some(*paths: Any, application: Application | None = None) -> Any:
        async def main() -> Any:
            async with served(application or app) as base:
                browser = new_browser(base)
                responses: list[Any] = []
                for path in paths:
                    sent = [query_of(seen)["state"][0] for seen in responses if "Location" in seen.headers]
                    responses.append(await browser.get(path if isinstance(path, str) else path(*sent)))
                return responses

        return run(main())

    return some


def query_of(response: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(response.headers["Location"]).query)


def test_the_user_is_sent_to_the_provider_with_what_the_standard_asks_and_a_state(visit: Any) -> None:
    (response,) = visit("/login")
    assert response.code == 302
    location = urlsplit(response.headers["Location"])
    assert (location.scheme, location.netloc, location.path) == ("https", "provider.example", "/authorize")
    query = parse_qs(location.query)
    (state,) = query.pop("state")
    assert len(state) == 43
    assert query == {
        "tenant": ["7"],
        "response_type": ["code"],
        "redirect_uri": ["https://app.example/back?x=1"],
        "client_id": ["client"],
        "scope": ["read write"],
    }


def test_extra_parameters_are_added_and_go_first(visit: Any) -> None:
    query = query_of(visit('/login?extra={"prompt":"login","response_type":"token"}')[0])
    assert query["prompt"] == ["login"] and query["response_type"] == ["token"]


def test_the_client_secret_never_passes_through_the_browser(visit: Any) -> None:
    assert "never-sent" not in visit("/login")[0].headers["Location"]


def test_a_state_that_comes_back_to_the_browser_that_began_is_taken_once(visit: Any) -> None:
    *_, first, again = visit("/login", lambda state: f"/back?state={state}", lambda state: f"/back?state={state}")
    assert first.body == b"fine"
    assert again.body == b"state: this browser has begun no such sign-in, or has finished it already"


def test_a_state_of_the_application_s_own_is_bound_to_the_browser_too(visit: Any) -> None:
    query = '/login?extra={"state":"/next%20page"}'
    first, back = visit(query, lambda state: "/back?state=/next%20page")
    assert query_of(first)["state"] == ["/next page"]
    assert back.body == b"fine"
    (stranger,) = visit("/back?state=/next%20page")
    assert stranger.body.startswith(b"state: this browser has begun no such sign-in")


def test_a_state_begun_with_another_provider_is_refused(visit: Any) -> None:
    *_, response = visit("/login", lambda state: f"/other?state={state}")
    assert response.body == b"state: it was begun with another provider than https://another.example/authorize"


def test_a_missing_state_is_refused(visit: Any) -> None:
    *_, response = visit("/login", lambda state: "/back")
    assert response.body == b"state: the provider's answer has no state"


def test_several_sign_ins_may_be_begun_at_once_and_no_more_than_eight_are_remembered(visit: Any) -> None:
    paths = ["/login"] * 12
    *_, newest, oldest = visit(
        *paths, lambda *states: f"/back?state={states[11]}", lambda *states: f"/back?state={states[0]}"
    )
    assert newest.body == b"fine"
    assert oldest.body.startswith(b"state: this browser has begun no such sign-in")


def test_without_a_cookie_secret_a_sign_in_is_refused_but_in_tornado_s_way(visit: Any) -> None:
    (refused,) = visit("/login", application=Application(HANDLERS))
    assert refused.code == 500
    (let_go,) = visit("/login", application=Application(HANDLERS, compat="tornado"))
    assert let_go.code == 302 and "state" not in query_of(let_go)


def test_a_class_without_an_address_says_what_to_set(visit: Any) -> None:
    assert visit("/nowhere")[0].body == b"Nowhere does not say where to authorize: set _OAUTH_AUTHORIZE_URL"


def test_a_call_is_a_get_with_its_token_in_a_header_and_arguments_in_its_query(call: Any) -> None:
    answer = call("/api?v=2", access_token="t-k", limit=5, q="é")
    assert answer == {
        "method": "GET",
        "arguments": {"v": ["2"], "limit": ["5"], "q": ["é"]},
        "bearer": "Bearer t-k",
    }


def test_a_class_may_want_its_token_in_the_query(call: Any) -> None:

    class Old(OAuth2Mixin):
        _OAUTH_TOKEN_IN_QUERY = True

    assert call("/api", Old(), access_token="t&k") == {
        "method": "GET",
        "arguments": {"access_token": ["t&k"]},
        "bearer": None,
    }


def test_a_call_without_arguments_leaves_the_url_alone(call: Any) -> None:
    assert call("/api") == {"method": "GET", "arguments": {}, "bearer": None}


@pytest.mark.parametrize("form", [{"message": "hello & é"}, {}])
def test_a_call_with_post_arguments_is_a_post_with_them_as_its_form(call: Any, form: dict[str, str]) -> None:
    answer = call("/api", access_token="t", post_args=form)
    expected = {name: [value] for name, value in form.items()}
    assert answer == {"method": "POST", "arguments": expected, "bearer": "Bearer t"}


def test_an_answer_that_is_no_json_is_an_auth_error_without_tokens_in_its_text(call: Any) -> None:
    with pytest.raises(AuthError, match="answered with something that is no JSON") as caught:
        call("/broken/html?key=k1", access_token="secret-token")
    assert "secret-token" not in str(caught.value)
    assert "k1" not in str(caught.value)
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


def test_an_error_status_is_the_client_s_error(call: Any) -> None:
    with pytest.raises(HTTPClientError) as caught:
        call("/broken/403")
    assert caught.value.code == 403


def test_a_connection_that_fails_is_the_client_s_error_without_the_query(run: Run) -> None:
    with pytest.raises(ConnectionRefused) as caught:
        run(Caller().oauth2_request("http://127.0.0.1:1/me?access_token=secret-token"))
    assert str(caught.value) == "http://127.0.0.1:1/me could not be asked: ConnectionRefused"


def test_the_client_can_be_replaced(call: Any) -> None:

    class Own(OAuth2Mixin):
        clients = 0

        def get_auth_http_client(self) -> AsyncHTTPClient:
            Own.clients += 1
            return super().get_auth_http_client()

    call("/api", Own())
    assert Own.clients == 1


def test_auth_error_is_an_exception_of_its_own() -> None:
    assert issubclass(AuthError, Exception) and AuthError.__module__ == "waterspout.auth"
