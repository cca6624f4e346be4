"""Semaphore and BoundedSemaphore: so many at a time."""

from __future__ import annotations

from math import inf
from types import TracebackType

from waterspout.locks._guard import Guard
from waterspout.locks._permits import ForwardingPermits, Permits


class Semaphore(Guard):
    """A lock that `value` users can hold at once.

        async with semaphore:
            ...

    Waiters get it in the order in which they asked. `acquire` also gives a context manager, for
    ``with await semaphore.acquire():``.
    """

    __module__ = "waterspout.locks"

    _free_state = "unlocked,value:{}"

    def __init__(self, value: int = 1) -> None:
        """Start with `value` permits; ValueError if that is negative."""
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._permits = self._make_permits(value, inf)

    def _make_permits(self, value: int, limit: float) -> Permits:
        if type(self).release in (Semaphore.release, BoundedSemaphore.release):
            return Permits(value, limit)
        return ForwardingPermits(value, limit, self.release)

    def release(self) -> None:
        """Give a permit back: it goes to the first who waits, if there is one."""
        self._permits.release()

    def __exit__(
        self, typ: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(typ, value, traceback)  # Tornado's name of the parameter is another one than a lock's


class BoundedSemaphore(Semaphore):
    """A semaphore that cannot be released more often than it was acquired.

    Where permits stand for something of which there is only so much, one release too many is a bug:
    `release` raises ValueError then.
    """

    __module__ = "waterspout.locks"

    def __init__(self, value: int = 1) -> None:
        """Start with `value` permits, which is also the most there can be."""
        super().__init__(value)
        self._permits.limit = value

    def release(self) -> None:
        """Give a permit back; ValueError if all are back already."""
        self._permits.release()
