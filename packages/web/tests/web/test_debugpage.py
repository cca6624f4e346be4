"""The debug error page over the wire: who gets it, in which form, and what the log says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.testing import AsyncHTTPTestCase
from waterspout.web import Application, HTTPError, RequestHandler
from waterspout.web import _debugpage as debugpage

Fetch = Callable[..., HTTPResponse]


class Broken(RequestHandler):
    """Fails with a secret at hand."""

    def get(self) -> None:
        password = "2retnuh"[::-1]  # so that the source does not show it either
        story = "<b>a story"
        raise KeyError(f"no such story: {story}", len(password))


def debugged(**settings: Any) -> Application:
    return Application([("/story/1", Broken, {}, "story")], **{"debug": True, "autoreload": False, **settings})


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html,*/*;q=0.8", "text/html"), ("application/json", "application/json"), (None, "text/plain"),
     ("*/*", "text/plain")],
)  # fmt: skip
def test_the_page_comes_in_the_form_that_is_accepted(fetch: Fetch, accept: str | None, kind: str) -> None:
    response = fetch(debugged(), "/story/1", headers={"Accept": accept} if accept else {})
    assert response.code == 500 and response.headers["Content-Type"].startswith(kind)
    assert (
        response.headers["Cache-Control"] == "no-store"
        and "default-src 'none'" in response.headers["Content-Security-Policy"]
    )
    text = response.body.decode()
    assert "KeyError" in text and "no such story" in text and "hunter2" not in text
    if kind == "text/html":
        assert "<b>a story" not in text and "/story/1$" in text
    if kind == "application/json":
        assert json.loads(text)["route"] == {"pattern": "/story/1$", "handler": f"{__name__}.Broken", "name": "story"}


def test_the_log_has_a_few_lines_with_the_place_and_no_traceback(fetch: Fetch, caplog: Any) -> None:
    fetch(debugged(), "/story/1?token=abcdefgh")
    (record,) = [record for record in caplog.records if record.name == "waterspout.application"]
    message = record.getMessage()
    assert record.exc_info is None and message.count("\n") <= 6
    assert "KeyError" in message and "raise KeyError" in message and "in get" in message and "abcdefgh" not in message


@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/plain"])
def test_a_404_in_debug_mode_lists_the_routes(fetch: Fetch, accept: str) -> None:
    app = debugged()
    app.add_handlers("www.example.com", [("/other", Broken)])
    response = fetch(app, "/nothing", headers={"Accept": accept})
    text = response.body.decode()
    assert response.code == 404 and "/story/1$" in text and "www.example.com$ /other$" in text.replace("\\\\", "")


def test_as_text_a_404_is_the_routes_without_a_traceback(fetch: Fetch) -> None:
    text = fetch(debugged(), "/nothing").body.decode()
    assert text.startswith("404 Not Found: GET /nothing") and "No route matches\n\nRoutes:\n" in text
    assert ".py" not in text and "HTTPError" not in text


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_a_404_tells_of_patterns_in_another_frameworks_style(fetch: Fetch, accept: str) -> None:
    app = Application([("/book/<name>", Broken)], debug=True, autoreload=False)
    text = fetch(app, "/book/moby", headers={"Accept": accept}).body.decode().replace("&lt;", "<").replace("&gt;", ">")
    assert "/book/<name>: patterns are regular expressions, as in /book/([^/]+)" in text


def test_RW9_only_clients_on_this_machine_see_it(fetch: Fetch, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(debugpage, "is_loopback", lambda address: False)
    title = b"500: Internal Server Error"
    assert fetch(debugged(), "/story/1").body == b"<html><title>%b</title><body>%b</body></html>" % (title, title)
    assert [record for record in caplog.records if record.exc_info]  # then the log has all of it


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"X-Forwarded-For": "192.0.2.1"}, False),
        ({"X-Forwarded-For": "127.0.0.1, 192.0.2.1"}, False),
        ({"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "192.0.2.1"}, False),
        ({"X-Forwarded-For": "unknown"}, False),
        ({"Forwarded": "for=192.0.2.1"}, False),
        ({"Via": "1.1 proxy"}, False),
        ({"X-Forwarded-For": "::ffff:127.0.0.1, ::1"}, True),  # a development server in front of this one
        ({"X-Real-IP": ""}, True),
    ],
)
def test_RW9_who_comes_through_a_proxy_on_this_machine_does_not_see_it(
    fetch: Fetch, headers: dict[str, str], shown: bool
) -> None:
    assert (b"KeyError" in fetch(debugged(), "/story/1", headers=headers).body) is shown


def test_RW9_a_client_that_a_trusted_proxy_names_sees_it_if_it_is_on_this_machine() -> None:
    class Case(AsyncHTTPTestCase):
        def get_app(self) -> Application:
            return debugged()

        def get_httpserver_options(self) -> dict[str, Any]:
            return {"xheaders": True, "trusted_downstream": ["127.0.0.1", "127.0.0.2"]}

        def runTest(self) -> None:
            for address, shown in (("127.0.0.9", True), ("192.0.2.1", False)):
                response = self.fetch("/story/1", headers={"X-Forwarded-For": address})
                assert (b"KeyError" in response.body) is shown

    result = Case().run()
    assert result is not None and result.wasSuccessful(), result.errors + result.failures


def test_nothing_is_shown_without_the_setting(fetch: Fetch, caplog: Any) -> None:
    for app in (debugged(serve_traceback=False), Application([("/story/1", Broken)])):
        response = fetch(app, "/story/1")
        assert response.code == 500 and b"KeyError" not in response.body
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_serve_traceback_works_without_debug(fetch: Fetch) -> None:
    assert b"KeyError" in fetch(Application([("/story/1", Broken)], serve_traceback=True), "/story/1").body


def test_the_page_is_a_plain_traceback_where_tornado_is_wanted(fetch: Fetch, caplog: Any) -> None:
    response = fetch(debugged(compat="tornado"), "/story/1", headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "text/plain"
    assert response.body.startswith(b"Traceback (most recent call last):")
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_an_http_error_shows_where_it_was_raised(fetch: Fetch) -> None:
    def get(self: RequestHandler) -> None:
        raise HTTPError(403, "not for you")

    app = Application([("/", type("Refusing", (RequestHandler,), {"get": get}))], debug=True, autoreload=False)
    response = fetch(app)
    assert response.code == 403 and b"not for you" in response.body and b"in get" in response.body


def test_OT11_the_only_page_that_lists_routes_is_opt_in_escaped_and_for_this_machine(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [(r"/</script><script>alert(1)</script>", Broken, {}, "</title>"), ("/private", Broken)]
    ask = {"headers": {"Accept": "text/html"}}
    page = fetch(Application(rules, debug=True, autoreload=False), "/nowhere", **ask).body
    assert b"/private" in page and b"<script>alert" not in page and b"&lt;/title&gt;" in page
    assert b"/private" not in fetch(Application(rules), "/nowhere", **ask).body
    monkeypatch.setattr(debugpage, "is_loopback", lambda address: False)
    assert b"/private" not in fetch(Application(rules, debug=True, autoreload=False), "/nowhere", **ask).body
