"""A server on a free port, and a client that speaks in raw bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets

QUIET = 0.1  # seconds without a byte after which a connection that the server has nothing to do for is silent
PATIENCE = 2.0  # seconds that an answer may take on a busy machine


async def read_quietly(reader: asyncio.StreamReader, server: HTTPServer) -> tuple[bytes, bool]:
    """What arrives until the connection ends (true) or falls silent (false)."""
    received = b""
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            data = await asyncio.wait_for(reader.read(65536), QUIET)
        except TimeoutError:
            busy = any(connection.is_busy() for connection in server._connections)
            if not busy or asyncio.get_running_loop().time() > give_up:
                return received, False
            continue
        if not data:
            return received, True
        received += data


@pytest.fixture
def exchange() -> Callable[..., tuple[bytes, bool]]:
    """``exchange(app, *pieces, **server_options)``: send the pieces, return what came back and whether it was closed.

    A piece that is a number is a pause of that many seconds.
    """

    def run(application: Any, *pieces: bytes | float, **options: Any) -> tuple[bytes, bool]:
        async def main() -> tuple[bytes, bool]:
            server = HTTPServer(application, **options)
            (sock,) = bind_sockets(0, "127.0.0.1")
            server.add_sockets([sock])
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            try:
                for piece in pieces:
                    if isinstance(piece, bytes):
                        writer.write(piece)
                        await writer.drain()
                    else:
                        await asyncio.sleep(piece)
                return await read_quietly(reader, server)
            finally:
                writer.close()
                server.stop()
                await server.close_all_connections()

        return asyncio.run(main())

    return run
