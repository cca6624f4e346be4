"""HTTP1Connection in the client's role, against a peer that speaks in raw bytes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPOutputError, RequestStartLine, ResponseStartLine
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


async def write_files(
    path: Path, headers: dict[str, str], write: Callable[[HTTP1Connection, Any], Any], *, server: bool = True
) -> tuple[bytes, BaseException | None]:
    """What the peer gets of a message whose content *write* takes from a file; and what was raised."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    connection = HTTP1Connection(IOStream(ours), not server)
    line = ResponseStartLine("HTTP/1.1", 200, "OK") if server else RequestStartLine("POST", "/", "HTTP/1.1")
    connection.write_headers(line, HTTPHeaders(headers))
    received = asyncio.ensure_future(receive_all(theirs))
    raised: BaseException | None = None
    with path.open("rb") as file:
        try:
            await write(connection, file)
            connection.finish()
            connection.stream.close_after_flush()
        except EOFError as error:
            raised = error
    return await asyncio.wait_for(received, 20), raised


async def receive_all(sock: socket.socket) -> bytes:
    loop, received = asyncio.get_running_loop(), b""
    while data := await loop.sock_recv(sock, 1 << 20):
        received += data
    sock.close()
    return received


def test_a_file_is_content_of_either_framing_in_order_with_what_is_written(tmp_path: Path) -> None:
    path, content = tmp_path / "f", os.urandom(3_000_000)
    path.write_bytes(content)

    async def write(connection: HTTP1Connection, file: Any) -> None:
        connection.write(b"before")
        await connection.write_file(file, 1, len(content) - 2)
        await connection.write(b"after")

    expected = b"before" + content[1:-1] + b"after"
    received, _ = asyncio.run(write_files(path, {"Content-Length": str(len(expected))}, write))
    assert received.partition(b"\r\n\r\n")[2] == expected
    received, _ = asyncio.run(write_files(path, {}, write, server=False))
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    chunk = b"%x\r\n" % (len(content) - 2) + content[1:-1] + b"\r\n"
    assert body == b"6\r\nbefore\r\n" + chunk + b"5\r\nafter\r\n0\r\n\r\n"


def test_a_file_that_is_shorter_than_promised_closes_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 10)

    async def write(connection: HTTP1Connection, file: Any) -> None:
        await connection.write_file(file, 0, 20)

    received, raised = asyncio.run(write_files(path, {"Content-Length": "20"}, write))
    assert isinstance(raised, EOFError) and received.endswith(b"\r\n\r\n" + b"x" * 10)


def test_a_file_before_the_head_or_beyond_the_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 10)

    async def write(connection: HTTP1Connection, file: Any) -> None:
        with pytest.raises(HTTPOutputError, match="more"):
            await connection.write_file(file, 0, 6)
        connection.close()
        raise EOFError

    asyncio.run(write_files(path, {"Content-Length": "5"}, write))

    async def too_early() -> None:
        ours, theirs = socket.socketpair()
        connection = HTTP1Connection(IOStream(ours), True)
        with path.open("rb") as file, pytest.raises(RuntimeError, match="write_headers"):
            await connection.write_file(file, 0, 1)
        connection.close()
        theirs.close()

    asyncio.run(too_early())
