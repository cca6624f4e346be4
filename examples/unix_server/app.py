"""A server on a UNIX-domain socket that answers questions about this machine. Only waterspout-ioloop is needed.

    python examples/unix_server/app.py /tmp/ask.sock    (another window: echo load | nc -U /tmp/ask.sock)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.netutil import bind_unix_socket
from waterspout.tcpserver import TCPServer

ANSWERS: dict[str, Callable[[], str]] = {
    "load": lambda: " ".join(f"{figure:.2f}" for figure in os.getloadavg()),
    "cpus": lambda: str(os.cpu_count()),
    "time": lambda: time.strftime("%Y-%m-%d %H:%M:%S"),
    "help": lambda: " ".join(sorted(ANSWERS)),
}


class Answers(TCPServer):
    """One question a line, one answer a line."""

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        try:
            async for line in stream.lines(max_bytes=100):
                answer = ANSWERS.get(line.decode("ascii", "replace").strip(), lambda: "? try help")
                await stream.write(answer().encode() + b"\n")
        except StreamClosedError:
            return  # the client left before its answer


async def main(path: str) -> None:
    # Only this user may connect: the mode is in place before anybody can.
    sock = bind_unix_socket(path, mode=0o600)
    try:
        async with Answers() as server:
            server.add_socket(sock)
            print(f"answers on {path}, Ctrl-C stops it", flush=True)
            await asyncio.Event().wait()
    finally:
        os.unlink(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="/tmp/ask.sock")
    IOLoop.run(main(parser.parse_args().path))
