"""Fields that tell browsers to be careful."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.testing import AsyncHTTPSTestCase
from waterspout.web import Application, RequestHandler
from waterspout.web._securityheaders import DEFAULTS, hsts_value, security_fields

Fetch = Callable[..., HTTPResponse]


class Hello(RequestHandler):
    def get(self, kind: str) -> None:
        if kind == "own":
            self.set_header("X-Frame-Options", "DENY")
            self.clear_header("Referrer-Policy")
        self.write("hello")


@pytest.mark.parametrize("path", ["/", "/nowhere/at/all", "/own"])
def test_every_answer_has_them_and_a_handler_may_set_others(fetch: Fetch, path: str) -> None:
    headers = fetch(Application([("/(own)?", Hello)], security_headers=True), path).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and "Strict-Transport-Security" not in headers
    assert headers.get_list("X-Frame-Options") == (["DENY"] if path == "/own" else ["SAMEORIGIN"])
    assert ("Referrer-Policy" in headers) == (path != "/own")


def test_a_mapping_adds_replaces_and_leaves_out() -> None:
    fields = dict(security_fields({"content-security-policy": "default-src 'self'", "x-frame-options": None}))
    assert "X-Frame-Options" not in fields and fields["Content-Security-Policy"] == "default-src 'self'"
    assert fields.keys() == (DEFAULTS.keys() - {"X-Frame-Options"}) | {"Content-Security-Policy"}
    assert security_fields(None) == security_fields(False) == []


@pytest.mark.parametrize("wrong", [{"X-A": "b\r\nX-C: d"}, {"X A": "b"}])
def test_RW1_what_cannot_be_sent_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(ValueError):
        Application(security_headers=wrong)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (True, "max-age=31536000"),
        (60, "max-age=60"),
        (0, "max-age=0"),
        ("max-age=63072000; includeSubDomains; preload", "max-age=63072000; includeSubDomains; preload"),
        (None, None),
        (False, None),
    ],
)
def test_hsts_is_a_year_seconds_or_a_text(setting: Any, value: str | None) -> None:
    assert hsts_value(setting) == (value if setting is not False else None)


@pytest.mark.parametrize("wrong", ["includeSubDomains", "max-age=1\r\nX: y", -1])
def test_hsts_that_no_browser_understands_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(ValueError, match="hsts"):
        Application(hsts=wrong)


class OverTLS(AsyncHTTPSTestCase):
    __test__ = False  # run by the test below

    def get_app(self) -> Application:
        return Application([("/()", Hello)], hsts=60)

    def runTest(self) -> None:
        for path in ("/", "/nowhere"):
            assert self.fetch(path).headers["Strict-Transport-Security"] == "max-age=60"


def test_hsts_is_sent_over_tls_only(fetch: Fetch) -> None:
    result = OverTLS().run()
    assert result is not None and result.wasSuccessful(), result
    assert "Strict-Transport-Security" not in fetch(Application([("/()", Hello)], hsts=60)).headers
