"""RequestHandler: events, time limits, and the hosts an application answers for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, RequestHandler, safe_next, sign_url, stream_request_body, verify_url

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]


def test_events_are_sent_one_by_one_with_the_headers_of_a_stream(fetch: Fetch, raw: Raw) -> None:
    class Events(RequestHandler):
        async def get(self) -> None:
            await self.send_event("first\nline", event="news", id="1", retry=500)
            await self.send_event("second")
            if self.get_argument("wait", None):
                await asyncio.sleep(10)

    response = fetch([("/", Events)])
    assert response.headers["Content-Type"] == "text/event-stream" and "no-cache" in response.headers["Cache-Control"]
    assert response.body == b"event: news\nid: 1\nretry: 500\ndata: first\ndata: line\n\ndata: second\n\n"
    received = raw([("/", Events)], b"GET /?wait=1 HTTP/1.1\r\nHost: a\r\n\r\n", until=b"data: second\n\n")
    assert b"data: second\n\n" in received  # before the handler has ended


def test_OT10_an_event_cannot_be_made_of_data(fetch: Fetch) -> None:
    class Events(RequestHandler):
        async def get(self) -> None:
            with pytest.raises(ValueError, match="line break"):
                await self.send_event("x", event="a\ndata: b")
            self.write("refused")

    assert fetch([("/", Events)]).body == b"refused"


class Slow(RequestHandler):
    """Waits until it is cancelled."""

    log: list[str]

    def initialize(self, log: list[str]) -> None:
        self.log = log

    async def get(self) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise

    async def post(self) -> None:
        await asyncio.sleep(0)
        self.write("in time")

    def on_finish(self) -> None:
        self.log.append("finished")


def test_RX12_a_handler_that_takes_too_long_is_cancelled_and_503(fetch: Fetch, caplog: Any) -> None:
    log: list[str] = []
    app = Application([("/", Slow, {"log": log})], handler_timeout=0.02)
    assert fetch(app).code == 503 and log == ["cancelled", "finished"]
    assert "handler_timeout" in caplog.text and not [r for r in caplog.records if r.exc_info]
    assert fetch(app, method="POST", body=b"").body == b"in time"


@pytest.mark.parametrize("wraps", [True, False])
@pytest.mark.parametrize("middleware", [True, False])
def test_RX12_so_is_one_that_is_wrapped_by_an_instrument_or_had_its_body_streamed(
    raw: Raw, wraps: bool, middleware: bool
) -> None:
    class Wrapped(Slow):
        async def _execute(self, transforms: Any, *args: Any, **kwargs: Any) -> None:
            await super()._execute(transforms, *args, **kwargs)

    @stream_request_body
    class Streamed(Slow):
        def data_received(self, chunk: bytes) -> None:
            self.log.append("piece")

        put = Slow.get

    async def around(handler: RequestHandler, call_next: Any) -> None:
        await call_next()

    log: list[str] = []
    app = Application(
        [("/", Wrapped if wraps else Streamed, {"log": log})],
        handler_timeout=0.2,
        middleware=[around] if middleware else [],
    )
    if wraps:
        answer = raw(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", until=b"</html>")
    else:  # what the client takes for its body is no time of the handler's
        head = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na"
        answer = raw(app, head, 0.3, b"b", until=b"</html>")
    assert answer.startswith(b"HTTP/1.1 503 ") and log == [*["piece"] * (not wraps) * 2, "cancelled", "finished"]


def test_RX12_after_the_head_has_left_the_connection_is_cut(raw: Raw) -> None:
    class Streaming(RequestHandler):
        async def get(self) -> None:
            self.write("part")
            await self.flush()
            await asyncio.sleep(10)

    app = Application([("/", Streaming)], handler_timeout=0.02)
    received = raw(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert received.endswith(b"4\r\npart\r\n") and received.count(b"HTTP/1.1") == 1


class Hello(RequestHandler):
    """Says hello."""

    def get(self) -> None:
        self.write("hello")

    post = get


@pytest.mark.parametrize(
    ("hosts", "host", "code"),
    [(["a"], "evil.example", 421), (["a"], "a", 200), (["a"], "A:8080", 200), (["*"], "evil.example", 200),
     ([".example.com"], "evilexample.com", 421), ([".example.com"], "example.com.evil", 421),
     ([".example.com"], "EXAMPLE.com.", 200), ([".example.com"], "a.example.com:80", 200)],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_HR1_HR3_only_allowed_hosts_are_served(
    fetch: Fetch, hosts: list[str], host: str, code: int, method: str
) -> None:
    app = Application([("/", Hello)], allowed_hosts=hosts)
    body = b"x" * 100_000 if method == "POST" else None
    assert fetch(app, headers={"Host": host}, method=method, body=body).code == code
    assert fetch(app, "/nothing", headers={"Host": host}).code == (404 if code == 200 else 421)


@pytest.mark.parametrize(
    ("host", "code"),
    [("attacker.test", 421), ("localhost:8888", 200), ("127.0.0.1:8888", 200), ("[::1]", 200), ("app.localhost", 200)],
)
def test_HR2_in_debug_mode_only_names_of_this_machine_are_served(fetch: Fetch, host: str, code: int) -> None:
    app = Application([("/", Hello)], debug=True, autoreload=False)
    assert fetch(app, headers={"Host": host}).code == code


@pytest.mark.parametrize(
    "settings", [{}, {"debug": True, "compat": "tornado"}, {"debug": True, "allowed_hosts": ["*"]}]
)
def test_otherwise_any_host_is_served(fetch: Fetch, settings: dict[str, Any]) -> None:
    app = Application([("/", Hello)], **{"autoreload": False, **settings})
    assert fetch(app, headers={"Host": "attacker.test"}).code == 200


def test_links_can_be_signed_for_a_time_and_next_is_checked() -> None:
    link = sign_url("0123456789abcdef", "https://a.example/reset?user=1", max_age=60, purpose="reset")
    assert verify_url("0123456789abcdef", link, purpose="reset")
    assert not verify_url("0123456789abcdef", link.replace("user=1", "user=2"), purpose="reset")
    assert safe_next("/home") == "/home" and safe_next("//evil.example") == "/"
