"""What one client may take from all others: rows of resource exhaustion, and refusals that end a connection."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from waterspout.http1connection import HTTP1ServerConnection, Phase
from waterspout.httpserver import HTTPServer
from waterspout.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    ResponseStartLine,
    parse_body_arguments,
    parse_cookie,
)
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.netutil import Resolver, bind_sockets
from waterspout.wsgi import WSGIContainer

Exchange = Callable[..., tuple[bytes, bool]]
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n"


def answer(request: HTTPServerRequest, status: int = 200) -> None:
    body = f"{request.method} {request.uri} ".encode() + request.body[:20]
    request.connection.write_headers(
        ResponseStartLine("", status, "Any"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def statuses(received: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]


# -- refusals


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (POST % b"Content-Length: 2000000", 413),
        (POST % b"Transfer-Encoding: chunked" + b"200000\r\n", 413),
        (POST % b"Transfer-Encoding: chunked" + b"x\r\n", 400),
        (POST % b"Content-Length: 3\r\nContent-Encoding: br" + b"abc", 415),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/4.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 33_000 + b"\r\n\r\n", 431),
    ],
)
def test_RW10_after_a_refusal_nothing_more_is_served(exchange: Exchange, raw: bytes, status: int) -> None:
    asked = []

    def note(request: HTTPServerRequest) -> None:
        asked.append(request.uri)
        answer(request)

    received, closed = exchange(
        note, GET % b"before" + raw + GET % b"after", max_body_size=1_000_000, decompress_request=True
    )
    assert statuses(received) == [200, status] and closed and asked == ["/before"]
    assert b"Connection: close\r\n" in received and b"\r\nDate: " in received


class AnswersUnread:
    """Answers when it has seen the head; the body has not come."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        self.asked.append(request.uri)
        answer(request, 403)
        return HTTPMessageDelegate()

    def serve_request(self, request: HTTPServerRequest) -> None:
        self.asked.append(request.uri)
        answer(request)


