"""Lock: one at a time."""

from __future__ import annotations

from waterspout.locks._guard import Guard
from waterspout.locks._permits import ForwardingPermits, Permits


class Lock(Guard):
    """A lock for coroutines: whoever acquires it has it alone.

        async with lock:
            ...

    Waiters get it in the order in which they asked. It is not tied to the task that acquired it:
    any may release it. In a `gen.coroutine`, and for timeouts, `acquire` gives a context manager:
    ``with (yield lock.acquire()):``.
    """

    __module__ = "waterspout.locks"

    _free_state = "unlocked"

    def __init__(self) -> None:
        if type(self).release is Lock.release:
            self._permits = Permits(1, 1)
        else:
            self._permits = ForwardingPermits(1, 1, self.release)

    def release(self) -> None:
        """Unlock: the first who waits has it then. RuntimeError if it is not locked."""
        permits = self._permits
        if permits.free:
            raise RuntimeError("release unlocked lock")
        if permits.line:
            permits.release()
        else:
            permits.free = 1
