"""Waiter: somebody who stands in a line until something is handed to him.

Locks and queues share the same shape: what can be had at once is a ReadyFuture, and who has to wait
gets a Waiter in a line, first in, first out. Whoever gives up (cancelled, out of time) stays where he
stands and is passed over; when half of a line has given up, it is swept. So nobody has to be searched
for, and a line that is never served does not grow.

What is handed to a waiter belongs to him from that moment, though his task runs only later. If the
task is cancelled in between, it goes back to its owner, who hands it to the next.
"""

from __future__ import annotations

import asyncio
import datetime
import numbers
from asyncio import Future
from collections import deque
from typing import Any, Protocol, TypeVar

from waterspout.concurrent._lazy import PENDING, LazyFuture
from waterspout.ioloop import IOLoop
from waterspout.util import TimeoutError

_T = TypeVar("_T")

Deadline = float | datetime.timedelta | None
"""A time on the scale of IOLoop.time, or a duration from now; None: wait for ever."""


# A line in which fewer have given up costs less than looking through it.
_SWEEP_FROM = 32


class Owner(Protocol):
    """What waiters stand in line for."""

    def give_back(self, waiter: Any, value: Any) -> None:
        """`value` was handed to `waiter`, whose task was cancelled before it saw that."""


class Waiter(LazyFuture[_T]):
    """A future in a line; its owner takes it out and completes it with `set_result`."""

    __slots__ = ("_line", "_owner", "brought")

    brought: Any
    """What the owner gets in exchange: the item of one who waits for room in a queue."""

    def __init__(self, owner: Owner, line: Line) -> None:
        # Not by way of super(): this is what a contended lock spends its time with.
        self._value = PENDING
        self._inner = None
        self._owner = owner
        self._line = line
        line.append(self)

    def cancel(self, msg: Any | None = None) -> bool:
        """Give up; returns whether that was still possible."""
        if not super().cancel(msg):
            return False
        self._line.one_gave_up()
        return True

    def _not_received(self) -> None:
        self._owner.give_back(self, self._lose_result())


class _ExpiringWaiter(Waiter[_T]):
    """A waiter whose time is limited."""

    __slots__ = ("_io_loop", "_outcome", "_timer")

    def __init__(self, owner: Owner, line: Line, deadline: float | datetime.timedelta, outcome: tuple[_T, ...]) -> None:
        self._io_loop = io_loop = IOLoop.current()
        if isinstance(deadline, datetime.timedelta):
            is_over = deadline.total_seconds() <= 0
        elif isinstance(deadline, numbers.Real):
            is_over = deadline <= io_loop.time()
        else:
            raise TypeError(
                f"Unsupported deadline {deadline!r}: give a number of seconds (as of time()) or a timedelta"
            )
        super().__init__(owner, line)
        self._outcome = outcome
        self._timer: Any = None
        if is_over:
            self._time_is_up()
        else:
            self._timer = io_loop.add_timeout(deadline, self._time_is_up)

    def set_result(self, result: _T) -> None:
        """Hand `result` over; the owner has taken the waiter out of the line."""
        super().set_result(result)
        self._io_loop.remove_timeout(self._timer)

    def cancel(self, msg: Any | None = None) -> bool:
        """Give up; returns whether that was still possible."""
        if not super().cancel(msg):
            return False
        self._io_loop.remove_timeout(self._timer)
        return True

    def _time_is_up(self) -> None:
        if self.done():
            return
        if self._outcome:
            super().set_result(*self._outcome)
        else:
            self.set_exception(TimeoutError())
        self._line.one_gave_up()


class Line(deque["Future[Any]"]):
    """Waiters, first in first out, some of whom may have given up.

    Plain futures may stand here, too: `admit` is the short way where no future is to be returned.
    """

    __slots__ = ("given_up",)

    def __init__(self) -> None:
        super().__init__()
        # About how many stand here in vain. A task learns of its cancellation a turn after its
        # future did, and may have been taken out by then.
        self.given_up = 0

    def next(self) -> Future[Any] | None:
        """Take out the first who still waits, None if nobody does."""
        while self:
            waiter = self.popleft()
            if not waiter.done():
                return waiter
            self.given_up = max(0, self.given_up - 1)
        return None

    def close_up(self) -> None:
        """Remove those at the head who have given up."""
        while self and self[0].done():
            self.popleft()
            self.given_up = max(0, self.given_up - 1)

    async def admit(self, owner: Owner) -> None:
        """Wait until the owner hands something to this task, or the task is cancelled."""
        place: Future[Any] = Future()
        self.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self.one_gave_up()
            else:
                owner.give_back(place, place.result())
            raise

    def one_gave_up(self) -> None:
        """One who stands here will not take anything any more."""
        self.given_up += 1
        if self.given_up >= _SWEEP_FROM and self.given_up * 2 > len(self):
            still_waiting = [waiter for waiter in self if not waiter.done()]
            self.clear()
            self.extend(still_waiting)
            self.given_up = 0


def stand_in(owner: Owner, line: Line, timeout: Deadline, *outcome: Any) -> Waiter[Any]:
    """A new waiter at the end of `line`.

    When `timeout` passes it is done with `outcome`, if that is given, else with TimeoutError. A
    timeout that has passed already does that now, before anything else can run. Raises TypeError if
    it is neither a number nor a timedelta.
    """
    line.close_up()
    if timeout is None:
        return Waiter(owner, line)
    return _ExpiringWaiter(owner, line, timeout, outcome)


def waiting_in(line: Line | None) -> int:
    """How many wait in a line that may not have been needed yet."""
    return sum(not waiter.done() for waiter in line) if line else 0