@pytest.mark.parametrize("size", [100, 60_000, 200_000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_RW11_a_body_that_nobody_reads_is_never_taken_for_a_request(
    exchange: Exchange, size: int, framing: str
) -> None:
    application = AnswersUnread()
    body = (GET % b"smuggled") * (size // 35)
    if framing == "length":
        head, rest = POST % b"Content-Length: %d" % len(body), body
    else:
        head, rest = POST % b"Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    received, closed = exchange(application, head, 0.02, rest + GET % b"next")
    assert statuses(received) == [403] and closed, "the answer arrives although the client still sends"
    assert application.asked == ["/"]


def test_RW11_a_client_that_never_stops_sending_is_cut_off(exchange: Exchange, monkeypatch: Any) -> None:
    monkeypatch.setattr("waterspout.http1connection._server_connection.LINGER_TIMEOUT", 0.2)
    monkeypatch.setattr(HTTPServer, "_resolution", lambda self: 0.05)
    received, closed = exchange(AnswersUnread(), POST % b"Content-Length: 90000000", b"x" * 8_000_000)
    assert closed and statuses(received) in ([403], [])


def test_RW7_early_hints_are_not_sent_to_http_1_0(exchange: Exchange) -> None:
    def hints(request: HTTPServerRequest) -> None:
        headers = HTTPHeaders({"Link": "</style.css>; rel=preload"})
        request.connection.write_headers(ResponseStartLine("", 103, "Early Hints"), headers)
        answer(request)

    received, _ = exchange(hints, GET % b"")
    assert statuses(received) == [103, 200] and b"Link: </style.css>; rel=preload\r\n" in received
    assert b"Content-Length" not in received.partition(b"\r\n\r\n")[0]
    received, closed = exchange(hints, b"GET / HTTP/1.0\r\n\r\n")
    assert statuses(received) == [200] and b"Link" not in received and closed


# -- reading


def test_RX5_a_thousand_requests_in_one_packet_are_not_read_ahead_of_a_slow_answer() -> None:
    async def main() -> None:
        waiting: list[HTTPServerRequest] = []
        server = HTTPServer(waiting.append)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(b"".join(GET % b"%d" % number for number in range(1000)))
        for number in range(1000):
            for _ in range(3000):
                if waiting:
                    break
                await asyncio.sleep(0.001)
            assert [request.uri for request in waiting] == [f"/{number}"], "one at a time, in order"
            answer(waiting.pop())
        received = b""
        while received.count(b"HTTP/1.1 200") < 1000:
            received += await asyncio.wait_for(reader.read(65536), 30)
        writer.close()
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


async def settled(amount: Callable[[], int]) -> int:
    """What *amount* is when it has stood still for a while: what was on its way has come."""
    before, now = -1, amount()
    while before != now:
        await asyncio.sleep(0.2)
        before, now = now, amount()
    return now


def test_RX5_what_waits_behind_a_slow_answer_is_bounded(until: Any) -> None:
    async def main() -> None:
        waiting: list[HTTPServerRequest] = []
        server = HTTPServer(waiting.append)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write((GET % b"x") * 200_000)  # 7 MB
        await until(lambda: waiting)
        (connection,) = server._connections
        assert await settled(lambda: connection._reader.held + len(connection._pipelined)) < 512 * 1024
        assert len(waiting) == 1
        writer.transport.abort()
        server.stop()
        await server.close_all_connections()
        reader.feed_eof()

    asyncio.run(main())


@pytest.mark.parametrize("raw", [b"\r\n" * 50_000, b"a" * 1_000_000, b"\n" * 100_000, b"GET /" + b"a" * 1_000_000])
def test_RX6_what_is_no_request_after_8_kilobytes_is_refused(exchange: Exchange, raw: bytes) -> None:
    received, closed = exchange(answer, raw)
    assert closed and statuses(received) in ([400], [414])


def test_RX11_a_route_decides_on_its_limit_before_the_body_is_read(exchange: Exchange) -> None:
    class Routes:
        def open_request(self, request: HTTPServerRequest) -> None:
            connection: Any = request.connection
            connection.set_max_body_size(10 if request.path == "/small" else 100_000)

        def serve_request(self, request: HTTPServerRequest) -> None:
            answer(request)

    head = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
    received, closed = exchange(Routes(), head % (b"small", 11))
    assert statuses(received) == [413] and closed, "refused without 100, and without the body"
    received, closed = exchange(Routes(), head % (b"large", 20_000), 0.05, b"x" * 20_000, max_body_size=5)
    assert statuses(received) == [100, 200] and not closed


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("split", ["whole", "after the head", "in the body", "byte by byte"])
@pytest.mark.parametrize("body", [b"hello world", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"])
@pytest.mark.parametrize("limit", [10, 11])
def test_RX11_a_delegate_that_sets_its_limit_gets_none_of_what_is_longer(
    exchange: Exchange, limit: int, body: bytes, split: str, waits: bool
) -> None:
    got: list[bytes | str] = []

    class Limited(HTTPMessageDelegate):
        def __init__(self, request: HTTPServerRequest) -> None:
            self.request = request

        async def wait(self) -> None:
            await asyncio.sleep(0)

        def headers_received(self, start_line: object, headers: object) -> Any:
            connection: Any = self.request.connection
            connection.set_max_body_size(limit)
            return self.wait() if waits else None

        def data_received(self, chunk: bytes) -> None:
            got.append(chunk)

        def finish(self) -> None:
            answer(self.request)

        def on_connection_close(self) -> None:
            got.append("lost")

    class Routes:
        def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
            return Limited(request)

        def serve_request(self, request: HTTPServerRequest) -> None:
            connection: Any = request.connection
            connection.deliver(request, Limited(request))

    framing = b"Transfer-Encoding: chunked" if b"\r\n" in body else b"Content-Length: 11"
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n"
    pieces = {
        "whole": [head + body],
        "after the head": [head, body],
        "in the body": [head + body[:4], body[4:]],
        "byte by byte": [bytes([byte]) for byte in head + body],
    }[split]
    steps: list[Any] = [step for piece in pieces for step in (piece, 0.001)]
    received, closed = exchange(Routes(), *steps)
    if limit == 11:
        assert statuses(received) == [200] and not closed and b"".join(got) == b"hello world"  # type: ignore[arg-type]
    else:
        assert statuses(received) == [413] and closed and got[-1] == "lost"
        told = b"".join(got[:-1])  # type: ignore[arg-type]
        # What is too long is known from its announced length, of chunks as far as they have come.
        assert told == b"" if b"\r\n" not in body or split == "whole" else len(told) <= limit


def test_RX2_the_time_in_which_the_application_takes_nothing_is_not_the_clients(until: Any) -> None:
    class Slow(HTTPMessageDelegate):
        busy: asyncio.Future[None] | None = None

        def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
            return self

        serve_request = open_request

        def data_received(self, chunk: bytes) -> asyncio.Future[None]:
            self.busy = asyncio.get_running_loop().create_future()
            return self.busy

    class Clock:
        """A wheel that is turned by hand."""

        now = coarse_now = 0.0

        def watch_for(self, connection: Any, seconds: float) -> None:
            connection.deadline = self.now + seconds

        def watch(self, connection: object) -> None:
            pass

        forget = watch

    async def main() -> None:
        theirs, ours = socket.socketpair()
        theirs.setblocking(False)
        clock: Any = Clock()
        slow: Any = Slow()
        connection = HTTP1ServerConnection(IOStream(ours), deadlines=clock)
        connection.start_serving(slow)
        theirs.send(POST % b"Content-Length: 100000\r\n" + b"x" * 1000)
        await until(lambda: slow.busy)
        for _ in range(360):  # an hour
            clock.now += 10
            connection.deadline_passed()
        theirs.send(b"x" * 1000)
        slow.busy.set_result(None)
        slow.busy = None
        await until(lambda: slow.busy)
        slow.busy.set_result(None)
        await until(lambda: connection._delivery.waiting is None)  # type: ignore[union-attr]
        clock.now += 9
        connection.deadline_passed()
        assert not connection.stream.closed() and connection.phase is Phase.BODY, "it has its grace from then on"
        clock.now += 10
        connection.deadline_passed()
        assert connection.phase is not Phase.BODY, "and is then as slow as it is"
        await until(lambda: connection.stream.pending == 0)
        assert theirs.recv(100).startswith(b"HTTP/1.1 408 ")
        connection.close()
        theirs.close()

    asyncio.run(main())


def test_a_connection_is_idle_for_no_longer_than_it_may_be_after_a_slow_answer(until: Any) -> None:
    async def main() -> None:
        asked: list[HTTPServerRequest] = []
        server = HTTPServer(asked.append, idle_connection_timeout=0.2)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET % b"")
        await until(lambda: asked)
        (connection,) = server._connections
        watched = connection.deadline
        await until(lambda: connection.deadline != watched)  # it has passed while the answer was being made
        answer(asked[0])
        await reader.readuntil(b"\r\n\r\n")
        began = time.monotonic()
        await asyncio.wait_for(reader.read(), 50)
        assert time.monotonic() - began < 40, "closed, and not a minute later"
        writer.close()
        server.stop()

    asyncio.run(main())


def test_RX3_a_client_that_reads_nothing_is_closed_and_its_response_is_not_collected_in_memory(until: Any) -> None:
    async def main() -> None:
        failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        written = 0

        async def flow(request: HTTPServerRequest) -> None:
            nonlocal written
            try:
                await request.connection.write_headers(
                    ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(1 << 30)})
                )
                for _ in range(1 << 14):
                    await request.connection.write(bytes(65536))
                    written += 65536
            except StreamClosedError as error:
                failed.set_result(error)

        tasks = []
        server = HTTPServer(lambda request: tasks.append(asyncio.ensure_future(flow(request))))
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname(), limit=1024)
        writer.write(GET % b"")
        await until(lambda: written)
        (connection,) = server._connections
        # What the kernel's buffers hold and one piece: an awaited write waits for the client.
        assert await settled(lambda: written) < 32 << 20 and connection.stream.pending <= 65536
        connection.deadline_passed()  # what the wheel does, 60 s after a byte was last taken: once to look, once to act
        assert not connection.stream.closed()
        connection.deadline_passed()
        assert connection.stream.closed()
        assert isinstance(await asyncio.wait_for(failed, 30), StreamClosedError)
        writer.transport.abort()
        server.stop()
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.read(1)

    asyncio.run(main())


def test_RX3_a_last_response_that_nobody_takes_has_a_deadline_too(until: Any) -> None:
    # The connection is closed after it, and waits for nothing else: it must not wait for ever.
    async def main() -> None:
        def application(request: HTTPServerRequest) -> None:
            connection: Any = request.connection
            connection.respond(200, None, f"Content-Length: {64 << 20}\r\n", bytes(64 << 20))

        server = HTTPServer(application)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname(), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await until(lambda: any(c.stream.pending for c in server._connections))
        (connection,) = server._connections
        assert connection.deadline < float("inf") and server._deadlines is not None and len(server._deadlines) == 1
        connection.deadline_passed()
        assert not connection.stream.closed()
        connection.deadline_passed()
        assert connection.stream.closed()
        await until(lambda: not server._connections)
        writer.transport.abort()
        server.stop()

    asyncio.run(main())


def test_RX13_names_are_resolved_while_all_threads_of_a_wsgi_application_are_busy() -> None:
    async def main() -> None:
        going, busy = threading.Event(), threading.Barrier(3)

        def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            busy.wait(30)
            going.wait(30)
            start_response("200 OK", [("Content-Length", "2")])
            return [b"ok"]

        with ThreadPoolExecutor(2) as threads:
            server = HTTPServer(WSGIContainer(application, threads))
            (sock,) = bind_sockets(0, "127.0.0.1")
            server.add_sockets([sock])
            clients = [await asyncio.open_connection(*sock.getsockname()) for _ in range(6)]
            for _, writer in clients:
                writer.write(GET % b"")
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, busy.wait, 30)
            assert threads._work_queue.qsize() <= 4, "one entry a request at most, and there are as many as connections"
            resolver = Resolver()
            assert await asyncio.wait_for(resolver.resolve("localhost", 80), 30)
            busy.abort()  # the other four need not meet
            going.set()
            for reader, writer in clients:
                assert b"HTTP/1.1 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                writer.close()
            server.stop()
            await server.close_all_connections()

    asyncio.run(main())


