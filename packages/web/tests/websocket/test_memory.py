"""What an idle WebSocket costs: DESIGN.md counts on ten thousand of them."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import tracemalloc
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import WebSocketHandler
from waterspout.ws import DeflateOptions

#: Bytes. Python 3.12 and newer need more for the same objects: 4,090 to 4,100 were counted on 3.13, 3,756 on 3.11.
MOST = 4096 if sys.version_info < (3, 12) else 4608
COUNT = 200
OPENING = (
    b"GET /room/7?token=0123456789 HTTP/1.1\r\nHost: a.example\r\nOrigin: http://a.example\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
MESSAGE = b"\x81\x85\0\0\0\0hello"
NO_CONTEXT = DeflateOptions(server_no_context_takeover=True, client_no_context_takeover=True)


@pytest.mark.parametrize("options", [None, NO_CONTEXT], ids=["plain", "compressing without contexts"])
def test_WS25_an_idle_websocket_keeps_less_than_4_KiB(options: DeflateOptions | None) -> None:
    everybody: list[Any] = []

    class Handler(WebSocketHandler):
        def get_compression_options(self) -> DeflateOptions | None:
            return options

        def open(self, *args: str) -> None:
            everybody.append(self)

        def on_message(self, message: str | bytes) -> None:
            self.write_message(message)

    async def open_all(sockets: list[socket.socket], address: Any) -> None:
        """Each is opened, and has had one message there and back."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            await loop.sock_connect(sock, address)
            await loop.sock_sendall(sock, OPENING)
            received = b""
            while not received.endswith(b"\r\n\r\n"):
                received += await loop.sock_recv(sock, 1000)
            assert (b"permessage-deflate" in received) == (options is not None)
            await loop.sock_sendall(sock, MESSAGE)
            assert await loop.sock_recv(sock, 1000)

    async def main() -> float:
        listening = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(Application([("/room/([0-9]+)", Handler)], websocket_ping_interval=options is None and 30))
        server.add_sockets(listening)
        sockets = [socket.socket() for _ in range(COUNT + 20)]
        for sock in sockets:
            sock.setblocking(False)
        try:
            await open_all(sockets[:20], listening[0].getsockname())
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            await open_all(sockets[20:], listening[0].getsockname())
            gc.collect()
            assert len(everybody) == len(sockets)
            return (tracemalloc.get_traced_memory()[0] - before) / COUNT
        finally:
            tracemalloc.stop()
            for sock in sockets:
                sock.close()
            server.stop()
            await server.close_all_connections()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        each = runner.run(main())
    assert each < MOST, f"{each:.0f} bytes a WebSocket"
