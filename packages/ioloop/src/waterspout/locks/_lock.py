"""Lock: one at a time."""

from __future__ import annotations

from types import TracebackType
from typing import Any, NoReturn

from waterspout.concurrent import Future, ReadyFuture
from waterspout.locks._permits import ForwardingPermits, Permits
from waterspout.locks._statistics import LockStatistics
from waterspout.locks._waiter import Deadline, waiting_in


class Lock:
    """A lock for coroutines: whoever acquires it has it alone.

        async with lock:
            ...

    Waiters get it in the order in which they asked. It is not tied to the task that acquired it:
    any may release it. In a `gen.coroutine`, and for timeouts, `acquire` gives a context manager:
    ``with (yield lock.acquire()):``.
    """

    __module__ = "waterspout.locks"

    def __init__(self) -> None:
        if type(self).release is Lock.release:
            self._permits = Permits(1, 1)
        else:
            self._permits = ForwardingPermits(1, 1, self.release)

    def acquire(self, timeout: Deadline = None) -> Future[Any]:
        """A Future of the lock; its result is a context manager that releases it.

        Waits while somebody has it. After `timeout` (a time as of `IOLoop.time`, or a timedelta) it
        raises TimeoutError; a timeout that has passed already takes the free lock, or fails, at once.
        Call `release` in the end, or use the context manager. Who is cancelled does not have it.
        """
        permits = self._permits
        if permits.free:
            permits.free = 0
            return ReadyFuture(permits)
        return permits.wait(timeout)

    def release(self) -> None:
        """Unlock: the first who waits has it then. RuntimeError if it is not locked."""
        permits = self._permits
        if permits.free:
            raise RuntimeError("release unlocked lock")
        if permits.line:
            permits.release()
        else:
            permits.free = 1

    def statistics(self) -> LockStatistics:
        """Whether it is free (1 or 0) and how many wait for it, now."""
        permits = self._permits
        return LockStatistics(permits.free, waiting_in(permits.line))

    def __repr__(self) -> str:
        free, waiting = self.statistics()
        state = "unlocked" if free else "locked"
        if waiting:
            state += f",waiters:{waiting}"
        return f"<{object.__repr__(self)[1:-1]} [{state}]>"

    def __enter__(self) -> NoReturn:
        raise RuntimeError("Use `async with` instead of `with` for Lock")

    def __exit__(self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
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
            permits.free = 0
        else:
            await permits.admit()

    async def __aexit__(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.release()
