"""One topic of a hub in memory: its last messages, and who waits for the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from waterspout.pubsub._message import Lost, Message

__all__ = ["Topic"]


class Topic:
    """A numbered list of which the end is kept. All methods belong to the loop's thread."""

    __slots__ = ("_keys", "_messages", "_waiters", "last", "name")

    def __init__(self, name: str, keep: int, start: int = 0) -> None:
        self.name = name
        self.last = start  #: the number of the last message, at first of what was before this topic
        self._messages: deque[Message] = deque(maxlen=keep)
        self._keys: dict[str, Message] = {}
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def waiting(self) -> int:
        """How many wait for the next message."""
        return len(self._waiters)

    def publish(self, data: Any, key: str | None) -> Message:
        """Append a message and wake who waits; one whose *key* is among those kept is not added again."""
        if key is not None and key in self._keys:
            return self._keys[key]
        self.last += 1
        message = Message(self.name, self.last, data, key)
        kept = self._messages
        if len(kept) == kept.maxlen and kept[0].key is not None:
            del self._keys[kept[0].key]
        kept.append(message)
        if key is not None:
            self._keys[key] = message
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        return message

    def after(self, cursor: int) -> list[Message]:
        """The messages behind *cursor*; `Lost` if some are gone, or if the cursor is of a time before this topic."""
        missing = self.last - cursor
        if not 0 <= missing <= len(self._messages):
            raise Lost(self.name, cursor, self.last - len(self._messages))
        if not missing:
            return []
        if missing == 1:  # the usual case, and a deque is not sliced cheaply
            return [self._messages[-1]]
        return list(self._messages)[-missing:]

    async def changed(self) -> None:
        """Wait for the next message. Cancelled waiters leave nothing behind."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