# -- parsing


def cost(function: Callable[[], object]) -> float:
    """Processor seconds, the least of three: a busy machine must not fail a test."""
    least = float("inf")
    for _ in range(3):
        began = time.process_time()
        with contextlib.suppress(ValueError):
            function()
        least = min(least, time.process_time() - began)
    return least


def test_RX14_json_forms_and_cookies_of_a_megabyte_are_cheap_to_parse() -> None:
    document = json.dumps([{"a": number, "b": "x" * 20} for number in range(25_000)]).encode()
    assert 1_000_000 < len(document)
    assert cost(lambda: json.loads(document)) < 0.5
    form = b"&".join(b"field%d=%b" % (number, b"x" * 10_000) for number in range(1000))
    assert len(form) > 10_000_000
    assert cost(lambda: parse_body_arguments("application/x-www-form-urlencoded", form, {}, {})) < 0.5
    parts = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="f%d"; filename="f"\r\n\r\n%b\r\n' % (n, b"x" * 100_000)
        for n in range(100)
    )
    multipart = parts + b"--B--\r\n"
    assert cost(lambda: parse_body_arguments("multipart/form-data; boundary=B", multipart, {}, {})) < 0.5
    cookies = "; ".join(f"name{number}=value{number}" for number in range(1000))
    assert cost(lambda: parse_cookie(cookies)) < 0.5


