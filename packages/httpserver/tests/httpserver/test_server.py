"""HTTPServer over real sockets: what clients get for what they send."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    ResponseStartLine,
)
from waterspout.netutil import bind_sockets

Exchange = Callable[..., tuple[bytes, bool]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"


def answer(request: HTTPServerRequest, body: bytes) -> None:
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def echo(request: HTTPServerRequest) -> None:
    answer(request, f"{request.method} {request.uri} ".encode() + request.body)


def bodies(received: bytes) -> list[bytes]:
    return [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK\r\n")[1:]]


def status(received: bytes) -> int:
    return int(received.split(b" ", 2)[1])


def test_a_request_is_answered_and_the_connection_stays_open(exchange: Exchange) -> None:
    received, closed = exchange(echo, GET % b"x")
    assert received == b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nGET /x " and not closed


def test_pipelined_requests_are_answered_in_order(exchange: Exchange) -> None:
    received, closed = exchange(echo, b"".join(GET % b"%d" % i for i in range(100)))
    assert bodies(received) == [b"GET /%d " % i for i in range(100)] and not closed


def test_pipelined_requests_wait_for_a_slow_answer(exchange: Exchange) -> None:
    def slow_first(request: HTTPServerRequest) -> None:
        if request.uri == "/0":
            asyncio.get_running_loop().call_later(0.03, echo, request)
        else:
            echo(request)

    received, _ = exchange(slow_first, GET % b"0" + GET % b"1", GET % b"2")
    assert bodies(received) == [b"GET /0 ", b"GET /1 ", b"GET /2 "]


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
def test_what_follows_a_request_that_closes_is_not_served(exchange: Exchange, head: bytes) -> None:
    received, closed = exchange(echo, head + GET % b"second")
    assert closed and received.count(b"HTTP/1.1 200") == 1 and b"second" not in received


def test_http_1_0_is_kept_alive_on_request(exchange: Exchange) -> None:
    received, closed = exchange(echo, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Connection: Keep-Alive\r\n" in received and not closed


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("split", [0, 1, 60, 75])
def test_bodies_arrive_whole_however_they_are_sent(exchange: Exchange, raw: bytes, split: int) -> None:
    received, closed = exchange(echo, raw[:split], 0.01, raw[split:] + GET % b"next")
    assert bodies(received) == [b"POST / hello", b"GET /next "] and not closed


def test_expect_continue_is_answered_before_the_body(exchange: Exchange) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    received, _ = exchange(echo, head, 0.02, b"hello")
    assert received.startswith(b"HTTP/1.1 100 (Continue)\r\n\r\nHTTP/1.1 200 OK") and received.endswith(b"hello")


def test_RX10_expect_continue_over_the_limit_gets_413_without_100(exchange: Exchange) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000000\r\nExpect: 100-continue\r\n\r\n"
    received, closed = exchange(echo, head)
    assert status(received) == 413 and b"100 (Continue)" not in received and b"Connection: close" in received


def test_a_chunked_body_is_cut_off_at_the_limit_and_the_answer_arrives(exchange: Exchange) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    received, _ = exchange(echo, head, chunk * 4, max_body_size=50_000)
    assert status(received) == 413


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ],
)
def test_malformed_input_gets_its_4xx_and_never_reaches_the_application(
    exchange: Exchange, raw: bytes, expected: int
) -> None:
    called: list[HTTPServerRequest] = []
    received, _ = exchange(called.append, raw)
    assert status(received) == expected and not called
    assert b"Connection: close\r\n" in received and b"\r\nDate: " in received


def test_the_refusal_reaches_a_client_that_keeps_sending(exchange: Exchange) -> None:
    # Unread bytes in our socket would make the kernel send a reset, which destroys what the client has not read yet.
    received, closed = exchange(echo, b"BAD\r\n\r\n" + b"x" * 100_000, 0.02, b"y" * 50_000)
    assert status(received) == 400 and closed


def test_a_callback_that_raises_is_logged_once_and_closes(exchange: Exchange, caplog: Any) -> None:
    def broken(request: HTTPServerRequest) -> None:
        raise ZeroDivisionError("boom")

    received, closed = exchange(broken, GET % b"")
    assert received == b"" and closed
    assert [r.exc_info[0] for r in caplog.records if r.levelno >= logging.ERROR] == [ZeroDivisionError]


def test_RX1_a_head_that_never_ends_is_cut_off(exchange: Exchange, monkeypatch: Any) -> None:
    monkeypatch.setattr("waterspout.http1connection._server_connection.HEADER_TIMEOUT", 0.5)
    monkeypatch.setattr(HTTPServer, "_resolution", lambda self: 0.02)
    received, closed = exchange(echo, b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    assert status(received) == 408 and closed


def test_an_idle_connection_is_closed_after_its_time(exchange: Exchange) -> None:
    received, closed = exchange(echo, GET % b"", idle_connection_timeout=1)
    assert status(received) == 200 and closed


def test_RX2_a_body_that_drips_is_cut_off(exchange: Exchange, monkeypatch: Any) -> None:
    monkeypatch.setattr("waterspout.http1connection._server_connection.BODY_GRACE", 0.05)
    monkeypatch.setattr(HTTPServer, "_resolution", lambda self: 0.02)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    received, closed = exchange(echo, head, *[b"x", 0.03] * 6)
    assert status(received) == 408 and closed


def test_gzip_bodies_are_decoded_where_asked_for(exchange: Exchange) -> None:
    body = gzip.compress(b"hello" * 1000)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    received, _ = exchange(echo, head + body, decompress_request=True)
    assert received.endswith(b"POST / " + b"hello" * 1000)
    received, _ = exchange(echo, head, 0.01, body, decompress_request=True)
    assert received.endswith(b"POST / " + b"hello" * 1000)


@pytest.mark.parametrize("apart", [False, True])
def test_DB1_a_gzip_bomb_is_refused(exchange: Exchange, apart: bool) -> None:
    body = gzip.compress(b"\0" * 50_000_000)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    pieces = (head, 0.01, body) if apart else (head + body,)
    received, _ = exchange(echo, *pieces, decompress_request=True, max_body_size=1_000_000)
    assert status(received) == 413


@pytest.mark.parametrize("coding", [b"gzip, gzip, gzip", b"br"])
def test_DB3_codings_that_are_not_understood_get_415(exchange: Exchange, coding: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: %b\r\nContent-Length: 1\r\n\r\nx" % coding
    received, _ = exchange(echo, head, decompress_request=True)
    assert status(received) == 415


class Parts(HTTPMessageDelegate):
    """Notes what it is given, and takes its time for each piece."""

    def __init__(self, connection: Any, log: list[Any]) -> None:
        self.connection, self.log = connection, log

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self.log.append((start_line.method, start_line.path))

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0.001)
        self.log.append(chunk)

    def finish(self) -> None:
        self.log.append("finish")
        self.connection.write_headers(ResponseStartLine("", 204, "No Content"), HTTPHeaders())
        self.connection.finish()

    def on_connection_close(self) -> None:
        self.log.append("lost")


class PartsServer(HTTPServerConnectionDelegate):
    """An application with Tornado's interface for messages in parts."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.closed = 0

    def start_request(self, server_conn: object, request_conn: Any) -> Parts:
        return Parts(request_conn, self.log)

    def on_close(self, server_conn: object) -> None:
        self.closed += 1


