"""A chat room over long polling: what one browser writes appears in all the others.

    python examples/chat/app.py [--port 8888]

Each page asks ``POST /a/message/updates`` for what came after the last message it has (its *cursor*). The request
waits until there is something, and the page asks again. ``POST /a/message/new`` adds a message; one that is sent again
under the same *key*, because nobody heard whether it arrived, is added once. ``GET /a/room`` tells how many pages are
waiting here and how many messages there are.

The messages are in a hub: in this process, or, with ``--hub redis://...``, in Redis, where several processes share
them: ``--workers 4``. ``cluster.py`` beside this file starts all of that together.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

from waterspout import httpserver
from waterspout.netutil import bind_sockets
from waterspout.pubsub import HubUnavailable, Lost, Message, SharedHub, connect
from waterspout.web import Application, HTTPError, RequestHandler, url

PAGE = Path(__file__).with_name("page.html")
ROOM = "chat"
KEPT_MESSAGES = 200
LONGEST_NAME = 40
LONGEST_TEXT = 2000
LONGEST_KEY = 100
# A poll that nothing happens in is answered before proxies (60 seconds is usual) lose patience.
POLL_SECONDS = 25.0


def shown(message: Message) -> dict[str, Any]:
    return {"id": message.cursor, **message.data}


class RoomHandler(RequestHandler):
    """What the handlers below share: the hub, and a JSON body that is checked."""

    hub: SharedHub

    def initialize(self, hub: SharedHub) -> None:
        self.hub = hub

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
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise HTTPError(400, "%s has half of a character, which cannot be stored", field)
        return value.strip()


class NewMessageHandler(RoomHandler):
    async def post(self) -> None:
        body = self.body()
        name, text = self.text(body, "name", LONGEST_NAME), self.text(body, "text", LONGEST_TEXT)
        key = self.text(body, "key", LONGEST_KEY) if "key" in body else None
        try:
            message = await self.hub.publish(ROOM, {"name": name, "text": text, "at": int(time.time())}, key=key)
        except HubUnavailable as error:
            raise HTTPError(503, "%s", error) from error
        self.write(shown(message))


class UpdatesHandler(RoomHandler):
    poll: asyncio.Future[list[Message]] | None = None

    async def post(self) -> None:
        cursor = self.body().get("cursor", 0)
        if not isinstance(cursor, int):
            raise HTTPError(400, "cursor must be the id of the last message that you have, or 0")
        self.poll = asyncio.ensure_future(self.hub.poll(ROOM, cursor, POLL_SECONDS))
        try:
            messages = await self.poll
        except Lost as lost:  # the page was away for long, or the room began anew
            messages = await self.hub.history(ROOM, lost.oldest)
        except HubUnavailable as error:
            raise HTTPError(503, "%s", error) from error
        self.set_header("Cache-Control", "no-store")
        self.write({"messages": [shown(message) for message in messages]})

    def on_connection_close(self) -> None:
        if self.poll is not None:
            self.poll.cancel()


class StateHandler(RoomHandler):
    async def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        try:
            self.write({"waiting": self.hub.statistics()["waiting"], "messages": await self.hub.cursor(ROOM)})
        except HubUnavailable as error:
            raise HTTPError(503, "%s", error) from error


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


def make_app(hub: SharedHub) -> Application:
    return Application(
        [
            url(r"/", PageHandler, {"page": PAGE.read_bytes()}),
            url(r"/a/message/new", NewMessageHandler, {"hub": hub}),
            url(r"/a/message/updates", UpdatesHandler, {"hub": hub}),
            url(r"/a/room", StateHandler, {"hub": hub}),
        ]
    )


async def main(port: int, address: str, hub_url: str) -> None:
    """The room in this process."""
    sockets = bind_sockets(port, address)
    async with connect(hub_url, keep=KEPT_MESSAGES) as hub:
        server = httpserver.HTTPServer(make_app(hub))
        server.add_sockets(sockets)
        host = f"[{address}]" if ":" in address else address
        print(f"The chat room is open at http://{host}:{sockets[0].getsockname()[1]}/")
        print("Open it in two windows and write something.")
        print("Stop it with Ctrl-C.", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            server.stop()
            await server.close_all_connections()


async def worker(hub_url: str) -> Application:
    """The room in one process of several; it ends with the process."""
    hub = connect(hub_url, keep=KEPT_MESSAGES)
    await hub.open()
    return make_app(hub)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat room over long polling.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    parser.add_argument("--address", default="127.0.0.1", help="the address to listen on; this machine only by default")
    parser.add_argument("--hub", default="memory:", help="where the messages are: memory:, redis://HOST, nats://HOST")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the hub")
    options = parser.parse_args()
    try:
        connect(options.hub)  # a URL that is none, or a client that is not installed, is said before anything is served
    except (ValueError, ImportError) as error:
        sys.exit(f"--hub: {error}")
    if options.workers > 1:
        if options.hub == "memory:":
            sys.exit("Several workers need a hub that they share: --hub redis://localhost")
        httpserver.run(
            functools.partial(worker, options.hub),
            options.port,
            options.address,
            factory=True,
            workers=options.workers,
            drain_deadline=2.0,  # seconds; a poll that is cut is asked again, here or there
        )
        sys.exit()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(main(options.port, options.address, options.hub))
    except HubUnavailable as error:
        sys.exit(f"The room has no hub: {error}.")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"Port {options.port} is in use: choose another one with --port, or --port 0 for any free one.")
