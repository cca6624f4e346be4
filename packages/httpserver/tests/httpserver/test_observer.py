"""ServerObserver: what a server tells, and that telling changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.http1connection import HTTP1ServerConnection
from waterspout.httpserver import HTTPServer, ServerObserver, ServerObservers
from waterspout.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    ResponseStartLine,
)
from waterspout.iostream import StreamClosedError
from waterspout.netutil import bind_sockets
from waterspout.routing import AnyMatches, Rule, RuleRouter

Exchange = Callable[..., tuple[bytes, bool]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
EVENTS = [name for name, what in vars(ServerObserver).items() if callable(what) and not name.startswith("_")]
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"


class Recorder(ServerObserver):
    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if name in EVENTS:
            return lambda *args: self.events.append((name, *args))
        return super().__getattribute__(name)

    def names(self) -> list[str]:
        return [event[0] for event in self.events]

    def of(self, name: str) -> list[Any]:
        return [event[1] for event in self.events if event[0] == name]


class Failing(ServerObserver):
    def __getattribute__(self, name: str) -> Any:
        if name in EVENTS:
            return self.fail
        return super().__getattribute__(name)

    def fail(self, *args: Any) -> None:
        raise RuntimeError("observers may be broken")


def answer(request: HTTPServerRequest) -> None:
    body = request.method.encode() + request.body
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


class WholeAnswers:
    """An application that answers by `respond`, as the framework does."""

    def open_request(self, request: HTTPServerRequest) -> None:
        return None

    def serve_request(self, request: HTTPServerRequest) -> None:
        request.connection.respond(404, None, "Content-Length: 4\r\n", b"none")


def test_the_phases_of_requests_and_connections_are_told_in_order(exchange: Exchange) -> None:
    seen = Recorder()
    exchange(answer, GET % b"1" + POST + b"hello", observer=seen)
    request = ["request_started", "head_sent", "request_finished"]
    assert seen.names() == ["connection_opened", *request, *request, "connection_closed"]
    first, second = seen.of("request_started")
    assert (first.request.uri, second.request.uri) == ("/1", "/p")
    assert seen.of("request_finished") == [first, second], "the same object from start to end"
    assert (first.status, first.received, first.sent) == (200, 0, 3)
    assert (second.status, second.received, second.sent) == (200, 5, 9)
    assert first.began <= first.first_byte <= first.ended and 0 <= first.seconds < 10


def test_bytes_of_a_connection_are_known_when_it_closes(exchange: Exchange) -> None:
    class Bytes(ServerObserver):
        counted: dict[str, int]

        def connection_closed(self, connection: HTTP1ServerConnection) -> None:
            self.counted = connection.stream.statistics()

    seen = Bytes()
    received, _ = exchange(answer, GET % b"1", observer=seen)
    assert (seen.counted["received"], seen.counted["sent"]) == (len(GET) - 1, len(received))


def test_whole_answers_of_a_framework_are_told_the_same(exchange: Exchange) -> None:
    seen = Recorder()
    exchange(WholeAnswers(), GET % b"1", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", observer=seen)
    request = ["request_started", "head_sent", "request_finished"]
    assert seen.names() == ["connection_opened", *request, *request, "connection_closed"]
    assert [(o.status, o.sent) for o in seen.of("request_finished")] == [(404, 4), (404, 0)]


def test_a_request_is_told_once_when_its_body_comes_later_and_its_bytes_are_counted(exchange: Exchange) -> None:
    seen = Recorder()
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange(answer, chunked, 0.01, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + GET % b"2", observer=seen)
    assert seen.names().count("request_started") == 2
    assert [o.received for o in seen.of("request_finished")] == [5, 0]


class Raising(HTTPMessageDelegate, HTTPServerConnectionDelegate):
    """A user's delegate that raises in the methods called *where*."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.closed = 0
        self.told: list[str] = []

    def _reach(self, where: str) -> None:
        self.told.append(where)
        if where == self.where:
            raise RuntimeError(where)

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        self.connection = request_conn
        self._reach("start_request")
        return self

    def on_close(self, server_conn: object) -> None:
        self.closed += 1
        self._reach("on_close")

    def headers_received(self, start_line: Any, headers: Any) -> None:
        self.connection.set_close_callback(lambda: self._reach("close callback"))
        self._reach("headers_received")

    def data_received(self, chunk: bytes) -> None:
        self._reach("data_received")

    def finish(self) -> None:
        self._reach("finish")
        if self.where == "after its answer":
            answer(self.connection.request)
            self._reach("after its answer")

    def on_connection_close(self) -> None:
        self._reach("on_connection_close")


WHERE = ["start_request", "headers_received", "data_received", "finish", "after its answer", "on_connection_close",
         "close callback", "on_close"]  # fmt: skip


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("sent", [GET % b"", POST + b"hello", POST + b"he", POST + b"he" + GET % b""])
def test_what_has_begun_is_told_to_have_ended_whatever_the_application_raises(
    until: Until, where: str, sent: bytes
) -> None:
    seen, delegate = Recorder(), Raising(where)

    async def main() -> None:
        server = HTTPServer(delegate, observer=seen)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(sent)
        await until(lambda: delegate.told)
        writer.close()
        await until(lambda: delegate.closed)
        await until(lambda: "connection_closed" in seen.names())
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert seen.of("connection_opened") == seen.of("connection_closed")
    ends = seen.of("request_finished") + seen.of("request_failed")
    assert seen.of("request_started") == ends and len(ends) >= 1
    assert delegate.closed == 1