def test_a_delegate_gets_the_message_in_parts_at_its_own_pace(exchange: Exchange) -> None:
    server = PartsServer()
    head = b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    received, closed = exchange(server, head, b"hello", 0.01, b"world" + GET % b"v", chunk_size=4)
    assert server.log == [("POST", "/u"), b"hell", b"o", b"worl", b"d", "finish", ("GET", "/v"), "finish"]
    assert received == b"HTTP/1.1 204 No Content\r\n\r\n" * 2 and not closed and server.closed == 1


def test_an_application_for_whole_requests_hears_of_the_end_of_a_connection_if_it_wants_to(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[Any] = []

    class Plain(HTTPServerConnectionDelegate):
        def open_request(self, request: HTTPServerRequest) -> None:
            return None

        def serve_request(self, request: HTTPServerRequest) -> None:
            request.connection.respond(200, None, "Content-Length: 0\r\n", b"")  # type: ignore[union-attr]

    class Curious(Plain):
        def on_close(self, server_conn: object) -> None:
            ended.append(server_conn)
            raise RuntimeError("told, and not amused")

    last = (GET % b"x").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for application, told in ((Plain(), 0), (Curious(), 1)):
        received, closed = exchange(application, last)
        assert status(received) == 200 and closed and len(ended) == told
    assert caplog.text.count("RuntimeError: told, and not amused") == 1


def serve_once(server: HTTPServer, until: Until, ended: list[Any]) -> bytes:
    """What a client of *server* gets for a GET, once *ended* has heard of the end of its connection."""

    async def main() -> bytes:
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET % b"x" + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = await reader.read()
        writer.close()
        await until(lambda: ended)
        server.stop()
        return received

    return asyncio.run(main())


@pytest.mark.parametrize("xheaders", [False, True])
@pytest.mark.parametrize("parts", [False, True])
def test_a_subclass_that_overrides_on_close_hears_of_each_end_of_a_connection(
    until: Until, parts: bool, xheaders: bool
) -> None:
    ended: list[Any] = []

    class Counting(HTTPServer):
        def on_close(self, server_conn: object) -> None:
            super().on_close(server_conn)
            ended.append(server_conn)

    application = PartsServer()
    serve_once(Counting(application if parts else echo, xheaders=xheaders, trusted_downstream=["::1"]), until, ended)
    assert len(ended) == 1 and application.closed == parts


@pytest.mark.parametrize("xheaders", [False, True])
def test_a_subclass_that_overrides_start_request_is_asked_for_each_request(until: Until, xheaders: bool) -> None:
    asked: list[Any] = []
    ended: list[Any] = []

    class Asking(HTTPServer):
        def start_request(self, server_conn: object, request_conn: Any) -> Any:
            asked.append(server_conn)
            return super().start_request(server_conn, request_conn)

        def on_close(self, server_conn: object) -> None:
            super().on_close(server_conn)
            ended.append(server_conn)

    application = PartsServer()
    received = serve_once(Asking(application, xheaders=xheaders, trusted_downstream=["::1"]), until, ended)
    assert received.count(b"HTTP/1.1 204") == 2 and application.closed == 1
    assert asked == ended * 2 and application.log == [("GET", "/x"), "finish", ("GET", "/last"), "finish"]


def test_an_on_close_that_an_application_gets_later_is_called(serving: Any, until: Any) -> None:
    class Plain(HTTPServerConnectionDelegate):
        def open_request(self, request: HTTPServerRequest) -> None:
            return None

        def serve_request(self, request: HTTPServerRequest) -> None:
            request.connection.respond(200, None, "Content-Length: 2\r\n", b"ok")  # type: ignore[union-attr]

    async def main() -> None:
        told: list[str] = []
        application: Any = Plain()
        async with serving(application) as (server, connect):
            for name in ("first", "second"):
                client = await connect()
                await client.get()
                application.on_close = lambda connection, name=name: told.append(name)
                await client.gone()
                await until(lambda: not server._connections)
        assert told == ["first", "second"]

    asyncio.run(main())


def test_a_delegate_hears_once_that_the_client_left_inside_the_body(until: Until) -> None:
    server = PartsServer()

    async def main() -> None:
        http = HTTPServer(server)
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel")
        await until(lambda: b"hel" in server.log)
        writer.close()
        await until(lambda: server.closed)
        http.stop()

    asyncio.run(main())
    assert server.log == [("POST", "/u"), b"hel", "lost"] and server.closed == 1


def test_the_close_callback_is_called_when_the_client_leaves_a_waiting_request(until: Until) -> None:
    left: list[str] = []
    asked: list[HTTPServerRequest] = []

    def wait(request: HTTPServerRequest) -> None:
        asked.append(request)
        request.connection.set_close_callback(lambda: left.append(request.uri))  # type: ignore[attr-defined]

    async def main() -> None:
        http = HTTPServer(wait)
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET % b"poll")
        await until(lambda: asked)
        assert not left
        writer.close()
        await until(lambda: left)
        http.stop()
        await http.close_all_connections()

    asyncio.run(main())
    assert left == ["/poll"]


