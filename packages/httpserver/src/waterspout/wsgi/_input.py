"""``wsgi.input``: a request's body while it is still on its way, for a thread that reads it."""

from __future__ import annotations

import asyncio
import io
import threading
from collections import deque
from typing import Any

__all__ = ["ArrivingBody", "ClientLeft"]

#: Bytes that wait for the application before the client is slowed down.
HIGH_WATER = 64 * 1024


class ClientLeft(ConnectionAbortedError):
    """The client closed the connection in the middle of its request or of the response."""


class ArrivingBody(io.RawIOBase):
    """Filled on the loop, read in a thread; `io.BufferedReader` around it has all that WSGI asks for.

    A read waits for bytes, and raises `ClientLeft` when none will come any more. *expected* says that the client waits
    to be told that it may send (``Expect: 100-continue``).
    """

    #: Done when the first read begins, or there will be none; None from then on, and where the client does not wait.
    wanted: asyncio.Future[None] | None

    def __init__(self, loop: asyncio.AbstractEventLoop, *, expected: bool = False) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._ended = self._lost = False
        self._room: asyncio.Future[None] | None = None
        self.wanted = loop.create_future() if expected else None

    # On the loop.

    def feed(self, data: bytes) -> asyncio.Future[None] | None:
        """More of it has come; the future is done when more may come."""
        with self._changed:
            if self._lost:
                return None
            self._parts.append(data)
            self._size += len(data)
            self._changed.notify()
            if self._size > HIGH_WATER:
                self._room = self._loop.create_future()
            return self._room

    def end(self, *, lost: bool = False) -> None:
        """No more will come."""
        with self._changed:
            self._ended = True
            self._lost = lost
            room, self._room = self._room, None
            wanted, self.wanted = self.wanted, None
            self._changed.notify()
        for future in (room, wanted):
            if future is not None:
                self._tell(future)

    def _tell(self, future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    # In the thread.

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._changed:
            wanted, self.wanted = self.wanted, None
            if wanted is not None:
                self._loop.call_soon_threadsafe(self._tell, wanted)
            while not self._parts and not self._ended:
                self._changed.wait()
            if self._lost:
                raise ClientLeft("the client left before its request was whole")
            if not self._parts:
                return 0
            part = self._parts.popleft()
            count = min(len(part), len(buffer))
            buffer[:count] = part[:count]
            if count < len(part):
                self._parts.appendleft(part[count:])
            self._size -= count
            room = None
            if self._size <= HIGH_WATER // 2:
                room, self._room = self._room, None
        if room is not None:
            self._loop.call_soon_threadsafe(self._tell, room)
        return count
