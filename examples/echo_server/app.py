"""A TCP server that says back what it hears. Only waterspout-ioloop is needed.

    python examples/echo_server/app.py --port 9000      (another window: nc localhost 9000)
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream
from waterspout.netutil import bind_sockets
from waterspout.tcpserver import TCPServer


class Echo(TCPServer):
    """Each client gets its own bytes back; a slow reader slows its own writing, and nobody else's."""

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        async for chunk in stream:
            await stream.write(chunk)


async def main(port: int) -> None:
    sockets = bind_sockets(port, "127.0.0.1")
    async with Echo() as server:
        server.add_sockets(sockets)
        print(f"echo on 127.0.0.1:{sockets[0].getsockname()[1]}, Ctrl-C stops it", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9000)
    IOLoop.run(main(parser.parse_args().port))
