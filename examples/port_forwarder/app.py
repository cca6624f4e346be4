"""Forwards a TCP port to another address, both ways at once. Only waterspout-ioloop is needed.

    python examples/port_forwarder/app.py --port 9002 --to localhost:9000
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.netutil import bind_sockets
from waterspout.tcpclient import TCPClient
from waterspout.tcpserver import TCPServer


class Forwarder(TCPServer):
    """Connects to the target for each client, and ends one side when the other ends."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self.client = TCPClient()
        self.host, self.port = host, port

    async def handle_stream(self, stream: IOStream, address: Any) -> None:
        try:
            target = await self.client.connect(self.host, self.port, timeout=5)
        except OSError as error:
            print(f"{address[0]}:{address[1]} not forwarded: {error}", flush=True)
            stream.close()
            return
        try:
            await asyncio.gather(pump(stream, target), pump(target, stream))
        finally:
            stream.close()
            target.close()


async def pump(source: IOStream, sink: IOStream) -> None:
    """Hand on what comes until either end closes; a sink that is slow slows its source."""
    try:
        async for chunk in source:
            await sink.write(chunk)
    except StreamClosedError:
        pass  # the sink closed: so does the source, below
    finally:
        sink.close_after_flush()
        source.close()


async def main(port: int, host: str, target_port: int) -> None:
    sockets = bind_sockets(port, "127.0.0.1")
    async with Forwarder(host, target_port) as server:
        server.add_sockets(sockets)
        here = sockets[0].getsockname()[1]
        print(f"127.0.0.1:{here} is forwarded to {host}:{target_port}, Ctrl-C stops it", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9002)
    parser.add_argument("--to", default="localhost:9000", metavar="HOST:PORT")
    arguments = parser.parse_args()
    to_host, _, to_port = arguments.to.rpartition(":")
    IOLoop.run(main(arguments.port, to_host, int(to_port)))
