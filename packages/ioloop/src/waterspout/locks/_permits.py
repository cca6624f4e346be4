"""Permits: what Lock and Semaphore have in common.

A semaphore and the context manager that its `acquire` gives are two objects that both must reach
the count. Neither may hold the other (that would be a cycle, left to the garbage collector), nor
should one be made for each acquire; so both are views of this third one, and it is the context
manager itself.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from waterspout.locks._waiter import Deadline, Line, Waiter, stand_in


class Permits:
    """A number of permits, at most `limit`, and the line of those who wait for one.

    As a context manager it releases one permit at the end of the block. There is a line only while
    `free` is 0: a permit that comes back goes to the first in line, past everybody who asks later.
    """

    __slots__ = ("__weakref__", "free", "limit", "line")

    def __init__(self, free: int, limit: float) -> None:
        self.free = free
        self.limit = limit
        # Most locks are never waited for; an empty line is larger than all the rest.
        self.line: Line | None = None

    def wait(self, timeout: Deadline) -> Waiter[Permits]:
        """A future of a permit, standing in line for it."""
        if self.line is None:
            self.line = Line()
        return stand_in(self, self.line, timeout)

    def admit(self) -> Coroutine[Any, Any, None]:
        """The same for a task of which only the waiting is needed."""
        if self.line is None:
            self.line = Line()
        return self.line.admit(self)

    def release(self) -> None:
        """Hand a permit to the first in line, or count it; ValueError if there are `limit` already."""
        if self.line:
            waiter = self.line.next()
            if waiter is not None:
                waiter.set_result(self)
                return
        if self.free >= self.limit:
            raise ValueError("Semaphore released too many times")
        self.free += 1

    def give_back(self, waiter: Any, value: Any) -> None:
        """A permit was handed to a task that was cancelled before it ran."""
        self.release()

    def __enter__(self) -> None:
        return None

    def __exit__(self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


class ForwardingPermits(Permits):
    """Permits whose blocks end with the `release` method that a subclass of the lock has redefined."""

    __slots__ = ("_release",)

    def __init__(self, free: int, limit: float, release: Callable[[], None]) -> None:
        super().__init__(free, limit)
        self._release = release

    def __exit__(self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._release()
