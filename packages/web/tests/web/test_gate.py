"""What is answered before any route is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.testing import AsyncHTTPTestCase
from waterspout.web import Application, CORSPolicy, RequestHandler, cors

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]


class Hello(RequestHandler):
    def get(self) -> None:
        self.write("hello")

    def post(self) -> None:
        self.write("posted")

    def options(self) -> None:
        self.write("options")


def ask(path: str, *headers: str, method: str = "GET", host: str = "a.example") -> bytes:
    return "".join([f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n", *(f"{h}\r\n" for h in headers), "\r\n"]).encode()


@pytest.mark.parametrize(
    ("method", "status", "path"), [("GET", 301, "/a?b=%20c"), ("HEAD", 301, "/"), ("POST", 308, "/x")]
)
def test_plain_http_is_sent_to_tls_with_path_query_and_method_kept(
    raw: Raw, method: str, status: int, path: str
) -> None:
    app = Application([("/.*", Hello)], https_redirect=True, xsrf_cookies=True)
    received = raw(app, ask(path, "Content-Length: 0", method=method, host="a.example:8080"))
    assert received.startswith(f"HTTP/1.1 {status}".encode())
    assert f"Location: https://a.example{path}\r\n".encode() in received


def test_the_port_of_tls_may_be_another(raw: Raw) -> None:
    app = Application([("/", Hello)], https_redirect=8443)
    assert b"Location: https://a.example:8443/\r\n" in raw(app, ask("/", host="a.example:8080"))


def test_a_target_in_absolute_form_and_an_address_are_sent_on_whole(raw: Raw) -> None:
    app = Application([("/.*", Hello)], https_redirect=True)
    assert b"Location: https://a.example/x?y=1\r\n" in raw(app, ask("http://a.example/x?y=1"))
    assert b"Location: https://[::1]/x\r\n" in raw(app, ask("/x", host="[::1]:8080"))
    assert b"Location: https://a.example//evil.example/x\r\n" in raw(app, ask("//evil.example/x"))


def test_certificates_are_renewed_over_plain_http(raw: Raw) -> None:
    app = Application([("/.*", Hello)], https_redirect=True)
    assert raw(app, ask("/.well-known/acme-challenge/x")).startswith(b"HTTP/1.1 200")


class BehindAProxy(AsyncHTTPTestCase):
    __test__ = False  # run by the test below

    def get_app(self) -> Application:
        return Application([("/", Hello)], https_redirect=True)

    def get_httpserver_options(self) -> dict[str, Any]:
        return {"xheaders": True, "trusted_downstream": ["127.0.0.1"]}

    def runTest(self) -> None:
        assert self.fetch("/", headers={"X-Forwarded-Proto": "https"}).body == b"hello"
        assert self.fetch("/", follow_redirects=False).code == 301


def test_what_came_over_tls_is_served_also_behind_a_proxy() -> None:
    result = BehindAProxy().run()
    assert result is not None and result.wasSuccessful(), result


def test_HR1_a_foreign_host_is_refused_before_it_is_redirected(raw: Raw) -> None:
    app = Application([("/", Hello)], https_redirect=True, allowed_hosts=["a.example"])
    assert raw(app, ask("/", host="evil.example")).startswith(b"HTTP/1.1 421")
    assert raw(app, ask("/")).startswith(b"HTTP/1.1 301")


def test_HR4_the_target_decides_where_it_names_a_host_and_is_held_against_the_list(raw: Raw) -> None:
    app = Application([("/", Hello)], allowed_hosts=["a.example"])
    answer = raw(app, ask("http://evil.example/", host="a.example"))
    assert answer.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400")) and b"hello" not in answer


POLICY = {"allow_origins": ["https://app.example"], "allow_methods": ["GET", "PUT"], "allow_credentials": True}


@pytest.mark.parametrize("policy", [POLICY, CORSPolicy(**POLICY)])  # type: ignore[arg-type]
def test_pages_of_a_listed_origin_may_read_every_answer_errors_included(raw: Raw, policy: Any) -> None:
    app = Application([("/", Hello)], cors=policy)
    for path in ("/", "/nowhere"):
        received = raw(app, ask(path, "Origin: https://app.example"))
        assert b"Access-Control-Allow-Origin: https://app.example\r\n" in received and b"Vary: Origin\r\n" in received
        assert b"Access-Control-Allow-Credentials: true\r\n" in received
        received = raw(app, ask(path, "Origin: https://app.example.evil"))
        assert b"Access-Control-Allow" not in received and b"Vary: Origin\r\n" in received


def test_a_preflight_is_answered_and_other_options_reach_the_handler(raw: Raw) -> None:
    app = Application([("/", Hello)], cors=POLICY)
    preflight = ("Origin: https://app.example", "Access-Control-Request-Method: PUT")
    received = raw(app, ask("/", *preflight, method="OPTIONS"))
    assert received.startswith(b"HTTP/1.1 204") and b"Access-Control-Allow-Methods: GET, PUT\r\n" in received
    assert received.count(b"Access-Control-Allow-Origin") == 1 and received.count(b"Vary") == 1
    assert raw(app, ask("/", method="OPTIONS")).endswith(b"options")


def test_what_is_no_policy_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="setting cors takes"):
        Application(cors="*")


def test_one_handler_can_have_a_policy_of_its_own(raw: Raw) -> None:
    @cors(CORSPolicy(**POLICY))  # type: ignore[arg-type]
    class Open(Hello):
        def set_default_headers(self) -> None:
            self.set_header("X-Own", "1")

    app = Application([("/open", Open), ("/", Hello)])
    origin = "Origin: https://app.example"
    received = raw(app, ask("/open", origin))
    assert b"Access-Control-Allow-Origin: https://app.example\r\n" in received and b"X-Own: 1\r\n" in received
    preflight = raw(app, ask("/open", origin, "Access-Control-Request-Method: PUT", method="OPTIONS"))
    assert preflight.startswith(b"HTTP/1.1 204") and b"Access-Control-Allow-Methods: GET, PUT\r\n" in preflight
    assert raw(app, ask("/open", method="OPTIONS")).endswith(b"options")
    assert b"Access-Control" not in raw(app, ask("/", origin))


def test_without_these_settings_there_is_no_gate() -> None:
    assert Application()._gate is None
