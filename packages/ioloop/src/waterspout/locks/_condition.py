"""Condition: wait until somebody says that something has changed."""

from __future__ import annotations

from typing import Any

from waterspout.concurrent import Future
from waterspout.locks._statistics import LockStatistics
from waterspout.locks._waiter import Deadline, Line, stand_in, waiting_in


class Condition:
    """Tasks wait on it until others notify them.

    Other than `threading.Condition` it has no lock: coroutines are interrupted only where they
    await. Waiters are notified in the order in which they came, and run in the next turn.
    """

    __module__ = "waterspout.locks"

    def __init__(self) -> None:
        self._line = Line()

    def wait(self, timeout: Deadline = None) -> Future[bool]:
        """A Future that is True when this waiter is notified, False when `timeout` passes before.

        `timeout` is a time as of `IOLoop.time` or a timedelta; one that has passed gives False at
        once. A waiter whose task is cancelled after it was notified passes that on to the next.
        """
        return stand_in(self, self._line, timeout, False)

    def notify(self, n: int = 1) -> None:
        """Wake the first `n` waiters; nothing happens if there are none."""
        line = self._line
        while n > 0:
            waiter = line.next()
            if waiter is None:
                return
            waiter.set_result(True)
            n -= 1

    def notify_all(self) -> None:
        """Wake all who wait now."""
        self.notify(len(self._line))

    def give_back(self, waiter: Any, value: Any) -> None:
        """A task was notified and cancelled before it ran: what it would have seen, another must."""
        if value:
            self.notify()

    def statistics(self) -> LockStatistics:
        """How many wait; nobody can have a condition, so that none is free."""
        return LockStatistics(0, waiting_in(self._line))

    def __repr__(self) -> str:
        waiting = waiting_in(self._line)
        return f"<{type(self).__name__} waiters[{waiting}]>" if waiting else f"<{type(self).__name__}>"
