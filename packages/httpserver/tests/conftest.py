"""A server on a free port, and a client that speaks in raw bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets

QUIET = 0.15  # seconds without a byte after which an open connection counts as having said all it will


async def read_quietly(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """What arrives until the connection ends (true) or falls silent (false)."""
    received = b""
    while True:
        try:
            data = await asyncio.wait_for(reader.read(65536), QUIET)
        except TimeoutError:
            return received, False
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
                return await read_quietly(reader)
            finally:
                writer.close()
                server.stop()
                await server.close_all_connections()

        return asyncio.run(main())

    return run
