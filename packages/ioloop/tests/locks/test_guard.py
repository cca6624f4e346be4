"""What locks and semaphores have in common."""

from typing import Any

import pytest

from waterspout.locks import BoundedSemaphore, Lock, Semaphore

Guards = type[Lock] | type[Semaphore]
each = pytest.mark.parametrize("make", [Lock, Semaphore, BoundedSemaphore])


@each
def test_a_plain_with_is_refused(make: Guards) -> None:
    guard = make()
    with pytest.raises(RuntimeError, match=f"Use `async with` instead of `with` for {make.__name__}$"), guard:
        raise AssertionError("the block was entered")
    with pytest.raises(RuntimeError, match="async with"):
        guard.__exit__(None, None, None)


@each
def test_subclasses_may_redefine_acquire_and_release(run: Any, make: Any) -> None:
    class Counting(make):
        acquired = released = 0

        def acquire(self, timeout: Any = None) -> Any:
            self.acquired += 1
            return super().acquire(timeout)

        def release(self) -> None:
            self.released += 1
            super().release()

    async def main() -> None:
        guard = Counting()
        async with guard:
            waiting = guard.acquire()
        with await waiting:
            pass
        assert (guard.acquired, guard.released) == (2, 2)
        assert guard.statistics().free == 1

    run(main)
