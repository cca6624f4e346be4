"""The chat over WebSockets, started as its README says, with clients of the ``websockets`` library."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "wschat" / "app.py"
WAIT_SECONDS = 20.0


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The example and the URL of its room."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        found = re.search(rb"http(://\S+/)", await process.stdout.readline())
        assert found
        async with asyncio.timeout(WAIT_SECONDS):
            yield process, f"ws{found[1].decode()}room"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def received(socket: Any, key: str) -> Any:
    """The next part of the room's messages that is called *key* and not empty."""
    while True:
        if value := json.loads(await socket.recv()).get(key):
            return value


def test_what_one_says_all_receive_and_late_ones_too() -> None:
    async def test() -> None:
        async with running() as (_, url), websockets.connect(url) as ada, websockets.connect(url) as ben:
            assert await received(ben, "pages") == 2
            await ada.send(json.dumps({"name": "Ada", "text": " hello "}))
            for socket in (ada, ben):
                (message,) = await received(socket, "messages")
                assert (message["name"], message["text"]) == ("Ada", "hello")
            async with websockets.connect(url) as late:
                assert [message["text"] for message in await received(late, "messages")] == ["hello"]
                assert await received(ada, "pages") in (2, 3)
            await ada.send(json.dumps({"name": "Ada", "text": "x" * 2001}))
            assert "2000" in await received(ada, "problem")

    asyncio.run(test())


@pytest.mark.parametrize("wrong", ["no JSON", "[]", '{"name": "Ada"}', '{"name": 1, "text": "x"}', b"\xff"])
def test_what_is_no_message_closes_only_the_one_that_sent_it(wrong: str | bytes) -> None:
    async def test() -> None:
        async with running() as (_, url), websockets.connect(url) as ada, websockets.connect(url) as ben:
            await ben.send(wrong)
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                while True:
                    await ben.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1007
            await ada.send(json.dumps({"name": "Ada", "text": "still here"}))
            assert await received(ada, "messages")

    asyncio.run(test())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_stops_says_1001_waits_for_the_answer_and_ends_without_a_word(number: signal.Signals) -> None:
    async def test() -> None:
        async with running() as (process, url), websockets.connect(url) as ada, websockets.connect(url) as ben:
            assert await received(ben, "pages") == 2
            process.send_signal(number)
            for socket in (ada, ben):
                await socket.wait_closed()
                assert (socket.close_code, socket.close_reason) == (1001, "the room is closing")
            assert process.stderr is not None
            assert (await process.stderr.read(), await process.wait()) == (b"", 0)

    asyncio.run(test())
