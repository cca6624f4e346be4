"""Semaphore and BoundedSemaphore: so many at a time."""

import asyncio
import datetime
from typing import Any

import pytest

from waterspout import gen
from waterspout.locks import BoundedSemaphore, LockStatistics, Semaphore

both = pytest.mark.parametrize("make", [Semaphore, BoundedSemaphore])


@both
def test_as_many_as_there_are_permits_are_inside(run: Any, make: type[Semaphore]) -> None:
    async def main() -> None:
        semaphore = make(3)
        inside = most = 0
        order = []

        async def use(number: int) -> None:
            nonlocal inside, most
            async with semaphore:
                order.append(number)
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(use(number) for number in range(10)))
        assert most == 3
        assert order == list(range(10))
        assert semaphore.statistics() == LockStatistics(3, 0)

    run(main)


@both
def test_permits_are_futures_whose_result_releases(run: Any, make: type[Semaphore]) -> None:
    async def main() -> None:
        semaphore = make(2)
        first, second, third = semaphore.acquire(), semaphore.acquire(), semaphore.acquire()
        assert [each.done() for each in (first, second, third)] == [True, True, False]
        with await second:
            assert not third.done()
        with await third, await first:
            assert semaphore.statistics().free == 0
        assert semaphore.statistics().free == 2

    run(main)


def test_gen_coroutines_can_use_it(run: Any) -> None:
    async def main() -> None:
        semaphore = Semaphore(1)

        @gen.coroutine
        def use() -> Any:
            with (yield semaphore.acquire()):
                yield None
                return semaphore.statistics().free

        assert await gen.multi([use(), use()]) == [0, 0]
        assert semaphore.statistics().free == 1

    run(main)


def test_a_semaphore_may_be_released_more_often_than_acquired() -> None:
    semaphore = Semaphore(0)
    semaphore.release()
    semaphore.release()
    assert semaphore.statistics().free == 2


def test_a_bounded_semaphore_may_not() -> None:
    semaphore = BoundedSemaphore(1)
    with pytest.raises(ValueError, match="released too many times"):
        semaphore.release()
    assert semaphore.acquire().done()
    semaphore.release()
    with pytest.raises(ValueError, match="released too many times"):
        semaphore.release()


@both
def test_permits_cannot_be_negative(make: type[Semaphore]) -> None:
    with pytest.raises(ValueError, match="must be >= 0"):
        make(-1)


@both
@pytest.mark.parametrize("timeout", [datetime.timedelta(milliseconds=2), 0])
def test_waiting_ends_with_the_timeout(run: Any, make: type[Semaphore], timeout: Any) -> None:
    async def main() -> None:
        semaphore = make(1)
        await semaphore.acquire(timeout)
        with pytest.raises(TimeoutError):
            await semaphore.acquire(timeout)
        semaphore.release()
        assert semaphore.statistics() == LockStatistics(1, 0)

    run(main)


@both
def test_its_state_is_shown(run: Any, make: type[Semaphore]) -> None:
    async def main() -> None:
        semaphore = make(2)
        assert repr(semaphore).endswith(" [unlocked,value:2]>")
        assert f"{make.__name__} object at" in repr(semaphore)
        for _ in range(4):
            semaphore.acquire()
        assert repr(semaphore).endswith(" [locked,waiters:2]>")

    run(main)


@both
@pytest.mark.parametrize("with_block", [True, False])
def test_cancelled_at_any_await_no_permit_is_lost(
    cancel_everywhere: Any, make: type[Semaphore], with_block: bool
) -> None:
    def scenario() -> Any:
        semaphore = make(2)
        done = []

        async def use() -> None:
            if with_block:
                async with semaphore:
                    await asyncio.sleep(0)
                return
            await semaphore.acquire()
            try:
                await asyncio.sleep(0)
            finally:
                semaphore.release()

        async def other() -> None:
            await use()
            done.append(1)

        async def check() -> None:
            assert len(done) == 5
            assert semaphore.statistics() == LockStatistics(2, 0)

        return use, [other] * 5, check

    cancel_everywhere(scenario)
