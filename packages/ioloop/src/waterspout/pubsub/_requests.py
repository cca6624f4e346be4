"""What a hub asks of its engine: each question again and again, until it is answered or of no use any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from waterspout.pubsub._failure import HubUnavailable, unanswered

__all__ = ["FIRST_PAUSE", "LONGEST_PAUSE", "Requests"]

T = TypeVar("T")

#: Seconds before the first repetition of what failed, and at most between two.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0


class Requests:
    """The questions that are out, to the *engine* (its name) at *place*; none before `begin` nor after `end`."""

    def __init__(self, engine: str, place: str) -> None:
        self._engine = engine
        self._place = place
        self._limits: set[asyncio.Timeout] = set()
        self._ends = 0
        self.is_open = False

    def begin(self) -> None:
        """From now on there is somebody to ask."""
        self.is_open = True

    def end(self) -> None:
        """There is nobody to ask any more: what is out fails at once."""
        self.is_open = False
        self._ends += 1
        self.repeat()

    def repeat(self) -> None:
        """Nobody will answer what is out, or somebody is there again: all is asked now, not when its time is over."""
        limits, self._limits = self._limits, set()
        for limit in limits:
            if not limit.expired():
                limit.reschedule(0)

    async def ask(
        self,
        what: str,
        call: Callable[[], Awaitable[T]],
        why: Callable[[str, Exception, str | None], str],
        patience: float,
        key: str | None = None,
    ) -> T:
        """``await call()``, which does *what*, again and again while it fails and for at most *patience* seconds.

        *why* says what the failure means, or raises what is not worth another attempt. Raises HubUnavailable with *key*
        when the time is over or the hub is closed meanwhile, RuntimeError if it was not open.
        """
        if not self.is_open:
            raise RuntimeError(f"could not {what} {self._engine}: open the hub first (`async with hub`)")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        pause = FIRST_PAUSE
        ends = self._ends
        while True:
            try:
                return await self._limited(call(), max(deadline, loop.time() + FIRST_PAUSE))
            except Exception as error:
                reason = why(what, error, key)
            if self._ends == ends:
                if loop.time() + pause >= deadline:
                    raise unanswered(what, self._engine, patience, self._place, reason, key)
                with contextlib.suppress(TimeoutError):
                    await self._limited(asyncio.sleep(pause), deadline)
                pause = min(2 * pause, LONGEST_PAUSE)
            if self._ends != ends:
                raise HubUnavailable(
                    f"could not {what} {self._engine} at {self._place}: the hub was closed before the answer came", key
                )

    async def _limited(self, work: Awaitable[T], deadline: float) -> T:
        async with asyncio.timeout_at(deadline) as limit:
            self._limits.add(limit)
            try:
                return await work
            finally:
                self._limits.discard(limit)
