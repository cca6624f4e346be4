"""The messages that wait to be read, as a queue."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets

from waterspout.queues import QueueEmpty
from waterspout.wsclient import websocket_connect

Run = Callable[[Callable[[], Awaitable[Any]]], Any]


def test_messages_are_counted_and_taken_in_order(run: Run) -> None:
    async def three(ws: Any) -> None:
        for message in ("a", b"b", "c"):
            await ws.send(message)
        await ws.wait_closed()

    async def main() -> None:
        async with websockets.serve(three, "127.0.0.1", 0) as server:
            ws = await websocket_connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            queue = ws.read_queue
            while queue.qsize() < 3:
                await asyncio.sleep(0.001)
            assert not queue.empty() and queue.maxsize == 0
            assert queue.get_nowait() == "a"
            assert await queue.get() == b"b"
            assert ws.read_queue.qsize() == 1
            assert await ws.read_message() == "c"
            assert queue.empty()
            with pytest.raises(QueueEmpty):
                queue.get_nowait()
            ws.close()
            assert await queue.get() is None

    run(main)


def test_taking_from_it_makes_room_for_a_server_that_was_slowed_down(run: Run) -> None:
    async def flood(ws: Any) -> None:
        for number in range(8):
            await ws.send(bytes([number]) * 50_000)
        await ws.wait_closed()

    async def main() -> None:
        async with websockets.serve(flood, "127.0.0.1", 0) as server:
            ws = await websocket_connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            for number in range(8):
                while ws.read_queue.empty():
                    await asyncio.sleep(0.001)
                message = ws.read_queue.get_nowait()
                assert isinstance(message, bytes) and message[0] == number
            ws.close()

    run(main)
