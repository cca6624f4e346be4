"""An application on a free port, and clients for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.httpserver import HTTPServer
from waterspout.web import Application

Fetch = Callable[..., HTTPResponse]
QUIET = 0.1  # seconds without a byte after which a connection that the server has nothing to do for is silent
PATIENCE = 3.0  # seconds that an answer may take on a busy machine


def serve(application: Application, client: Callable[[int, HTTPServer], Awaitable[Any]], **options: Any) -> Any:
    """Run *client* with the port of *application*, and return its result."""

    async def main() -> Any:
        server = application.listen(0, "127.0.0.1", **options)
        port = next(iter(server._sockets.values())).getsockname()[1]
        try:
            return await client(port, server)
        finally:
            server.stop()
            await server.close_all_connections()

    return asyncio.run(main())


@pytest.fixture
def fetch() -> Fetch:
    """``fetch(handlers or application, path, **fetch options)``: the response, errors included."""

    def run(application: Any, path: str = "/", **options: Any) -> HTTPResponse:
        if not isinstance(application, Application):
            application = Application(application)

        async def client(port: int, server: HTTPServer) -> HTTPResponse:
            http = AsyncHTTPClient(force_instance=True)
            try:
                return await http.fetch(
                    f"http://127.0.0.1:{port}{path}", raise_error=False, follow_redirects=False, **options
                )
            finally:
                http.close()

        response: HTTPResponse = serve(application, client)
        return response

    return run


@pytest.fixture
def raw() -> Callable[..., bytes]:
    """``raw(handlers or application, *pieces)``: what comes back for raw bytes until the server falls silent.

    A number among the pieces is a pause of that many seconds. With ``until=`` bytes that is over when they have come,
    even though the handler goes on.
    """

    def run(application: Any, *pieces: bytes | float, until: bytes | None = None) -> bytes:
        if not isinstance(application, Application):
            application = Application(application)

        async def client(port: int, server: HTTPServer) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                else:
                    await asyncio.sleep(piece)
            received = b""
            give_up = asyncio.get_running_loop().time() + PATIENCE
            while until is None or until not in received:
                try:
                    data = await asyncio.wait_for(reader.read(65536), QUIET)
                except TimeoutError:
                    for _ in range(20):  # on a busy machine more than the time may have come due at once
                        await asyncio.sleep(0)
                    busy = any(connection.is_busy() for connection in server._connections)
                    arrived = bool(reader._buffer)  # type: ignore[attr-defined]
                    if not arrived and (not busy or asyncio.get_running_loop().time() > give_up):
                        break  # silent: that is all
                    continue
                if not data:
                    break
                received += data
            writer.close()
            return received

        result: bytes = serve(application, client)
        return result

    return run
