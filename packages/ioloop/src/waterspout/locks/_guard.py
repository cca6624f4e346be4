"""Guard: what a lock and a semaphore have in common."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, NoReturn

from waterspout.concurrent import Future, ReadyFuture
from waterspout.locks._permits import Permits
from waterspout.locks._statistics import LockStatistics
from waterspout.locks._waiter import Deadline, waiting_in


class Guard:
    """Guards a block with permits: how they are taken and who waits. How they come back is for its subclasses."""

    _permits: Permits
    #: What `repr` says while a permit is free.
    _free_state: ClassVar[str]

    def acquire(self, timeout: Deadline = None) -> Future[Any]:
        """A Future of a permit (of a lock: of the lock); its result is a context manager that releases it.

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
        """Give a permit back."""
        raise NotImplementedError

    def statistics(self) -> LockStatistics:
        """How many permits are free (a lock has one) and how many wait for one, now."""
        permits = self._permits
        return LockStatistics(permits.free, waiting_in(permits.line))

    def __repr__(self) -> str:
        free, waiting = self.statistics()
        state = self._free_state.format(free) if free else "locked"
        if waiting:
            state += f",waiters:{waiting}"
        return f"<{object.__repr__(self)[1:-1]} [{state}]>"

    def __enter__(self) -> NoReturn:
        raise RuntimeError(f"Use `async with` instead of `with` for {type(self).__name__}")

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
            permits.free -= 1
        else:
            await permits.admit()

    async def __aexit__(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.release()