def test_RX14_parsing_is_linear() -> None:
    def form(size: int) -> Callable[[], object]:
        data = b"a=" + b"%41" * size
        return lambda: parse_body_arguments("application/x-www-form-urlencoded", data, {}, {})

    assert cost(form(400_000)) < 40 * max(cost(form(40_000)), 0.001)


# -- compressed bodies


@pytest.mark.parametrize("streamed", [False, True])
def test_DB1_a_body_that_grows_a_hundredfold_is_told_of_once(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, streamed: bool
) -> None:
    for plain, records in ((bytes(8_000_000), 1), (bytes(900_000), 0), (random.Random(1).randbytes(1_500_000), 0)):
        caplog.clear()
        body = gzip.compress(plain)
        head = POST % b"Content-Encoding: gzip\r\nContent-Length: %d" % len(body)
        received, _ = exchange(answer, head, *([0.02] if streamed else []), body, decompress_request=True)
        assert statuses(received) == [200]
        assert sum("has been decompressed to more than" in record.getMessage() for record in caplog.records) == records


PLAIN = b"hello " * 1000


@pytest.mark.parametrize(
    "body",
    [
        b"this is no gzip",
        gzip.compress(PLAIN)[:-4],
        gzip.compress(PLAIN)[:-9],
        gzip.compress(PLAIN) + b"trailing garbage",
        gzip.compress(PLAIN)[:-8] + b"\0\0\0\0" + gzip.compress(PLAIN)[-4:],
        zlib.compress(PLAIN),
        zlib.compress(PLAIN)[2:-4],
    ],
    ids=["text", "cut in the trailer", "cut in the data", "garbage behind", "wrong checksum", "zlib", "raw deflate"],
)
@pytest.mark.parametrize("pieces", [1, 3])
def test_DB2_what_is_no_whole_gzip_is_refused(exchange: Exchange, body: bytes, pieces: int) -> None:
    head = POST % b"Content-Encoding: gzip\r\nContent-Length: %d" % len(body)
    size = -(-len(body) // pieces)
    parts: list[bytes | float] = [head]
    for start in range(0, len(body), size):
        parts += [body[start : start + size], 0.01]
    received, closed = exchange(answer, *parts, decompress_request=True)
    assert statuses(received) == [400] and closed


@pytest.mark.parametrize("late", [b"", b"he", b"hello"], ids=["none", "a part", "all"])
@pytest.mark.parametrize("by", ["limit", "raise"])
def test_who_was_answered_before_its_body_exceeded_a_limit_gets_no_second_answer(
    exchange: Any, late: bytes, by: str
) -> None:
    class Refusing(HTTPServerConnectionDelegate, HTTPMessageDelegate):
        def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
            self.connection = request_conn
            return self

        def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
            if by == "limit":
                self.connection.set_max_body_size(3)
            length = HTTPHeaders({"Content-Length": "2"})
            self.connection.write_headers(ResponseStartLine("HTTP/1.1", 403, "Forbidden"), length, b"no")
            self.connection.finish()
            if by == "raise":
                raise HTTPInputError("too late")

        def finish(self) -> None:
            pass

    received, closed = exchange(Refusing(), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n" + late)
    assert received.count(b"HTTP/1.1 ") == 1 and received.startswith(b"HTTP/1.1 403 ") and received.endswith(b"no")
    assert closed == (by == "raise" or late != b"hello")
