"""A chat room over WebSockets: what one browser writes appears in all the others.

    python examples/wschat/app.py [--port 8888]

Each page opens one WebSocket, ``/room``. It is sent the latest messages first, then each new one, and how many pages
are there. Pages that no longer answer are noticed by pings; pages that do not keep up are closed rather than kept in
memory, and connect anew. When the server stops, it says so to each page (code 1001) before it goes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler, url
from waterspout.websocket import Overflow, WebSocketHandler, broadcast

PAGE = Path(__file__).with_name("page.html")
KEPT_MESSAGES = 200
LONGEST_NAME = 40
LONGEST_TEXT = 2000
CLOSING_SECONDS = 3.0
SETTINGS: dict[str, Any] = {
    "websocket_ping_interval": 20.0,
    "websocket_ping_timeout": 10.0,
    "websocket_max_message_size": 16 * 1024,
}


class Room:
    """The latest messages, and the pages that are open."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT_MESSAGES)
        self.pages: set[Page] = set()

    def add(self, name: str, text: str) -> None:
        message = {"name": name, "text": text, "at": int(time.time())}
        self.messages.append(message)
        broadcast(self.pages, {"messages": [message]})

    def tell_number(self) -> None:
        broadcast(self.pages, {"pages": len(self.pages)})

    async def close(self) -> None:
        """Say good-bye to each page, and wait a little for its answer."""
        connections = [page.ws_connection for page in self.pages if page.ws_connection is not None]
        for connection in connections:
            connection.close(1001, "the room is closing", timeout=CLOSING_SECONDS)
        await asyncio.gather(*(connection.wait_closed() for connection in connections))


class Page(WebSocketHandler):
    """One page in one browser."""

    # Nobody waits for a page: one that has 256 KiB unread is closed.
    overflow = Overflow.CLOSE
    high_water = 256 * 1024

    room: Room

    def initialize(self, room: Room) -> None:
        self.room = room

    def open(self) -> None:
        self.room.pages.add(self)
        self.write_message({"messages": list(self.room.messages)})
        self.room.tell_number()

    def on_message(self, message: str | bytes) -> None:
        try:
            said = json.loads(message)
            name, text = said["name"].strip(), said["text"].strip()
        except (ValueError, TypeError, KeyError, AttributeError):
            self.close(1007, "a message is JSON with the texts name and text")
            return
        if 0 < len(name) <= LONGEST_NAME and 0 < len(text) <= LONGEST_TEXT:
            self.room.add(name, text)
        else:
            self.write_message({"problem": f"Up to {LONGEST_NAME} characters of name and {LONGEST_TEXT} of text."})

    def on_close(self) -> None:
        self.room.pages.discard(self)
        self.room.tell_number()


class StartHandler(RequestHandler):
    page: bytes

    def initialize(self, page: bytes) -> None:
        self.page = page

    def get(self) -> None:
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:",
        )
        self.write(self.page)


def make_app(room: Room) -> Application:
    return Application(
        [url(r"/", StartHandler, {"page": PAGE.read_bytes()}), url(r"/room", Page, {"room": room})], **SETTINGS
    )


async def main(port: int, address: str) -> None:
    sockets = bind_sockets(port, address)
    room = Room()
    server = HTTPServer(make_app(room))
    server.add_sockets(sockets)
    host = f"[{address}]" if ":" in address else address
    print(f"The chat room is open at http://{host}:{sockets[0].getsockname()[1]}/")
    print("Open it in two windows and write something.")
    print("Stop it with Ctrl-C.", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the program as ever
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        server.stop()
        await room.close()
        await server.close_all_connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat room over WebSockets.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    parser.add_argument("--address", default="127.0.0.1", help="the address to listen on; this machine only by default")
    options = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(main(options.port, options.address))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"Port {options.port} is in use: choose another one with --port, or --port 0 for any free one.")
