"""Arrivals: the connections of a server that is iterated over, from their acceptance until they are taken."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from waterspout.iostream import IOStream

#: Accepted connections that wait to be taken; the next ones wait in the kernel's backlog.
MOST: Final = 128


class Arrivals:
    """First come, first served. ``pause`` is called when so many wait, ``resume`` when half of them are taken."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._paused = self._ended = False
        self._streams: deque[tuple[IOStream, Any]] = deque()
        self._wanted: deque[asyncio.Future[None]] = deque()

    def add(self, stream: IOStream, address: Any) -> None:
        """A connection has come."""
        self._streams.append((stream, address))
        self._wake()
        if len(self._streams) >= MOST and not self._paused:
            self._paused = True
            self._pause()

    def end(self) -> None:
        """No more will come. What is there may still be taken."""
        self._ended = True
        while self._wanted:
            self._wake()

    def close(self) -> None:
        """Close what nobody has taken."""
        for stream, _ in self._streams:
            stream.close()
        self._streams.clear()

    def __aiter__(self) -> Arrivals:
        return self

    async def __anext__(self) -> tuple[IOStream, Any]:
        while not self._streams:
            if self._ended:
                raise StopAsyncIteration
            wanted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._wanted.append(wanted)
            try:
                await wanted
            except asyncio.CancelledError:
                if not wanted.cancelled() and self._streams:
                    self._wake()  # it is for the next who waits
                raise
        taken = self._streams.popleft()
        if self._paused and len(self._streams) <= MOST // 2:
            self._paused = False
            if not self._ended:
                self._resume()
        return taken

    def _wake(self) -> None:
        while self._wanted:
            wanted = self._wanted.popleft()
            if not wanted.done():
                wanted.set_result(None)
                return
