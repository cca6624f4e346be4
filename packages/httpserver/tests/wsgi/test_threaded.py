"""WSGI applications in threads: bodies that stream, and clients that leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.wsgi import WSGIContainer

Exchange = Callable[..., tuple[bytes, bool]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 30.0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


async def start(container: WSGIContainer, **options: Any) -> tuple[HTTPServer, Any, Any]:
    server = HTTPServer(container, **options)
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    return (server, *await asyncio.open_connection(*sock.getsockname()))


async def stop(server: HTTPServer, writer: asyncio.StreamWriter) -> None:
    writer.close()
    server.stop()
    await server.close_all_connections()


def test_the_application_reads_what_has_come_before_the_rest_is_sent(pool: ThreadPoolExecutor, until: Until) -> None:
    seen: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert environ["CONTENT_LENGTH"] == "15"
        seen.extend([environ["wsgi.input"].readline()])
        seen.extend(environ["wsgi.input"])
        start_response("200 OK", [])
        return [b"read"]

    async def main() -> None:
        server, reader, writer = await start(WSGIContainer(app, pool))
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\nfirst\nsec")
        await until(lambda: seen == [b"first\n"])
        writer.write(b"ond\nen" + GET)
        answer = await reader.readuntil(b"read")
        assert b"Content-Length: 4\r\n" in answer and seen == [b"first\n", b"second\n", b"en"]
        await stop(server, writer)

    asyncio.run(main())


def test_a_body_larger_than_the_buffer_is_taken_at_the_applications_pace(exchange: Exchange, pool: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        total = 0
        while data := environ["wsgi.input"].read(10_000):
            total += len(data)
        start_response("200 OK", [])
        return [str(total).encode()]

    body = b"x" * 5_000_000
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    received, _ = exchange(WSGIContainer(app, pool), head + body + GET)
    assert received.count(b"HTTP/1.1 200 OK") == 2 and b"5000000" in received


def test_a_body_of_unknown_length_is_collected(exchange: Exchange, pool: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["CONTENT_LENGTH"].encode(), b" ", environ["wsgi.input"].read()]

    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    received, _ = exchange(WSGIContainer(app, pool), head, 0.01, b"5\r\nhello\r\n0\r\n\r\n")
    assert received.endswith(b"\r\n\r\n5 hello")


def test_what_is_yielded_arrives_before_the_next_is_made(pool: ThreadPoolExecutor) -> None:
    go_on = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b"data: 1\n\n"
        assert go_on.wait(PATIENCE)
        yield b"data: 2\n\n"

    async def main() -> None:
        server, reader, writer = await start(WSGIContainer(app, pool))
        writer.write(GET)
        assert b"chunked" in await reader.readuntil(b"data: 1\n\n")
        go_on.set()
        await reader.readuntil(b"0\r\n\r\n")
        await stop(server, writer)

    asyncio.run(main())


def test_a_slow_client_makes_the_application_wait(pool: ThreadPoolExecutor, until: Until) -> None:
    made = 0

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        nonlocal made
        start_response("200 OK", [])
        for _ in range(2000):
            made += 1
            yield b"x" * 20_000

    async def main() -> None:
        server, reader, writer = await start(WSGIContainer(app, pool))
        writer.transport.pause_reading()
        writer.write(GET)
        await until(lambda: made)
        last = -1
        while made != last:  # until nothing moves: the kernel's buffers and ours are full
            last = made
            await asyncio.sleep(0.3)
        assert made < 1500
        writer.transport.resume_reading()
        total = 0
        while not (data := await reader.read(1_000_000)).endswith(b"0\r\n\r\n"):
            total += len(data)
        assert made == 2000 and total > 39_000_000
        await stop(server, writer)

    asyncio.run(main())


@pytest.mark.parametrize("where", ["reading", "yielding", "waiting for a thread"])
def test_a_client_that_leaves_ends_the_application(where: str, until: Until, caplog: Any) -> None:
    log: list[str] = []
    blocked = threading.Event()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"y" * 100_000

        def close(self) -> None:
            log.append("close")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        log.append("called")
        if where == "reading":
            try:
                environ["wsgi.input"].read()
            except ConnectionAbortedError:
                log.append("aborted")
                raise
        start_response("200 OK", [])
        return Body()

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            server, _, writer = await start(WSGIContainer(app, pool))
            if where == "waiting for a thread":
                pool.submit(blocked.wait, PATIENCE)
            length = b"Content-Length: 9\r\n" if where == "reading" else b""
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n")
            await until(lambda: any(c.is_busy() for c in server._connections) and (log or where[0] == "w"))
            writer.transport.abort()
            await until(lambda: not server._connections)
            blocked.set()
            server.stop()

    asyncio.run(main())
    expected = {"reading": ["called", "aborted"], "yielding": ["called", "close"]}
    assert log == expected.get(where, []) and "Uncaught" not in caplog.text


def test_a_head_may_be_replaced_until_it_is_sent(exchange: Exchange, pool: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError("late")
        except ValueError as error:
            start_response("503 Busy", [("X-Second", "1")], (ValueError, error, error.__traceback__))
        yield b"sorry"
        try:
            raise KeyError("later")
        except KeyError as error:
            start_response("500 No", [], (KeyError, error, error.__traceback__))

    received, closed = exchange(WSGIContainer(app, pool), GET)
    assert received.startswith(b"HTTP/1.1 503 Busy\r\n") and b"X-First" not in received and b"sorry" in received
    assert closed and not received.endswith(b"0\r\n\r\n")


def test_write_is_sent_before_what_is_returned(exchange: Exchange, pool: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Length", "8")])
        write(b"one ")
        write(b"two ")
        return []

    received, _ = exchange(WSGIContainer(app, pool), GET)
    assert received.endswith(b"\r\n\r\none two ")


@pytest.mark.parametrize("wrong", ["text", "no head", "status", "twice"])
def test_what_breaks_the_protocol_is_500_or_cut(exchange: Exchange, pool: Any, wrong: str, caplog: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if wrong != "no head":
            start_response("abc" if wrong == "status" else "200 OK", [])
        if wrong == "twice":
            start_response("200 OK", [])
        return ["text"] if wrong == "text" else [b"body"]

    received, closed = exchange(WSGIContainer(app, pool), GET)
    assert received.startswith(b"HTTP/1.1 500 ") and not closed
    assert "WSGI application" in caplog.text


def test_close_is_called_when_the_loop_ends_first(pool: ThreadPoolExecutor, until: Until) -> None:
    closed, go_on, called = threading.Event(), threading.Event(), threading.Event()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            called.set()
            assert go_on.wait(PATIENCE)
            yield b"nobody hears this"

        def close(self) -> None:
            closed.set()

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    async def main() -> None:
        server, _, writer = await start(WSGIContainer(app, pool))
        writer.write(GET)
        await until(called.is_set)
        server.stop()

    asyncio.run(main())
    go_on.set()
    assert closed.wait(PATIENCE)


EXPECTS = b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"


def reads_or_refuses(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/no":
        start_response("403 Forbidden", [])
        return [b"no"]
    if environ["PATH_INFO"] == "/raise":
        raise ValueError
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [b"got ", body]


def test_100_continue_is_said_when_the_application_reads(pool: ThreadPoolExecutor) -> None:
    may_read = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert may_read.wait(PATIENCE)
        return reads_or_refuses(environ, start_response)

    async def main() -> None:
        server, reader, writer = await start(WSGIContainer(app, pool))
        writer.write(EXPECTS % b"/")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        may_read.set()
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"HTTP/1.1 100 ")
        writer.write(b"hello" + GET)
        answers = await asyncio.wait_for(reader.readuntil(b"got hello"), PATIENCE)
        assert answers.startswith(b"HTTP/1.1 200 ")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"got "), PATIENCE)
        await stop(server, writer)

    asyncio.run(main())


@pytest.mark.parametrize(("path", "status"), [(b"/no", b"403"), (b"/raise", b"500")])
def test_a_client_that_is_refused_is_never_told_to_send_its_body(
    exchange: Exchange, pool: Any, path: bytes, status: bytes
) -> None:
    received, closed = exchange(WSGIContainer(reads_or_refuses, pool), EXPECTS % path)
    assert received.startswith(b"HTTP/1.1 " + status) and received.count(b"HTTP/1.1 ") == 1 and closed


def test_a_client_that_does_not_wait_for_100_is_served_without(exchange: Exchange, pool: Any) -> None:
    received, closed = exchange(WSGIContainer(reads_or_refuses, pool), EXPECTS % b"/" + b"hello" + GET)
    assert received.startswith(b"HTTP/1.1 200 ") and b"got hello" in received and received.count(b" 200 ") == 2
    assert not closed


def test_a_client_that_waits_for_100_and_leaves_ends_the_application(pool: ThreadPoolExecutor, until: Until) -> None:
    left = threading.Event()
    raised: list[type[BaseException]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert left.wait(PATIENCE)
        try:
            environ["wsgi.input"].read()
        except BaseException as error:
            raised.append(type(error))
            raise
        return []

    async def main() -> None:
        server, _, writer = await start(WSGIContainer(app, pool))
        writer.write(EXPECTS % b"/")
        await until(lambda: any(connection.is_busy() for connection in server._connections))
        writer.close()
        await until(lambda: not server._connections)
        left.set()
        await until(lambda: raised)
        assert issubclass(raised[0], ConnectionAbortedError)
        await stop(server, writer)

    asyncio.run(main())
