"""A server that drains says 1001 to its WebSockets, and waits for their answers."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import websockets

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import WebSocketClosedError, WebSocketHandler

OPENING = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GOING_AWAY = b"\x03\xe9the server is stopping"


def run(test: Callable[[HTTPServer, int, list[Any]], Awaitable[None]]) -> list[Any]:
    """Run *test* with a server; returns what its handlers' `on_close` saw."""
    closes: list[Any] = []

    class Handler(WebSocketHandler):
        async def on_message(self, message: str | bytes) -> None:
            await asyncio.sleep(0.01)
            try:
                await self.write_message(message)
            except WebSocketClosedError:
                closes.append("too late")

        def on_close(self) -> None:
            closes.append(self.close_code)

    async def main() -> None:
        sockets = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(Application([("/", Handler)]))
        server.add_sockets(sockets)
        async with asyncio.timeout(30):
            await test(server, sockets[0].getsockname()[1], closes)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
    return closes


def test_clients_that_answer_end_the_drain_before_its_deadline() -> None:
    async def test(server: HTTPServer, port: int, closes: list[Any]) -> None:
        clients = [await websockets.connect(f"ws://127.0.0.1:{port}/") for _ in range(3)]
        await clients[0].send("x")
        assert await clients[0].recv() == "x"
        draining = asyncio.create_task(server.drain(600))
        for client in clients:
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1001, "the server is stopping")
        result = await draining
        assert (result.upgraded, result.cut_upgraded, result.clean) == (3, 0, True)

    assert run(test) == [1001, 1001, 1001]


def test_a_client_that_does_not_answer_is_cut_at_the_deadline() -> None:
    async def test(server: HTTPServer, port: int, closes: list[Any]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(OPENING)
        await reader.readuntil(b"\r\n\r\n")
        result = await server.drain(0.3)
        assert (result.upgraded, result.cut_upgraded, result.clean) == (0, 1, False)
        assert await reader.read() == b"\x88" + bytes((len(GOING_AWAY),)) + GOING_AWAY
        writer.close()
        while not closes:
            await asyncio.sleep(0.001)

    assert run(test) == [None]


def test_a_connection_that_ended_before_is_forgotten() -> None:
    async def test(server: HTTPServer, port: int, closes: list[Any]) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{port}/"):
            pass
        while not closes:
            await asyncio.sleep(0.001)
        result = await server.drain(600)
        assert (result.upgraded, result.cut_upgraded) == (0, 0)

    assert run(test) == [1000]


def test_one_that_is_opened_while_the_server_drains_is_told_as_well() -> None:
    async def test(server: HTTPServer, port: int, closes: list[Any]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(OPENING[:-2])
        while not server.statistics()["accepted"]:
            await asyncio.sleep(0.001)
        draining = asyncio.create_task(server.drain(600, idle_grace=600))
        while not server.draining:
            await asyncio.sleep(0.001)
        writer.write(OPENING[-2:])
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(2 + len(GOING_AWAY)) == b"\x88" + bytes((len(GOING_AWAY),)) + GOING_AWAY
        writer.write(b"\x88\x82\0\0\0\0\x03\xe9")
        assert await reader.read() == b""
        writer.close()
        assert (await draining).cut_upgraded == 0

    assert run(test) == [1001]
