"""ErrorHandler, RedirectHandler, FallbackHandler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, ErrorHandler, FallbackHandler, RedirectHandler, RequestHandler

Fetch = Callable[..., HTTPResponse]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_error_handler_answers_every_method_with_its_status(fetch: Fetch, method: str) -> None:
    app = [("/gone", ErrorHandler, {"status_code": 410})]
    response = fetch(app, "/gone", method=method, body=b"" if method == "POST" else None)
    assert response.code == 410 and b"410: Gone" in response.body


def test_an_error_page_asks_for_no_token(fetch: Fetch) -> None:
    app = Application([], xsrf_cookies=True, cross_origin_protection=True)
    headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert fetch(app, "/nothing", method="POST", body=b"", headers=headers).code == 404


@pytest.mark.parametrize(
    ("route", "path", "code", "location"),
    [
        (("/a", {"url": "/b"}), "/a", 301, "/b"),
        (("/a", {"url": "/b", "permanent": False}), "/a", 302, "/b"),
        (("/a", {"url": "https://b.example/"}), "/a", 301, "https://b.example/"),
        (("/a/(.*)/(.*)", {"url": "/{1}/{0}"}), "/a/x/y", 301, "/y/x"),
        (("/a/(?P<name>.*)", {"url": "/n/{name}"}), "/a/x", 301, "/n/x"),
        (("/a", {"url": "/b?k=1"}), "/a?q=2&q=3", 301, "/b?k=1&q=2&q=3"),
        (("/a/(.*)", {"url": "/{0}"}), "/a/%C3%A9", 301, "/%C3%A9"),
    ],
)
def test_a_redirect_handler_fills_in_groups_and_keeps_the_query(
    fetch: Fetch, route: tuple[str, dict[str, Any]], path: str, code: int, location: str
) -> None:
    response = fetch([(route[0], RedirectHandler, route[1])], path)
    assert (response.code, response.headers["Location"]) == (code, location)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/{0}", "/evil.com"), ("{0}", "https://evil.com/"), ("{0}", "/%5Cevil.com"), ("https:{0}", "evil.com"),
     ("https://{0}", "evil.com"), ("https://b.example{0}", ".evil.com"), ("{0}", "javascript:alert(1)"),
     ("/x/{0}", "%0d%0aX: y"), ("{0}", "//%5B")],
)  # fmt: skip
def test_RD2_a_group_never_decides_scheme_or_host(fetch: Fetch, caplog: Any, pattern: str, path: str) -> None:
    response = fetch([("/r/(.*)", RedirectHandler, {"url": pattern})], f"/r/{path.replace(' ', '%20')}?x=1")
    assert response.code == 400 and "Location" not in response.headers
    assert "Redirect URL" in caplog.text


def test_RD6_non_ascii_locations_are_raw_bytes_where_tornado_is_wanted(fetch: Fetch) -> None:
    app = Application([("/r/(.*)", RedirectHandler, {"url": "/{0}"})], compat="tornado")
    assert fetch(app, "/r/%C3%A9").headers["Location"].encode("latin-1") == "/é".encode()


def test_a_fallback_takes_the_request_whole_with_its_body(fetch: Fetch) -> None:
    seen: list[tuple[str | None, bytes]] = []

    def other(request: Any) -> None:
        seen.append((request.method, request.body))
        request.connection.respond(200, None, "Content-Length: 5\r\n", b"other")

    finished: list[bool] = []

    class Fallback(FallbackHandler):
        def on_finish(self) -> None:
            finished.append(True)

    class Own(RequestHandler):
        def get(self) -> None:
            self.write("own")

    app = [("/own", Own), ("/.*", Fallback, {"fallback": other})]
    assert fetch(app, "/own").body == b"own"
    assert fetch(app, "/x", method="POST", body=b"body").body == b"other"
    assert seen == [("POST", b"body")] and finished == [True]
