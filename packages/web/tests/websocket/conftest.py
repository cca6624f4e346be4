"""An application on a free port, for clients of any kind."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.ioloop import new_event_loop
from waterspout.web import Application


@pytest.fixture
def serve() -> Callable[..., Any]:
    """``serve(handler class, client, **settings)``: run ``await client(port)`` beside it, and return its result."""

    def run(handler: Any, client: Callable[[int], Awaitable[Any]], **settings: Any) -> Any:
        async def main() -> Any:
            application = Application([("/", handler), ("/room/(.*)", handler)], **settings)
            server = application.listen(0, "127.0.0.1")
            port = next(iter(server._sockets.values())).getsockname()[1]
            try:
                async with asyncio.timeout(10):
                    return await client(port)
            finally:
                server.stop()
                await server.close_all_connections()

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(main())

    return run


@pytest.fixture
def handshake(serve: Callable[..., Any]) -> Callable[..., bytes]:
    """``handshake(handler class, *changed header lines, settings..., request=...)``: the raw answer.

    A line replaces the usual one of its name; one with an empty value removes it.
    """

    def run(handler: Any, *lines: str, request: str = "GET / HTTP/1.1", after: bytes = b"", **settings: Any) -> bytes:
        usual = {
            "host": "Host: a.example",
            "upgrade": "Upgrade: websocket",
            "connection": "Connection: Upgrade",
            "sec-websocket-key": "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "sec-websocket-version": "Sec-WebSocket-Version: 13",
        }
        for line in lines:
            name, _, value = line.partition(":")
            usual[name.lower()] = line if value.strip() else ""
        head = "\r\n".join([request, *filter(None, usual.values()), "", ""]).encode()

        async def client(port: int) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + after)
            received = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: ([0-9]+)", received.lower())
            received += await reader.readexactly(int(length[1]) if length else 0)
            with contextlib.suppress(TimeoutError):  # silent: that is all
                while after and (data := await asyncio.wait_for(reader.read(65536), 0.15)):
                    received += data
            writer.close()
            return received

        answer: bytes = serve(handler, client, **settings)
        return answer

    return run