def test_a_large_response_is_sent_whole_to_a_slow_reader() -> None:
    body = b"x" * 5_000_000

    async def main() -> int:
        http = HTTPServer(lambda request: answer(request, body))
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname(), limit=4096)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        total = 0
        while data := await reader.read(200_000):
            total += len(data)
        http.stop()
        return total

    assert asyncio.run(main()) > len(body)


def talk_while_the_last_answer_comes(
    address: tuple[str, int],
    raw: bytes,
    late: bytes,
    context: ssl.SSLContext | None,
    after: threading.Event | None = None,
) -> bytes:
    """What a slow client with little room gets for *raw* when it sends *late* after the first byte of the answer, and
    not before *after*."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.settimeout(30)
    client.connect(address)
    if context is not None:
        client = context.wrap_socket(client, server_hostname="localhost")
    with client:
        client.sendall(raw)
        received = client.recv(1)
        assert after is None or after.wait(30)
        client.sendall(late)
        while data := client.recv(65536):
            received += data
    return received


@pytest.mark.parametrize("late", [b"\r\n", GET % b"next", b"x" * 300_000], ids=["CRLF", "request", "much"])
@pytest.mark.parametrize("size", [100_000, 4_000_000])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_what_a_client_sends_while_its_last_answer_comes_does_not_cut_it(
    tls_files: tuple[str, str], late: bytes, size: int, tls: bool
) -> None:
    body = b"y" * size

    async def main() -> bytes:
        theirs = ours = None
        if tls:
            ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ours.load_cert_chain(*tls_files)
            theirs = ssl.create_default_context(cafile=tls_files[0])
        http = HTTPServer(lambda request: answer(request, body), ssl_options=ours)
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        raw = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        received = await asyncio.to_thread(talk_while_the_last_answer_comes, sock.getsockname(), raw, late, theirs)
        http.stop()
        await http.close_all_connections()
        return received

    assert asyncio.run(main()).partition(b"\r\n\r\n")[2] == body


LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PIECE, PIECES = b"y" * 8192, 25


@pytest.mark.parametrize("raw", [LAST, GET % b"first" + LAST], ids=["in pieces", "the one before it"])
@pytest.mark.parametrize("late", [b"\r\n", GET % b"next", b"x" * 1000], ids=["CRLF", "request", "junk"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_what_a_client_sends_after_its_last_answer_does_not_cut_what_the_kernel_still_has(
    tls_files: tuple[str, str], raw: bytes, late: bytes, tls: bool
) -> None:
    all_sent = threading.Event()

    async def main() -> bytes:
        loop = asyncio.get_running_loop()

        def serve(request: HTTPServerRequest) -> None:
            loop.create_task(stream(request))

        async def stream(request: HTTPServerRequest) -> None:
            connection: Any = request.connection
            is_last = request.path == "/last"
            pieces = 0 if is_last and raw != LAST else PIECES
            head = HTTPHeaders({"Content-Length": str(pieces * len(PIECE))})
            await connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), head)
            for _ in range(pieces):
                await connection.write(PIECE)
            connection.finish()
            if is_last:
                loop.call_later(0.05, all_sent.set)  # the server has closed, or said its end

        theirs = ours = None
        if tls:
            ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ours.load_cert_chain(*tls_files)
            theirs = ssl.create_default_context(cafile=tls_files[0])
        http = HTTPServer(serve, ssl_options=ours)
        (sock,) = bind_sockets(0, "127.0.0.1")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)  # all fits in there
        http.add_sockets([sock])
        received = await asyncio.to_thread(
            talk_while_the_last_answer_comes, sock.getsockname(), raw, late, theirs, all_sent
        )
        http.stop()
        await http.close_all_connections()
        return received

    assert asyncio.run(main()).count(b"y") == PIECES * len(PIECE)


def test_an_early_answer_is_sent_whole_while_the_client_goes_on_with_its_body(clocked: Any) -> None:
    body = b"y" * 4_000_000

    class Early:
        def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
            answer(request, body)
            return HTTPMessageDelegate()

        serve_request = open_request

    async def main() -> bytes:
        http = HTTPServer(Early())
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        raw = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"
        late = b"x" * 300_000
        received = await asyncio.to_thread(talk_while_the_last_answer_comes, sock.getsockname(), raw, late, None)
        http.stop()
        loop: Any = asyncio.get_running_loop()
        for _ in range(1000):
            if not http._connections:
                break
            await loop.skip(0.1)
        assert not http._connections, "it looks at its clock, as it reads no more of this client"
        return received

    assert clocked(main()).partition(b"\r\n\r\n")[2] == body


def test_close_all_connections_closes_idle_and_busy_ones(until: Until) -> None:
    async def main() -> None:
        asked: list[HTTPServerRequest] = []
        http = HTTPServer(asked.append)
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        idle, _ = await asyncio.open_connection(*sock.getsockname())
        busy, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET % b"")
        await until(lambda: asked and len(http._connections) == 2)
        http.stop()
        await asyncio.wait_for(http.close_all_connections(), 30)
        assert await idle.read() == await busy.read() == b""
        assert not http._connections

    asyncio.run(main())


def test_close_all_connections_leaves_those_that_another_protocol_has_and_drain_ends_them(until: Until) -> None:
    class Owner:
        def drain(self, until: float) -> None:
            stream.close()
            upgraded.forget(self)

    async def main() -> None:
        nonlocal stream, upgraded

        def take(request: HTTPServerRequest) -> None:
            taken.append(request.connection.hand_over(Owner()))  # type: ignore[attr-defined]

        taken: list[Any] = []
        http = HTTPServer(take)
        (sock,) = bind_sockets(0, "127.0.0.1")
        http.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET % b"")
        await until(lambda: taken)
        ((stream, upgraded),) = taken
        http.stop()
        await asyncio.wait_for(http.close_all_connections(), 30)
        stream.send(b"still here")
        assert await reader.readexactly(10) == b"still here"
        result = await asyncio.wait_for(http.drain(30), 60)
        assert result.upgraded == 1 and await reader.read() == b""
        writer.close()

    stream: Any = None
    upgraded: Any = None
    asyncio.run(main())


def test_what_cannot_serve_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="cannot serve requests with 3"):
        HTTPServer(3)  # type: ignore[arg-type]
