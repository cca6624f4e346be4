"""HTTP1Connection in the client's role, against a peer that speaks in raw bytes."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from waterspout.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine
from waterspout.iostream import IOStream, StreamClosedError


class Notes(HTTPMessageDelegate):
    """Notes what it is given."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self.log.append(start_line.code)

    def data_received(self, chunk: bytes) -> None:
        self.log.append(chunk)

    def finish(self) -> None:
        self.log.append("finish")

    def on_connection_close(self) -> None:
        self.log.append("lost")


async def read(raw: bytes, *, close: bool = False, count: int = 1, **params: Any) -> tuple[list[bool], list[Any]]:
    ours, theirs = socket.socketpair()
    theirs.sendall(raw)
    if close:
        theirs.close()
    connection = HTTP1Connection(IOStream(ours), True, HTTP1ConnectionParameters(**params))
    notes, usable = Notes(), []
    for _ in range(count):
        usable.append(await asyncio.wait_for(connection.read_response(notes), 2))
    connection.close()
    theirs.close()
    return usable, notes.log


def test_a_response_is_read_and_the_next_one_after_it() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    assert asyncio.run(read(raw * 2, count=2)) == ([True, True], [200, b"hi", "finish"] * 2)


def test_interim_responses_are_handed_on_as_heads() -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    assert asyncio.run(read(raw)) == ([True], [100, 204, "finish"])


def test_content_until_close() -> None:
    assert asyncio.run(read(b"HTTP/1.1 200 OK\r\n\r\nhi", close=True)) == ([True], [200, b"hi", "finish"])


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"])
def test_a_malformed_or_cut_response_is_lost_and_not_usable(raw: bytes) -> None:
    usable, log = asyncio.run(read(raw, close=True))
    assert usable == [False] and log[-1] == "lost"


def test_requests_are_written_with_their_framing() -> None:
    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        connection = HTTP1Connection(IOStream(ours), True)
        line = RequestStartLine("POST", "/p", "HTTP/1.1")
        await connection.write_headers(line, HTTPHeaders({"Host": "a"}), b"hel")
        await connection.write(b"lo")
        connection.finish()
        connection.stream.close_after_flush()
        await asyncio.sleep(0.01)
        received = b""
        while data := theirs.recv(1000):
            received += data
        theirs.close()
        return received

    received = asyncio.run(main())
    assert received == (
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    )


def test_writing_to_a_lost_peer_fails_the_future_and_calls_back_once() -> None:
    async def main() -> list[str]:
        ours, theirs = socket.socketpair()
        connection = HTTP1Connection(IOStream(ours), True)
        lost: list[str] = []
        connection.set_close_callback(lambda: lost.append("lost"))
        reading = connection.read_response(Notes())
        theirs.close()
        assert await reading is False
        with pytest.raises(StreamClosedError):
            await connection.write_headers(RequestStartLine("GET", "/", "HTTP/1.1"), HTTPHeaders())
        return lost

    assert asyncio.run(main()) == ["lost"]


def test_detach_gives_the_stream_with_the_bytes_that_followed() -> None:
    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        theirs.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nnext protocol")
        connection = HTTP1Connection(IOStream(ours), True)
        await connection.read_response(Notes())
        stream = connection.detach()
        received: bytes = await stream.read_bytes(13)
        stream.close()
        theirs.close()
        return received

    assert asyncio.run(main()) == b"next protocol"