@pytest.mark.parametrize("whole", [True, False])
def test_an_answer_arrives_although_the_application_raises_after_it(
    exchange: Exchange, whole: bool, caplog: Any
) -> None:
    def raises(request: HTTPServerRequest) -> None:
        answer(request)
        raise RuntimeError("too late")

    received, closed = exchange(raises if whole else Raising("after its answer"), POST + b"hello" + GET % b"next")
    assert received.endswith(b"POST" + (b"hello" if whole else b"")) and closed
    assert received.count(b"HTTP/1.1 200 ") == 1 and caplog.text.count("Uncaught exception") == 1


def test_a_body_that_is_refused_is_answered_although_the_application_raises_when_it_hears_of_that(
    exchange: Exchange,
) -> None:
    bad = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX"
    received, closed = exchange(Raising("on_connection_close"), bad)
    assert received.startswith(b"HTTP/1.1 400 ") and closed


def test_a_malformed_body_is_a_failure_with_the_status_that_was_sent(exchange: Exchange) -> None:
    seen = Recorder()
    exchange(answer, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", observer=seen)
    assert seen.names() == ["connection_opened", "request_started", "request_failed", "connection_closed"]
    (event,) = [event for event in seen.events if event[0] == "request_failed"]
    assert event[1].status == 400 and isinstance(event[2], HTTPInputError)


def test_bytes_that_are_no_request_are_told_with_their_error(exchange: Exchange) -> None:
    seen = Recorder()
    exchange(answer, GET % b"1" + b"nonsense\r\n\r\n", observer=seen)
    assert seen.names()[-2:] == ["request_refused", "connection_closed"]
    assert seen.events[-2][2].status == 400


def test_a_client_that_leaves_is_a_failure_of_its_request(exchange: Exchange) -> None:
    seen = Recorder()
    exchange(lambda request: None, GET % b"1", None, observer=seen)
    assert seen.names() == ["connection_opened", "request_started", "request_failed", "connection_closed"]
    assert isinstance(seen.events[2][2], StreamClosedError) and seen.events[2][1].status is None


def test_a_connection_that_another_protocol_took_is_open_until_that_ends() -> None:
    async def main() -> None:
        seen = Recorder()
        streams = []

        def take(request: HTTPServerRequest) -> None:
            request.connection.write_headers(
                ResponseStartLine("", 101, "Switching Protocols"),
                HTTPHeaders({"Upgrade": "x", "Connection": "Upgrade"}),
            )
            streams.append(request.connection.detach())

        server = HTTPServer(take, observer=seen)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET % b"1")
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        assert seen.names() == ["connection_opened", "request_started", "head_sent", "request_finished"]
        assert seen.events[3][1].status == 101
        streams[0].close()
        assert seen.names()[-1] == "connection_closed"
        writer.close()
        server.stop()

    asyncio.run(main())


@pytest.mark.parametrize("together", [False, True])
def test_an_observer_that_raises_hurts_nobody(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, together: bool
) -> None:
    seen = Recorder()
    observer: ServerObserver = ServerObservers(Failing(), seen) if together else Failing()
    received, closed = exchange(answer, GET % b"1" + POST + b"hello", b"nonsense\r\n\r\n", observer=observer)
    assert received.count(b"HTTP/1.1 200 OK") == 2 and b"HTTP/1.1 400" in received and closed
    assert "observers may be broken" in caplog.text
    if together:
        assert seen.names()[0] == "connection_opened" and "request_refused" in seen.names()


def test_all_of_several_observers_are_told_everything() -> None:
    first, second = Recorder(), Recorder()
    both = ServerObservers(first, second)
    for name in EVENTS:
        two = name in ("connection_shed", "request_failed", "request_refused")
        getattr(both, name)(*("x", "y") if two else ("x",))
    assert first.names() == second.names() == EVENTS


def test_the_route_is_a_template_and_never_the_path(exchange: Exchange) -> None:
    seen = Recorder()
    inner = RuleRouter([("/a/b", answer), (r"/a/(\d+)/x{2}", answer)])
    router = RuleRouter(
        [("/a/.*", inner), (r"/story/([^/]+)", answer), Rule(AnyMatches(), RuleRouter([("/z", answer)]))]
    )
    for path in (b"a/b", b"story/x", b"z", b"a/12/xx", b"nowhere"):
        exchange(router, GET % path, observer=seen)
    assert [o.route for o in seen.of("request_finished")] == ["/a/b", "/story/{}", "/z", r"/a/(\d+)/x{2}$", None]


def test_an_unobserved_server_uses_the_plain_connection(exchange: Exchange) -> None:
    kinds = []

    def look(request: HTTPServerRequest) -> None:
        kinds.append(type(request.connection))
        answer(request)

    exchange(look, GET % b"1")
    assert kinds == [HTTP1ServerConnection]
