"""Tornado's options of HTTPServer, and its ways to begin, that no other file is about."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine

Exchange = Callable[..., tuple[bytes, bool]]
Serve = Callable[..., Any]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 60.0


def answer(request: HTTPServerRequest) -> None:
    body = f"{request.protocol} {len(request.body)}".encode()
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def test_the_options_and_their_order_are_tornados() -> None:
    names = list(inspect.signature(HTTPServer.initialize).parameters)
    assert names[:14] == [
        "self", "request_callback", "no_keep_alive", "xheaders", "ssl_options", "protocol", "decompress_request",
        "chunk_size", "max_header_size", "idle_connection_timeout", "body_timeout", "max_body_size",
        "max_buffer_size", "trusted_downstream",
    ]  # fmt: skip


def test_no_keep_alive_closes_after_each_response(exchange: Exchange) -> None:
    received, closed = exchange(answer, GET, no_keep_alive=True)
    assert closed and b"Connection: close\r\n" in received
    received, closed = exchange(answer, GET + GET, no_keep_alive=True)
    assert closed and received.count(b"200 OK") == 1


def test_protocol_says_what_a_balancer_has_ended(exchange: Exchange) -> None:
    received, _ = exchange(answer, GET, protocol="https")
    assert received.endswith(b"https 0")


@pytest.mark.parametrize(
    ("head", "line", "options"),
    [
        (None, 8192, {}),
        (16384, 8192, {}),
        (65536, 16384, {}),
        (1000, 900, {}),
        (None, 60000, {"compat": "tornado"}),
        (100_000, 90_000, {"compat": "tornado"}),
    ],
)
def test_the_request_line_may_be_a_quarter_of_a_larger_head(
    exchange: Exchange, head: int | None, line: int, options: dict[str, Any]
) -> None:
    target = "/".ljust(line, "a")
    raw = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    received, _ = exchange(answer, raw, max_header_size=head, **options)
    assert received.startswith(b"HTTP/1.1 200 ")
    if not options and head != 1000:
        received, closed = exchange(answer, raw.replace(b"/a", b"/aa", 1), max_header_size=head)
        assert received.startswith(b"HTTP/1.1 414 ") and closed


@pytest.mark.parametrize("extra", [0, 1])
def test_max_header_size_at_the_limit_and_one_beyond(exchange: Exchange, extra: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n"
    head = head % (b"x" * (1000 + extra - len(head) + 2))
    received, closed = exchange(answer, head, max_header_size=1000)
    assert len(head) == 1000 + extra
    assert received.startswith(b"HTTP/1.1 431 " if extra else b"HTTP/1.1 200 ") and closed is bool(extra)


@pytest.mark.parametrize("option", ["max_body_size", "max_buffer_size"])
@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_limits_of_bodies(exchange: Exchange, option: str, extra: int, chunked: bool) -> None:
    size = 1000 + extra
    if chunked:
        raw = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    else:
        raw = b"Content-Length: %d\r\n\r\n%s" % (size, b"x" * size)
    received, closed = exchange(answer, b"POST / HTTP/1.1\r\nHost: a\r\n" + raw, **{option: 1000})
    assert received.startswith(b"HTTP/1.1 413 " if extra else b"HTTP/1.1 200 ") and closed is bool(extra)


def test_body_timeout_bounds_the_whole_body(exchange: Exchange) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"
    received, closed = exchange(answer, head, body_timeout=0.5)
    assert received.startswith(b"HTTP/1.1 408 ") and closed


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHo", GET + b"GET / HT"])
def test_header_timeout_bounds_a_head_that_has_begun_and_the_silence_before_the_first(
    exchange: Exchange, begun: bytes
) -> None:
    received, closed = exchange(answer, begun, header_timeout=1)
    assert closed
    if not begun:
        assert received == b"", "nobody asked anything"
    else:
        *before, last = re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)
        assert last == b"408" and before == ([b"200"] if begun.startswith(GET) else [])


def test_header_timeout_does_not_shorten_the_idle_time_between_requests(exchange: Exchange) -> None:
    received, closed = exchange(answer, GET, 2.5, GET, header_timeout=1, idle_connection_timeout=30)
    assert received.count(b"HTTP/1.1 200 ") == 2 and not closed


def test_header_timeout_is_for_the_whole_head_however_often_a_byte_comes(exchange: Exchange) -> None:
    drip = [piece for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: yes" for piece in (bytes((byte,)), 0.05)]
    received, closed = exchange(answer, *drip, header_timeout=0.5)
    assert received.startswith(b"HTTP/1.1 408 ") and closed


async def get(address: Any) -> bytes:
    open_connection = asyncio.open_unix_connection if isinstance(address, str) else asyncio.open_connection
    reader, writer = await open_connection(*([address] if isinstance(address, str) else address))
    writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    received = await reader.read()
    writer.close()
    return received


def test_listen_on_a_unix_socket(tmp_path: Path) -> None:
    async def main() -> None:
        server = HTTPServer(answer)
        server.listen(0, f"unix:{tmp_path / 's'}")
        assert (await get(str(tmp_path / "s"))).endswith(b"http 0")
        await server.drain(30)

    asyncio.run(main())


def test_bind_and_start_in_one_process() -> None:
    async def main() -> None:
        server = HTTPServer(answer)
        server.bind(0, "127.0.0.1")
        (sock,) = server._bound
        server.start()
        assert (await get(sock.getsockname())).endswith(b"http 0")
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


def test_start_forks_processes_that_share_the_port(serve: Serve) -> None:
    prelude = """
from waterspout.httpserver import HTTPServer
from waterspout.ioloop import IOLoop

def begin():
    server = HTTPServer(app)
    server.bind(0, "127.0.0.1")
    print("Serving http://127.0.0.1:%d" % server._bound[0].getsockname()[1], file=sys.stderr, flush=True)
    server.start(2)
    IOLoop.current().start()
"""
    with serve("begin()", prelude) as served:
        served.serving()
        pids: set[str] = set()
        give_up = time.monotonic() + PATIENCE
        while len(pids) < 2:
            assert time.monotonic() < give_up
            pids.add(served.get())
        assert str(served.process.pid) not in pids
        served.signal(signal.SIGTERM)
        assert served.ended() == -signal.SIGTERM


def test_a_blocking_socket_that_others_share_does_not_stop_the_loop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(True)
        other = made.dup()

        async def main() -> None:
            server = HTTPServer(answer)
            server.add_sockets([socket.socket(fileno=os.dup(made.fileno()))])
            assert (await get(made.getsockname())).endswith(b"http 0")
            await server.drain(30)

        asyncio.run(main())
        other.close()
