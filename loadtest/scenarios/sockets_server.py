"""The server of the WebSocket scenario: echoes, and broadcasts what is published; ``/stat`` as in polling_server.py."""

from __future__ import annotations

import json
from typing import Any

from serving import serve

from waterspout.web import Application, RequestHandler
from waterspout.websocket import WebSocketHandler, broadcast


class Room:
    """Who is connected, and what was published; messages are numbered from 1."""

    def __init__(self) -> None:
        self.members: set[WebSocketHandler] = set()
        self.published = 0
        self.delivered = 0

    def publish(self, message: dict[str, Any]) -> int:
        self.published += 1
        self.delivered += broadcast(self.members, {**message, "number": self.published})
        return self.published


class Socket(WebSocketHandler):
    def initialize(self, room: Room) -> None:
        self.room = room

    def open(self) -> None:
        self.room.members.add(self)

    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(json.loads(message))

    def on_close(self) -> None:
        self.room.members.discard(self)


class Publish(RequestHandler):
    def initialize(self, room: Room) -> None:
        self.room = room

    def post(self) -> None:
        message = {"at": float(self.get_argument("at")), "last": self.get_argument("last", "") == "yes"}
        self.write({"number": self.room.publish(message)})


class Stat(RequestHandler):
    def initialize(self, room: Room) -> None:
        self.room = room

    def get(self) -> None:
        room = self.room
        self.write({"waiting": len(room.members), "messages": room.published, "delivered": room.delivered})


def application() -> Application:
    room = {"room": Room()}
    return Application(
        [("/socket", Socket, room), ("/publish", Publish, room), ("/stat", Stat, room)],
        log_function=lambda _handler: None,
    )


if __name__ == "__main__":
    serve(application)
