"""Lock: one at a time."""

import asyncio
import datetime
import gc
import weakref
from typing import Any

import pytest

from waterspout import gen
from waterspout.concurrent import Future
from waterspout.ioloop import IOLoop
from waterspout.locks import Lock, LockStatistics

SOON = datetime.timedelta(milliseconds=2)


def test_it_is_had_alone_and_in_the_order_of_asking(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        inside = 0
        order = []

        async def use(number: int) -> None:
            nonlocal inside
            async with lock:
                inside += 1
                assert inside == 1
                order.append(number)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(use(number) for number in range(10)))
        assert order == list(range(10))
        assert lock.statistics() == LockStatistics(1, 0)

    run(main)


def test_acquire_returns_a_future_that_is_done_if_the_lock_is_free(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        first, second, third = lock.acquire(), lock.acquire(), lock.acquire()
        assert all(isinstance(each, Future) for each in (first, second, third))
        assert [each.done() for each in (first, second, third)] == [True, False, False]
        lock.release()
        assert [each.done() for each in (second, third)] == [True, False]
        await second
        lock.release()
        await third
        lock.release()
        assert lock.acquire().done()

    run(main)


def test_the_result_of_acquire_releases_at_the_end_of_a_block(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        with await lock.acquire():
            assert lock.statistics().free == 0
        waiting = lock.acquire(), lock.acquire()
        with pytest.raises(KeyError), await waiting[0]:
            raise KeyError
        with await waiting[1]:
            assert lock.statistics().free == 0
        assert lock.statistics().free == 1

    run(main)


def test_gen_coroutines_can_use_it(run: Any) -> None:
    lock = Lock()
    order = []

    @gen.coroutine
    def use(number: int) -> Any:
        with (yield lock.acquire()):
            order.append(number)
            yield None
            order.append(number)

    async def main() -> None:
        await gen.multi([use(1), use(2)])

    run(main)
    assert order == [1, 1, 2, 2]


def test_who_comes_later_does_not_pass_who_waits(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        waiting = lock.acquire()
        lock.release()
        late = lock.acquire()
        assert waiting.done() and not late.done()

    run(main)


@pytest.mark.parametrize("timeout", [SOON, datetime.timedelta(0), 0, 1.0])
def test_waiting_ends_with_the_timeout(run: Any, timeout: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        with pytest.raises(TimeoutError):
            await lock.acquire(timeout)
        assert lock.statistics() == LockStatistics(0, 0)
        lock.release()
        await lock.acquire(timeout)

    run(main)


def test_a_timeout_that_has_passed_decides_at_once(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        assert lock.acquire(timeout=0).done()
        late = lock.acquire(timeout=0)
        assert isinstance(late.exception(), TimeoutError)

    run(main)


def test_absolute_timeouts_are_on_the_scale_of_the_loop(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        with pytest.raises(TimeoutError):
            await lock.acquire(IOLoop.current().time() + 0.002)
        waiting = lock.acquire(IOLoop.current().time() + 30)
        lock.release()
        await waiting

    run(main)


def test_timers_end_with_the_waiting(run: Any) -> None:
    async def main() -> None:
        scheduled: Any = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]

        def timers() -> int:
            return sum(not handle.cancelled() for handle in scheduled)

        before = timers()
        lock = Lock()
        await lock.acquire()
        served, cancelled = lock.acquire(datetime.timedelta(30)), lock.acquire(datetime.timedelta(30))
        assert timers() == before + 2
        cancelled.cancel()
        lock.release()
        await served
        assert timers() == before

    run(main)


def test_a_deadline_of_another_kind_is_a_type_error(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        with pytest.raises(TypeError, match="Unsupported deadline 'soon'"):
            lock.acquire("soon")  # type: ignore[arg-type]
        assert lock.statistics().waiting == 0

    run(main)


def test_waiters_that_timed_out_are_passed_over(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        short, long = lock.acquire(SOON), lock.acquire()
        with pytest.raises(TimeoutError):
            await short
        lock.release()
        assert long.done()

    run(main)


def test_releasing_an_unlocked_lock_is_an_error() -> None:
    lock = Lock()
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        lock.release()


def test_its_state_is_shown(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        assert repr(lock).endswith("[unlocked]>")
        await lock.acquire()
        assert repr(lock).endswith("[locked]>")
        waiting = lock.acquire()
        assert repr(lock).endswith("[locked,waiters:1]>")
        waiting.cancel()
        assert repr(lock).endswith("[locked]>")

    run(main)


@pytest.mark.parametrize("way", ["async with", "acquire", "timeout"])
@pytest.mark.parametrize("others", [1, 3])
def test_cancelled_at_any_await_the_lock_stays_consistent(cancel_everywhere: Any, way: str, others: int) -> None:
    def scenario() -> Any:
        lock = Lock()
        done = []

        async def use() -> None:
            if way == "async with":
                async with lock:
                    await asyncio.sleep(0)
                return
            with await lock.acquire(datetime.timedelta(1) if way == "timeout" else None):
                await asyncio.sleep(0)

        async def other() -> None:
            await use()
            done.append(1)

        async def check() -> None:
            assert len(done) == others
            assert lock.statistics() == LockStatistics(1, 0)
            await use()

        return use, [other] * others, check

    cancel_everywhere(scenario)


def test_a_lock_handed_to_a_task_that_is_cancelled_goes_to_the_next(run: Any) -> None:
    async def main() -> None:
        for acquire in (Lock.acquire, Lock.__aenter__):
            lock = Lock()
            await lock.acquire()

            async def wait(acquire: Any = acquire, lock: Lock = lock) -> None:
                await acquire(lock)

            first, second = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
            await asyncio.sleep(0)
            lock.release()
            first.cancel()
            await asyncio.wait({first, second}, timeout=1)
            assert first.cancelled()
            assert second.done() and not second.cancelled()

    run(main)


def test_a_future_that_two_tasks_await_is_not_taken_back(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        future = lock.acquire()

        async def wait() -> None:
            await future

        first, second = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        lock.release()
        first.cancel()
        await asyncio.wait({first, second})
        assert not second.cancelled()
        assert lock.statistics().free == 0, "the second task has it"

    run(main)


def test_a_future_whose_lock_was_taken_back_is_cancelled(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        future = lock.acquire()

        async def wait() -> None:
            await future

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        lock.release()
        task.cancel()
        await asyncio.wait({task})
        assert future.cancelled()
        assert lock.statistics().free == 1

    run(main)


def test_wait_for_and_wait_can_be_used(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await asyncio.wait_for(lock.acquire(), 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lock.acquire(), 0.001)
        assert lock.statistics().waiting == 0
        waiting = lock.acquire()
        done, pending = await asyncio.wait({waiting}, timeout=0.001)
        assert pending == {waiting}
        lock.release()
        done, pending = await asyncio.wait({waiting}, timeout=1)
        assert done == {waiting}

    run(main)


def test_many_waiters_that_give_up_leave_no_trace(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        await lock.acquire()
        waiting = lock.acquire()
        for _ in range(1000):
            lock.acquire().cancel()
        line = lock._permits.line
        assert line is not None and len(line) < 100
        assert lock.statistics().waiting == 1
        lock.release()
        assert waiting.done()

    run(main)


def test_it_is_freed_without_the_collector(run: Any) -> None:
    async def main() -> None:
        lock = Lock()
        with await lock.acquire():
            waiting = lock.acquire()
        with await waiting:
            pass
        reference = weakref.ref(lock)
        gc.disable()
        try:
            del lock, waiting
            assert reference() is None
        finally:
            gc.enable()

    run(main)


def test_it_may_be_made_without_a_loop_and_used_on_several_in_turn() -> None:
    lock = Lock()

    async def main() -> None:
        async with lock:
            task = asyncio.ensure_future(_use(lock))
            await asyncio.sleep(0)
        await task

    for _ in range(2):
        asyncio.run(main())


async def _use(lock: Lock) -> None:
    async with lock:
        pass
