"""A slow reader with 1 GB to receive: ``python loadtest/drill_ws_slow_reader.py [--megabytes 1000]`` (Linux).

Four runs, each with processes of its own, in 64 KiB messages: a handler that awaits ``write_message`` (WAIT), handlers
that do not, with the policies DROP and CLOSE, and a client of ours that is slow in its ``async for``. The reader takes
nothing for a second, and then everything in gulps with pauses. The process under test may grow by no more than the
high-water mark, two messages, and 4 MiB for what the interpreter does besides. Exit code 1 if it grows more, if a
message is lost under WAIT, if nothing is dropped under DROP, or CLOSE does not close with 1008.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import ws_load

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import Overflow, WebSocketClosedError, WebSocketHandler, websocket_connect

MESSAGE = 64 * 1024
FRAME = MESSAGE + 10  # a server's head for this length
HIGH_WATER = 64 * 1024
MAY_GROW = HIGH_WATER + 2 * FRAME + 4 * 1024 * 1024
MEGABYTE = 1_000_000
RUNS = ("wait", "drop", "close", "client")
SILENT_SECONDS = 1.0
GULP = 4 * MEGABYTE
PAUSE = 0.002


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes: VmRSS is now, VmHWM the most there ever was."""
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"{what}:")[2].split()[0]) * 1024


async def serve(policy: Overflow, count: int) -> None:
    class Sender(WebSocketHandler):
        overflow = policy
        high_water = HIGH_WATER

        def open(self) -> None:
            self.task = asyncio.get_running_loop().create_task(self.send())

        async def send(self) -> None:
            message = bytes(MESSAGE)
            try:
                for number in range(count):
                    written = self.write_message(message, binary=True)
                    if policy is Overflow.WAIT:
                        await written
                    elif number % 100 == 0:
                        await asyncio.sleep(0.01)  # others have their turn; nobody waits for the reader
                self.close()
            except WebSocketClosedError:
                pass  # what CLOSE does

        def on_message(self, message: str | bytes) -> None:
            raise AssertionError("the reader sends nothing")

    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Sender)]))
    server.add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


async def read_slowly(port: int) -> None:
    ws = await websocket_connect(f"ws://127.0.0.1:{port}/")
    print("open", flush=True)
    await asyncio.sleep(SILENT_SECONDS)
    count = 0
    async for message in ws:
        assert len(message) == MESSAGE
        count += 1
        if count % (GULP // MESSAGE) == 0:
            await asyncio.sleep(PAUSE)
    print(count, flush=True)


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def against_handler(policy: str, count: int) -> list[str]:
    server = started("--serve", policy, "--count", str(count))
    try:
        port = int(line(server))
        warm = ws_load.connected(port)  # all code has run once before memory is looked at
        warm.recv(1 << 20)
        warm.close()
        time.sleep(0.2)
        before = memory(server.pid)
        sock = ws_load.connected(port)
        time.sleep(SILENT_SECONDS)
        most, received, end, gulp = before, 0, b"", 0
        while data := sock.recv(1 << 20):
            received += len(data)
            end = (end + data)[-64:]
            if received - gulp > GULP:
                gulp = received
                most = max(most, memory(server.pid))
                time.sleep(PAUSE)
        most = max(most, memory(server.pid))
        grown = most - before
    finally:
        server.kill()
        server.wait()
    messages, closing = received // FRAME, end[received // FRAME * FRAME - received :]
    print(f"{policy:7} {received / 1e6:7.0f} MB in {messages} of {count} messages; grown by {grown / 1024:.0f} KiB")
    wrong = []
    if grown > MAY_GROW:
        wrong.append(f"{policy}: the server grew by {grown} bytes, {MAY_GROW} are allowed")
    if policy == "wait" and messages != count:
        wrong.append(f"wait: {messages} of {count} messages arrived")
    if policy != "wait" and not 0 < messages < count:
        wrong.append(f"{policy}: {messages} of {count} messages arrived: nothing was left out")
    if policy == "close" and b"\x03\xf0messages are not read fast enough" not in closing:
        wrong.append(f"close: the connection ended with {closing!r}, not with code 1008")
    return wrong


def against_client(count: int) -> list[str]:
    server = started("--serve", "wait", "--count", str(count))
    client = None
    try:
        client = started("--read", line(server))
        if line(client) != "open":
            return ["client: it could not connect"]
        before = memory(client.pid)
        arrived = ""
        os.set_blocking(client.stdout.fileno(), False)  # type: ignore[union-attr]
        most = before
        while client.poll() is None:
            with contextlib.suppress(IndexError, OSError):  # it has ended since
                most = max(most, memory(client.pid))
            time.sleep(0.01)
        arrived = line(client)
    finally:
        for process in filter(None, (server, client)):
            process.kill()
            process.wait()
    grown = most - before
    print(
        f"client  {int(arrived or 0) * FRAME / 1e6:7.0f} MB in {arrived} of {count} messages;"
        f" grown by {grown / 1024:.0f} KiB"
    )
    wrong = []
    if grown > MAY_GROW:
        wrong.append(f"client: it grew by {grown} bytes, {MAY_GROW} are allowed")
    if arrived != str(count):
        wrong.append(f"client: {arrived or 'none'} of {count} messages arrived")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=lambda text: text.split(","), default=list(RUNS))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve or options.read:
        work = read_slowly(options.read) if options.read else serve(Overflow(options.serve), options.count)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(work)
        return 0
    count = options.megabytes * MEGABYTE // MESSAGE
    wrong = []
    for run in options.runs:
        wrong += against_client(count) if run == "client" else against_handler(run, count)
    print(*(wrong or ["memory stayed within its bound"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
