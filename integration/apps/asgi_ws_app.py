"""The application that the tests of WebSockets under ASGI servers serve: ``uvicorn asgi_ws_app:app``."""

from __future__ import annotations

from typing import Any

from waterspout import web
from waterspout.websocket import WebSocketHandler, broadcast

EVERYBODY: set[Any] = set()
CLOSES: list[Any] = []


class Echo(WebSocketHandler):
    """Echoes; a few texts are commands."""

    def prepare(self) -> None:
        self.set_cookie("seen", "yes")
        self.set_header("X-Room", "blue")

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "b" if "b" in subprotocols else None

    async def open(self, name: str) -> None:
        self.name = name
        EVERYBODY.add(self)
        if name == "refused":
            self.close(4001, "not here")

    async def on_message(self, message: str | bytes) -> None:
        if message == "broadcast":
            broadcast(EVERYBODY, {"news": 1})
        elif message == "close":
            self.close(3001, "as asked")
        elif message == "fail":
            raise ValueError("failed on purpose")
        else:
            await self.write_message(message, isinstance(message, bytes))

    def on_close(self) -> None:
        EVERYBODY.discard(self)
        CLOSES.append([self.name, self.close_code])


class Closes(web.RequestHandler):
    def get(self) -> None:
        self.write({"closes": CLOSES})


app = web.asgi(web.Application([("/ws/(.*)", Echo), ("/closes", Closes)]))
