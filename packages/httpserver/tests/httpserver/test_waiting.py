"""Clients that have not spoken yet: what they count for, and who is served at once."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer, ServerObserver
from waterspout.httputil import HTTPServerRequest
from waterspout.iostream import IOStream

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
Until = Callable[..., Any]


def answer(request: HTTPServerRequest) -> None:
    connection: Any = request.connection
    connection.respond(200, None, "Content-Length: 2\r\n", b"ok")


def test_silent_clients_wait_as_descriptors_and_are_served_when_they_speak(until: Until, serving: Any) -> None:
    async def main() -> None:
        async with serving(answer) as (server, connect):
            first = await connect()
            clients = [await connect() for _ in range(5)]
            await until(lambda: len(server.waiting) == 5)  # the first one is what the gate was made for
            assert server.guard.gate.count == 6 and len(server._connections) == 1
            for client in reversed(clients):
                assert b"200 OK" in await client.get() and b"200 OK" in await client.get()
            assert len(server._connections) == 6 and not server.waiting
            for client in (first, *clients):
                client.leave()
            await until(lambda: server.guard.gate.count == 0)

    asyncio.run(main())


def test_those_that_wait_count_as_connections(until: Until, serving: Any) -> None:
    async def main() -> None:
        async with serving(answer, max_connections=3) as (server, connect):
            clients = [await connect() for _ in range(3)]
            await until(lambda: len(server.waiting) == 2)
            assert b" 503 " in await (await connect()).rest()
            clients[2].leave()
            await until(lambda: server.guard.gate.count == 2)
            another = await connect()
            assert b"200 OK" in await another.get()
            for client in (*clients[:2], another):
                client.leave()

    asyncio.run(main())


def test_who_says_nothing_is_closed_in_silence_at_the_deadline(until: Until, serving: Any) -> None:
    async def main() -> None:
        async with serving(answer, idle_connection_timeout=0.2) as (server, connect):
            clients = [await connect() for _ in range(3)]
            assert [await client.rest() for client in clients] == [b""] * 3
            await until(lambda: server.guard.gate.count == 0)

    asyncio.run(main())


def test_drain_closes_those_that_wait_as_idle_and_lets_them_speak_within_the_grace(until: Until, serving: Any) -> None:
    async def main() -> None:
        async with serving(answer) as (server, connect):
            clients = [await connect() for _ in range(3)]
            await until(lambda: len(server.waiting) == 2)
            draining = asyncio.ensure_future(server.drain(60, idle_grace=60))
            await until(lambda: server.draining and not server.waiting)
            assert b"Connection: close" in await clients[2].get() and await clients[2].rest() == b""
            clients[2].leave()  # or the server would wait for that
            hurried = asyncio.ensure_future(server.drain(60, idle_grace=0))
            result = await draining
            assert result is await hurried and (result.finished, result.idle, result.cut) == (1, 2, ())
            assert [await client.rest() for client in clients[:2]] == [b""] * 2

    asyncio.run(main())


def test_close_all_connections_closes_those_that_wait(until: Until, serving: Any) -> None:
    async def main() -> None:
        async with serving(answer) as (server, connect):
            clients = [await connect() for _ in range(3)]
            await until(lambda: len(server.waiting) == 2)
            server.stop()
            await server.close_all_connections()
            assert [await client.rest() for client in clients] == [b""] * 3 and not server.waiting

    asyncio.run(main())


class Opened(ServerObserver):
    def __init__(self) -> None:
        self.count = 0

    def connection_opened(self, connection: Any) -> None:
        self.count += 1


def test_where_somebody_wants_to_know_of_a_connection_at_once_nobody_waits(until: Until, serving: Any) -> None:
    class Own(HTTPServer):
        def handle_stream(self, stream: IOStream, address: Any) -> None:
            super().handle_stream(stream, address)

    async def main() -> None:
        observer = Opened()
        async with serving(answer, observer=observer) as (server, connect):
            clients = [await connect() for _ in range(3)]
            await until(lambda: observer.count == 3)
            assert server.first_byte_timeout is None and not server.waiting
            assert [b"200 OK" in await client.get() for client in clients] == [True] * 3

    asyncio.run(main())
    for server in (Own(answer), HTTPServer(answer, max_connections_per_ip=5), HTTPServer(answer, proxy_protocol=True)):
        assert server.first_byte_timeout is None
    assert HTTPServer(answer).first_byte_timeout == 30
    assert HTTPServer(answer, header_timeout=5).first_byte_timeout == 5
    assert HTTPServer(answer, header_timeout=5, idle_connection_timeout=9).first_byte_timeout == 9


def test_heads_that_come_slowly_are_read_by_the_server_for_all_its_connections(until: Until, serving: Any) -> None:
    async def main() -> None:
        async with serving(answer) as (server, connect):
            clients = [await connect() for _ in range(2)]
            for client in clients:
                await client.get()
            assert {connection._slow_heads for connection in server._connections} == {server._slow_heads} != {None}
            for client in clients:
                client.leave()

    asyncio.run(main())
