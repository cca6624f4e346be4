"""A chat room over long polling: what one browser writes appears in all the others.

    python examples/chat/app.py [--port 8888]

Each page asks ``POST /a/message/updates`` for what came after the last message it has (its *cursor*). The request
waits until there is something, and the page asks again. ``POST /a/message/new`` adds a message. ``GET /a/room`` tells
how many pages are waiting and how many messages there are.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, HTTPError, RequestHandler, url

PAGE = Path(__file__).with_name("page.html")
KEPT_MESSAGES = 200
LONGEST_NAME = 40
LONGEST_TEXT = 2000
# A poll that nothing happens in is answered before proxies (60 seconds is usual) lose patience.
POLL_SECONDS = 25.0

Message = dict[str, Any]
Waiter = asyncio.Future[None]


class Room:
    """The latest messages, numbered from 1, and the polls that wait for the next one."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque(maxlen=KEPT_MESSAGES)
        self.last = 0
        self.waiters: set[Waiter] = set()

    def add(self, name: str, text: str) -> Message:
        self.last += 1
        message = {"id": self.last, "name": name, "text": text, "at": int(time.time())}
        self.messages.append(message)
        self.release()
        return message

    def after(self, cursor: int) -> list[Message]:
        """The messages that follow number ``cursor``; all, if that number is from before a restart of the server."""
        if cursor > self.last:
            cursor = 0
        return [message for message in self.messages if message["id"] > cursor]

    def join(self) -> Waiter:
        """A future that is done when there is something new. Whoever stops waiting calls :meth:`leave`."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self.waiters.add(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer. The future is done, not cancelled, so that its poll ends without an exception."""
        self.waiters.discard(waiter)
        if not waiter.done():
            waiter.set_result(None)

    def release(self) -> None:
        """Let all the polls answer."""
        for waiter in list(self.waiters):
            self.leave(waiter)


class RoomHandler(RequestHandler):
    """What the handlers below share: the room, and a JSON body that is checked."""

    room: Room

    def initialize(self, room: Room) -> None:
        self.room = room

    def body(self) -> dict[str, Any]:
        # A form on a foreign site can post text, but not with this content type unless we allow it to.
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            raise HTTPError(415, "the body must be application/json")
        try:
            body = json.loads(self.request.body)
        except ValueError as error:
            raise HTTPError(400, "the body is not JSON") from error
        if not isinstance(body, dict):
            raise HTTPError(400, "the body is not a JSON object")
        return body

    def text(self, body: dict[str, Any], field: str, longest: int) -> str:
        value = body.get(field)
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise HTTPError(400, "%s must be a text of 1 to %d characters", field, longest)
        return value.strip()


class NewMessageHandler(RoomHandler):
    def post(self) -> None:
        body = self.body()
        self.write(self.room.add(self.text(body, "name", LONGEST_NAME), self.text(body, "text", LONGEST_TEXT)))


class UpdatesHandler(RoomHandler):
    waiter: Waiter | None = None
    gone = False

    async def post(self) -> None:
        cursor = self.body().get("cursor", 0)
        if not isinstance(cursor, int):
            raise HTTPError(400, "cursor must be the id of the last message that you have, or 0")
        messages = self.room.after(cursor)
        if not messages:
            self.waiter = self.room.join()
            await asyncio.wait([self.waiter], timeout=POLL_SECONDS)
            self.room.leave(self.waiter)
            if self.gone:
                return
            messages = self.room.after(cursor)
        self.set_header("Cache-Control", "no-store")
        self.write({"messages": messages})

    def on_connection_close(self) -> None:
        self.gone = True
        if self.waiter is not None:
            self.room.leave(self.waiter)


class StateHandler(RoomHandler):
    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write({"waiting": len(self.room.waiters), "messages": self.room.last})


class PageHandler(RequestHandler):
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
        [
            url(r"/", PageHandler, {"page": PAGE.read_bytes()}),
            url(r"/a/message/new", NewMessageHandler, {"room": room}),
            url(r"/a/message/updates", UpdatesHandler, {"room": room}),
            url(r"/a/room", StateHandler, {"room": room}),
        ]
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
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        room.release()
        await server.close_all_connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat room over long polling.")
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
