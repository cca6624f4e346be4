"""A WebSocketHandler of ours on uvicorn, hypercorn and granian: real servers, the ``websockets`` library as client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

APPS = Path(__file__).resolve().parent / "apps"
SERVERS = {
    "uvicorn-websockets": "uvicorn asgi_ws_app:app --host 127.0.0.1 --port {port} --log-level warning --ws websockets",
    "uvicorn-wsproto": "uvicorn asgi_ws_app:app --host 127.0.0.1 --port {port} --log-level warning --ws wsproto",
    "hypercorn": "hypercorn asgi_ws_app:app --bind 127.0.0.1:{port} --log-level warning",
    "granian": "granian --interface asgi asgi_ws_app:app --host 127.0.0.1 --port {port} --log-level warning",
}
PATIENCE = 30.0  # seconds for what takes a moment


#: granian sends no header fields with its acceptance; hypercorn says 1006 for each end that the client begins.
WITHOUT_FIELDS = {"granian"}
WITHOUT_CODES = {"hypercorn"}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def address(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of the running server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", *SERVERS[server].format(port=port).split()]
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(APPS), os.environ.get("PYTHONPATH", "")])}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        limit = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                closes(f"127.0.0.1:{port}")
                break
            assert process.poll() is None and time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
        process.terminate()
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()


def closes(address: str) -> list[Any]:
    """Whose ``on_close`` has been called, with the code."""
    with urllib.request.urlopen(f"http://{address}/closes", timeout=PATIENCE) as response:
        found: list[Any] = json.load(response)["closes"]
    return found


def wait_for_close(address: str, name: str) -> Any:
    """The code that *name* was closed with; ``on_close`` must have come once."""
    limit = time.monotonic() + PATIENCE
    while not (found := [code for other, code in closes(address) if other == name]):
        assert time.monotonic() < limit, closes(address)
        time.sleep(0.02)
    assert len(found) == 1
    return found[0]


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await work

    asyncio.run(bounded())


def test_messages_come_back_with_cookie_header_and_subprotocol(server: str, address: str) -> None:
    async def work() -> None:
        offered: Any = ["a", "b"]
        async with websockets.connect(f"ws://{address}/ws/plain", subprotocols=offered) as ws:
            assert ws.response is not None
            if server not in WITHOUT_FIELDS:
                assert ws.response.headers["X-Room"] == "blue"
                assert ws.response.headers["Set-Cookie"].startswith("seen=yes")
            assert ws.subprotocol == "b"
            for message in ("", "häh", "x" * 100_000, b"", bytes(range(256)) * 500):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.close(3005, "bye")
        expected = None if server in WITHOUT_CODES else 3005
        assert await asyncio.to_thread(wait_for_close, address, "plain") == expected

    run(work())


def test_a_broadcast_reaches_all(address: str) -> None:
    async def work() -> None:
        url = f"ws://{address}/ws/many"
        async with websockets.connect(url) as one, websockets.connect(url) as two:
            await two.send("ready?")
            assert await two.recv() == "ready?"
            await one.send("broadcast")
            assert await one.recv() == await two.recv() == '{"news": 1}'

    run(work())


@pytest.mark.parametrize(("command", "code"), [("close", 3001), ("fail", 1011)])
def test_the_handlers_close_and_its_failure_reach_the_client(address: str, command: str, code: int) -> None:
    async def work() -> None:
        async with websockets.connect(f"ws://{address}/ws/{command}") as ws:
            await ws.send(command)
            with pytest.raises(websockets.ConnectionClosed):
                await ws.recv()
            assert ws.close_code == code
        await asyncio.to_thread(wait_for_close, address, command)

    run(work())


def test_a_close_in_open_reaches_the_client(address: str) -> None:
    async def work() -> None:
        async with websockets.connect(f"ws://{address}/ws/refused") as ws:
            with pytest.raises(websockets.ConnectionClosed):
                await ws.recv()
            assert (ws.close_code, ws.close_reason) == (4001, "not here")
        await asyncio.to_thread(wait_for_close, address, "refused")

    run(work())


def test_a_client_that_vanishes_is_heard_of_once(address: str) -> None:
    async def work() -> None:
        ws = await websockets.connect(f"ws://{address}/ws/gone")
        await ws.send("x")
        assert await ws.recv() == "x"
        ws.transport.abort()
        assert await asyncio.to_thread(wait_for_close, address, "gone") is None

    run(work())


@pytest.mark.parametrize(("path", "origin"), [("/ws/foreign", "http://evil.example"), ("/nothing", None)])
def test_what_is_refused_is_refused_by_status(address: str, path: str, origin: Any) -> None:
    async def work() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"ws://{address}{path}", origin=origin)
        assert refused.value.response.status_code in ((403,) if origin else (403, 404))

    run(work())
