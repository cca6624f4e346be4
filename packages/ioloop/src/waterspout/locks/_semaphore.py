"""Semaphore and BoundedSemaphore: so many at a time."""

from __future__ import annotations

from math import inf
from types import TracebackType
from typing import Any, NoReturn

from waterspout.concurrent import Future, ReadyFuture
from waterspout.locks._permits import ForwardingPermits, Permits
from waterspout.locks._statistics import LockStatistics
from waterspout.locks._waiter import Deadline, waiting_in


class Semaphore:
    """A lock that `value` users can hold at once.

        async with semaphore:
            ...

    Waiters get it in the order in which they asked. `acquire` also gives a context manager, for
    ``with await semaphore.acquire():``.
    """

    __module__ = "waterspout.locks"

    def __init__(self, value: int = 1) -> None:
        """Start with `value` permits; ValueError if that is negative."""
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._permits = self._make_permits(value, inf)

    def _make_permits(self, value: int, limit: float) -> Permits:
        if type(self).release in (Semaphore.release, BoundedSemaphore.release):
            return Permits(value, limit)
        return ForwardingPermits(value, limit, self.release)

    def acquire(self, timeout: Deadline = None) -> Future[Any]:
        """A Future of a permit; its result is a context manager that releases it.

        Waits while there is none. After `timeout` (a time as of `IOLoop.time`, or a timedelta) it
        raises TimeoutError; a timeout that has passed already takes what is free, or fails, at once.
        Call `release` for each permit, or use the context manager. Who is cancelled has none.
        """
        permits = self._permits
        if permits.free:
            permits.free -= 1
            return ReadyFuture(permits)
        return permits.wait(timeout)

    def release(self) -> None:
        """Give a permit back: it goes to the first who waits, if there is one."""
        self._permits.release()

    def statistics(self) -> LockStatistics:
        """How many permits are free and how many wait for one, now."""
        permits = self._permits
        return LockStatistics(permits.free, waiting_in(permits.line))

    def __repr__(self) -> str:
        free, waiting = self.statistics()
        state = f"unlocked,value:{free}" if free else "locked"
        if waiting:
            state += f",waiters:{waiting}"
        return f"<{object.__repr__(self)[1:-1]} [{state}]>"

    def __enter__(self) -> NoReturn:
        raise RuntimeError("Use 'async with' instead of 'with' for Semaphore")

    def __exit__(
        self, typ: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__enter__()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "acquire" in vars(cls) and "__aenter__" not in vars(cls):
            cls.__aenter__ = cls._enter_by_acquire  # type: ignore[method-assign]

    async def _enter_by_acquire(self) -> None:
        await self.acquire()

    async def __aenter__(self) -> None:
        # What `acquire` does, without a future; subclasses that redefine that get the one above.
        permits = self._permits
        if permits.free:
            permits.free -= 1
        else:
            await permits.admit()

    async def __aexit__(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.release()


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
