"""The second hand: how late the loop's timers come, and one call each second, while anybody is served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from waterspout.ioloop import IOLoop

__all__ = ["Sampler"]

#: Seconds between two looks at the lag: what holds the loop up for longer is always seen.
STEP = 0.1
PER_SAMPLE = 10


class Sampler:
    """Calls ``sample(lag)`` about once a second, from `start` until it returns False; *lag* is in seconds.

    A process that nobody talks to shall sleep, so the owner says when to stop.
    """

    __slots__ = ("_due", "_lag", "_left", "_sample", "_timer")

    def __init__(self, sample: Callable[[float], bool]) -> None:
        self._sample = sample
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._lag = 0.0
        self._left = 0

    def start(self, io_loop: IOLoop) -> bool:
        """On the loop's thread. False, and nothing happens, if it runs already."""
        if self._timer is not None:
            return False
        self._left, self._lag = PER_SAMPLE, 0.0
        self._schedule(io_loop.asyncio_loop)
        return True

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + STEP
        self._timer = loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._lag = max(self._lag, loop.time() - self._due)
        self._left -= 1
        if self._left <= 0:
            lag, self._lag, self._left = self._lag, 0.0, PER_SAMPLE
            if not self._sample(lag):
                self._timer = None
                return
        self._schedule(loop)
