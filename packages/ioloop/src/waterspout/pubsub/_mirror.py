"""The end of one topic of a shared hub as this process knows it, and who waits for more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from waterspout.pubsub._message import Message

__all__ = ["Mirror"]


class Mirror:
    """Knows all messages of the topic between the cursors `first` and `last`."""

    ready: asyncio.Task[None]  #: done when it is known what the last cursor is; set by the hub

    __slots__ = (
        "_is_over",
        "_messages",
        "_waiters",
        "fetching",
        "first",
        "last",
        "readers",
        "ready",
        "stale",
        "version",
    )

    def __init__(self, keep: int) -> None:
        self.first = 0
        self.last = 0
        self.version = 0  #: changes whenever `after` may give another answer
        self.readers = 0
        self.stale = False  #: the engine has more than was fetched
        self.fetching = False
        self._messages: deque[Message] = deque(maxlen=keep)
        self._waiters: set[asyncio.Future[None]] = set()
        self._is_over = False

    def restart(self, cursor: int) -> None:
        """Know nothing but that *cursor* is the last."""
        self._messages.clear()
        self.first = self.last = cursor
        self._wake()

    def extend(self, messages: list[Message]) -> None:
        """Add what follows `last`."""
        for message in messages:
            if message.cursor > self.last:
                if len(self._messages) == self._messages.maxlen:
                    self.first = self._messages[0].cursor
                self._messages.append(message)
                self.last = message.cursor
        if messages:
            self._wake()

    def after(self, cursor: int) -> list[Message] | None:
        """The messages behind *cursor*; None if only the engine can tell."""
        if cursor == self.last:
            return []
        if not self.first <= cursor < self.last:
            return None
        found: list[Message] = []
        for message in reversed(self._messages):
            if message.cursor <= cursor:
                break
            found.append(message)
        found.reverse()
        return found

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a reader: a topic with readers stays watched."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    async def changed(self, version: int) -> None:
        """Wait until `version` is another one. Cancelled waiters leave nothing behind."""
        if self.version != version:
            return
        if self._is_over:
            raise asyncio.CancelledError("the hub is closed")
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def cancel(self) -> None:
        """Nobody will ever be woken any more, whether he waits by now or is about to."""
        self._is_over = True
        for waiter in list(self._waiters):
            waiter.cancel()

    def _wake(self) -> None:
        self.version += 1
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
