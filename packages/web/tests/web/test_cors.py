"""Cross-origin resource sharing."""

from collections.abc import Callable

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.httputil import HTTPHeaders
from waterspout.web import Application, RequestHandler, cors
from waterspout.web._cors import CORSPolicy

Fetch = Callable[..., HTTPResponse]

A = "https://a.com"


def response(policy: CORSPolicy, origin: str | None) -> dict[str, str]:
    return dict(policy.response_headers(HTTPHeaders({"Origin": origin} if origin is not None else {})))


def test_a_listed_origin_is_named_and_others_are_not() -> None:
    policy = CORSPolicy([A, "https://b.com:8443"])
    assert response(policy, A) == {"Vary": "Origin", "Access-Control-Allow-Origin": A}
    assert response(policy, "https://b.com:8443")["Access-Control-Allow-Origin"] == "https://b.com:8443"
    assert response(policy, None) == {"Vary": "Origin"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.com.evil",
        "https://evila.com",
        "https://axcom",
        "http://a.com",
        "https://a.com:444",
        "https://a.com/",
        "null",
        "",
        "https://x.a.com",
        "*",
    ],
)
def test_OT9_an_origin_is_compared_whole(origin: str) -> None:
    assert response(CORSPolicy([A]), origin) == {"Vary": "Origin"}


def test_OT9_everyone_with_credentials_is_refused() -> None:
    with pytest.raises(ValueError, match="every page could read with the user's cookies"):
        CORSPolicy(["*"], allow_credentials=True)


def test_OT9_everyone_is_a_star_and_never_reflected() -> None:
    assert response(CORSPolicy(["*"]), "https://evil.com") == {"Access-Control-Allow-Origin": "*"}


def test_OT9_null_only_if_it_is_listed() -> None:
    assert "Access-Control-Allow-Origin" not in response(CORSPolicy(["*"]), "null")
    assert response(CORSPolicy(["null"]), "null")["Access-Control-Allow-Origin"] == "null"


def test_credentials_and_exposed_headers_are_sent_to_listed_origins() -> None:
    policy = CORSPolicy([A], allow_credentials=True, expose_headers=["X-Total", "X-Page"])
    assert response(policy, A) == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": A,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "X-Total, X-Page",
    }


def preflight(policy: CORSPolicy, **headers: str) -> dict[str, str] | None:
    found = policy.preflight_headers(HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()}))
    return None if found is None else dict(found)


def test_a_preflight_names_what_is_allowed_and_nothing_else() -> None:
    policy = CORSPolicy([A], allow_methods=["GET", "PUT"], allow_headers=["X-Token", "Content-Type"], max_age=60)
    answer = preflight(
        policy,
        Origin=A,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="content-type, x-evil,x-token",
    )
    assert answer == {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": A,
        "Access-Control-Allow-Methods": "GET, PUT",
        "Access-Control-Allow-Headers": "content-type, x-token",
        "Access-Control-Max-Age": "60",
    }


def test_a_preflight_of_another_origin_gets_nothing() -> None:
    assert preflight(CORSPolicy([A]), Origin="https://evil.com", Access_Control_Request_Method="PUT") == {
        "Vary": "Origin"
    }


@pytest.mark.parametrize("headers", [{"Origin": A}, {"Access_Control_Request_Method": "PUT"}, {}])
def test_what_is_no_preflight_is_none(headers: dict[str, str]) -> None:
    assert preflight(CORSPolicy([A]), **headers) is None


@pytest.mark.parametrize("wanted", ["a\x0b", "a b", "a,,b", "", "(x)", "x" * 10_000 + "\x00"])
def test_malformed_header_names_are_not_granted(wanted: str) -> None:
    fields = {"Origin": A, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": wanted}
    answer = CORSPolicy([A], allow_headers=["a", "b"]).preflight_headers(fields)
    assert answer is not None
    assert "Access-Control-Allow-Headers" not in dict(answer)


@pytest.mark.parametrize("origins", [["a.com"], ["https://a.com/"], ["https://a.com/x"], [""], "*", A])
def test_what_is_no_list_of_origins_is_refused_at_once(origins: object) -> None:
    with pytest.raises(ValueError, match="origin"):
        CORSPolicy(origins)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ("Cookie", "Cookie, Origin"),
        ("Cookie, origin", "Cookie, origin"),
        ("*", "*"),
        ("X-Origin", "X-Origin, Origin"),
    ],
)
@pytest.mark.parametrize("where", ["setting", "decorator"])
def test_a_handler_that_sets_vary_does_not_hide_that_the_answer_depends_on_the_origin(
    fetch: Fetch, own: str, sent: str, where: str
) -> None:
    class Handler(RequestHandler):
        def get(self) -> None:
            self.set_header("vary", own)

    policy = CORSPolicy([A])
    if where == "setting":
        app = Application([("/", Handler)], cors=policy)
    else:
        app = Application([("/", cors(policy)(Handler))])
    for headers in ({}, {"Origin": A}, {"Origin": "https://evil.com"}):
        assert fetch(app, headers=headers).headers["Vary"] == sent


def test_a_policy_for_everyone_and_an_application_without_one_leave_vary_alone(fetch: Fetch) -> None:
    class Handler(RequestHandler):
        def get(self) -> None:
            self.set_header("Vary", "Cookie")

    for settings in ({}, {"cors": CORSPolicy(["*"])}):
        assert fetch(Application([("/", Handler)], **settings), headers={"Origin": A}).headers["Vary"] == "Cookie"
