from typing import Any

from waterspout import web
from waterspout.httpserver import run
from waterspout.websocket import WebSocketHandler

members: set["Chat"] = set()


class Chat(WebSocketHandler):
    def open(self, *args: Any) -> None:
        members.add(self)

    def on_message(self, message: str | bytes) -> None:
        for member in members:
            member.write_message(message)

    def on_close(self) -> None:
        members.discard(self)


run(web.Application([("/chat", Chat)]), 8888)
