"""A cable is pulled: ``python loadtest/drill_ws_dead_peer.py`` (Linux, root, iproute2).

Server and clients live in two network namespaces with a virtual cable between them. Forty WebSockets are open and
answer pings; on ten of them the server is in the middle of a message that the client has not read. Then the cable is
pulled (``ip link set down``): no packet gets through, and nobody is told. Each side has to notice by its pings alone,
within interval + timeout + a quarter of the shorter one, with ``on_close`` called once for each connection and a
waiting ``write_message`` failing. Exit code 1 if not, 2 where namespaces cannot be made.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import WebSocketClosedError, WebSocketHandler, websocket_connect

SOCKETS = 40
BUSY = 10
INTERVAL = 3.0
TIMEOUT = 3.0
#: Seconds from the cut to the last on_close: a ping may just have been answered; the wheel's ticks come on top, and
#: what a loaded machine takes to run forty callbacks.
BUDGET = INTERVAL + TIMEOUT + TIMEOUT / 4 + 2.0
PATIENCE = 15.0
SERVER_ADDRESS, CLIENT_ADDRESS, PORT = "10.203.0.1", "10.203.0.2", 8899


class Log:
    """Lines for the process that watches: one JSON object each."""

    @staticmethod
    def say(**what: Any) -> None:
        print(json.dumps({"at": time.monotonic(), **what}), flush=True)


async def serve() -> None:
    class Handler(WebSocketHandler):
        closes = 0

        def open(self) -> None:
            if self.get_argument("busy") == "1":
                asyncio.get_running_loop().create_task(self.write_much())

        async def write_much(self) -> None:
            try:
                while True:
                    await self.write_message(b"x" * 1_000_000, binary=True)
            except WebSocketClosedError:
                Log.say(write="failed")

        def on_message(self, message: str | bytes) -> None:
            raise AssertionError("the clients send nothing")

        def on_close(self) -> None:
            self.closes += 1
            Log.say(close=self.close_reason, times=self.closes)

    settings = {"websocket_ping_interval": INTERVAL, "websocket_ping_timeout": TIMEOUT}
    server = HTTPServer(Application([("/", Handler)], **settings))
    server.add_sockets(bind_sockets(PORT, SERVER_ADDRESS))
    Log.say(listening=True)
    await asyncio.Event().wait()


async def connect() -> None:
    async def one(number: int) -> None:
        busy = number < BUSY
        ws = await websocket_connect(
            f"ws://{SERVER_ADDRESS}:{PORT}/?busy={int(busy)}", ping_interval=INTERVAL, ping_timeout=TIMEOUT
        )
        Log.say(open=number)
        if busy:  # reads one message now and then: slow, and alive
            async for _ in ws:
                await asyncio.sleep(0.05)
        else:
            assert await ws.read_message() is None
        Log.say(close=ws.close_reason, times=1)

    await asyncio.gather(*(one(number) for number in range(SOCKETS)))


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Two namespaces that a cable joins; gone at the end, with all that is in them."""
    mark = f"wsd{os.getpid()}"
    here, there = f"{mark}a", f"{mark}b"
    ip("netns", "add", here)
    ip("netns", "add", there)
    try:
        ip("link", "add", f"{mark}x", "netns", here, "type", "veth", "peer", "name", f"{mark}y", "netns", there)
        for space, link, address in ((here, f"{mark}x", SERVER_ADDRESS), (there, f"{mark}y", CLIENT_ADDRESS)):
            ip("-n", space, "address", "add", f"{address}/24", "dev", link)
            ip("-n", space, "link", "set", link, "up")
        yield here, there
    finally:
        ip("netns", "delete", here)
        ip("netns", "delete", there)


@contextlib.contextmanager
def inside(space: str, role: str) -> Iterator[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", space, sys.executable, __file__, role]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Watched:
    """What one process has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []
        self._rest = ""

    def look(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(BlockingIOError, TypeError):
            self._rest += os.read(self.process.stdout.fileno(), 1 << 16).decode()
        *lines, self._rest = self._rest.split("\n")
        self.said += [json.loads(line) for line in lines]

    def until(self, what: str, count: int, patience: float = PATIENCE) -> list[dict[str, Any]]:
        """The first *count* lines about *what*; fewer if they do not come in time."""
        deadline = time.monotonic() + patience
        while True:
            self.look()
            found = [line for line in self.said if what in line]
            if len(found) >= count or time.monotonic() > deadline or self.process.poll() is not None:
                return found
            time.sleep(0.01)


def watch(server: Watched, client: Watched, link: tuple[str, str]) -> list[str]:
    """Pull the cable, and say what went wrong."""
    if len(client.until("open", SOCKETS)) != SOCKETS:
        return [f"only {len(client.until('open', SOCKETS, 0))} of {SOCKETS} WebSockets were opened"]
    time.sleep(3 * INTERVAL)
    early = server.until("close", 1, 0) + client.until("close", 1, 0)
    if early:
        return [f"closed before anything happened: {early[:3]}"]
    space, device = link
    ip("-n", space, "link", "set", device, "down")
    cut = time.monotonic()
    wrong = []
    for name, side in (("server", server), ("client", client)):
        closes = side.until("close", SOCKETS)
        if len(closes) != SOCKETS:
            wrong.append(f"{name}: {len(closes)} of {SOCKETS} connections were closed within {PATIENCE} s")
            continue
        times = sorted(line["at"] - cut for line in closes)
        print(f"{name}: {SOCKETS} on_close after {times[0]:.2f}-{times[-1]:.2f} s; budget {BUDGET:.2f} s")
        if times[-1] > BUDGET:
            wrong.append(f"{name}: the last on_close came after {times[-1]:.2f} s, the budget is {BUDGET:.2f} s")
        reasons = {line["close"] for line in closes}
        if reasons != {"ping timed out"}:
            wrong.append(f"{name}: closed because of {reasons}, not of a ping")
    failed = server.until("write", BUSY)
    print(f"server: {len(failed)} waiting writes failed")
    if len(failed) != BUSY:
        wrong.append(f"server: {len(failed)} of {BUSY} waiting writes failed")
    time.sleep(1)
    for name, side in (("server", server), ("client", client)):
        closes = side.until("close", SOCKETS + 1, 0)
        if len(closes) > SOCKETS or any(line["times"] != 1 for line in closes):
            wrong.append(f"{name}: on_close was called more than once")
    return wrong


def main() -> int:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("network namespaces need root and iproute2 (apt-get install iproute2)", file=sys.stderr)
        return 2
    try:
        with cable() as (here, there), inside(here, "serve") as server:
            watched = Watched(server)
            if not watched.until("listening", 1):
                raise RuntimeError("the server does not start")
            with inside(there, "connect") as client:
                wrong = watch(watched, Watched(client), (there, f"{there[:-1]}y"))
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd)}: {error.stderr.strip()}", file=sys.stderr)
        return 2
    print(*(wrong or ["every dead peer was noticed in time, once"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work = {"serve": serve, "connect": connect}[sys.argv[1]]
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(work())
    else:
        sys.exit(main())
