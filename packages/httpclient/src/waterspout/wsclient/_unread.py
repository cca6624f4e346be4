"""UnreadMessages: what has come and waits for read_message, as a queue to take from."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from typing import TYPE_CHECKING, Any

from waterspout.queues import QueueEmpty

if TYPE_CHECKING:
    from waterspout.wsclient._client import WebSocketClientConnection

__all__ = ["UnreadMessages"]


class UnreadMessages:
    """The messages of a `WebSocketClientConnection` that wait to be read; the reading half of a `Queue`.

    There is no ``put``: the connection alone adds to it, and slows the server down by bytes, not by a number.
    """

    __slots__ = ("_connection", "_messages")

    #: As of a queue without bound.
    maxsize = 0

    def __init__(self, connection: WebSocketClientConnection, messages: deque[str | bytes]) -> None:
        self._connection = connection
        self._messages = messages

    def qsize(self) -> int:
        """How many messages wait."""
        return len(self._messages)

    def empty(self) -> bool:
        """Whether none waits."""
        return not self._messages

    def get(self) -> Future[Any]:
        """The next message, as `WebSocketClientConnection.read_message` gives it."""
        return self._connection.read_message()

    def get_nowait(self) -> str | bytes | None:
        """The next message; `QueueEmpty` if none is there."""
        if not self._messages:
            raise QueueEmpty
        message: str | bytes | None = self._connection.read_message().result()
        return message
