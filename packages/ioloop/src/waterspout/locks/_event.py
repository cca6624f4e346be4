"""Event: a flag to wait for."""

from __future__ import annotations

from typing import Any

from waterspout.concurrent import Future
from waterspout.concurrent._lazy import DoneFuture
from waterspout.locks._statistics import LockStatistics
from waterspout.locks._waiter import Deadline, Line, stand_in, waiting_in


class Event:
    """A flag, false at first; tasks wait until it is set.

    While it is set nobody waits; `clear` makes those wait who come later.
    """

    __module__ = "waterspout.locks"

    def __init__(self) -> None:
        self._is_set = False
        self._line: Line | None = None

    def is_set(self) -> bool:
        """Whether the flag is true."""
        return self._is_set

    def set(self) -> None:
        """Make the flag true and wake all who wait, in the order in which they came."""
        self._is_set = True
        line, self._line = self._line, None
        while line:
            waiter = line.next()
            if waiter is not None:
                waiter.set_result(None)

    def clear(self) -> None:
        """Make the flag false; who was woken before stays awake."""
        self._is_set = False

    def wait(self, timeout: Deadline = None) -> Future[None]:
        """A Future that is done when the flag is true; at once, if it is.

        After `timeout` (a time as of `IOLoop.time`, or a timedelta) it raises TimeoutError; a
        timeout that has passed already makes it fail at once if the flag is false.
        """
        if self._is_set:
            return DoneFuture()
        if self._line is None:
            self._line = Line()
        return stand_in(self, self._line, timeout)

    def give_back(self, waiter: Any, value: Any) -> None:
        """Nothing to do for a task that was woken and cancelled: an event wakes everybody."""

    def statistics(self) -> LockStatistics:
        """Whether it is set (1 or 0) and how many wait, now."""
        return LockStatistics(int(self._is_set), waiting_in(self._line))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'set' if self._is_set else 'clear'}>"
