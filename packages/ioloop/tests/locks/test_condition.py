"""Condition: wait until somebody says that something has changed."""

import asyncio
import datetime
from typing import Any

import pytest

from waterspout import gen
from waterspout.concurrent import Future
from waterspout.locks import Condition, LockStatistics


def test_waiters_are_notified_in_their_order(run: Any) -> None:
    async def main() -> None:
        condition = Condition()
        woken = []

        async def wait(number: int) -> None:
            assert await condition.wait() is True
            woken.append(number)

        tasks = [asyncio.ensure_future(wait(number)) for number in range(5)]
        await asyncio.sleep(0)
        condition.notify()
        assert woken == [], "notified waiters run in the next turn"
        await asyncio.sleep(0)
        assert woken == [0]
        condition.notify(2)
        await asyncio.sleep(0)
        assert woken == [0, 1, 2]
        condition.notify_all()
        await asyncio.gather(*tasks)
        assert woken == [0, 1, 2, 3, 4]
        condition.notify()
        condition.notify_all()
        assert not condition.wait().done(), "a notification is not kept for later"

    run(main)


def test_nobody_is_notified_by_a_number_of_zero(run: Any) -> None:
    async def main() -> None:
        condition = Condition()
        waiting = condition.wait()
        assert isinstance(waiting, Future)
        condition.notify(0)
        assert not waiting.done()

    run(main)


@pytest.mark.parametrize("timeout", [datetime.timedelta(milliseconds=2), 0, datetime.timedelta(0)])
def test_false_says_that_time_was_up(run: Any, timeout: Any) -> None:
    async def main() -> None:
        condition = Condition()
        assert await condition.wait(timeout) is False
        assert condition.statistics() == LockStatistics(0, 0)

    run(main)


def test_who_timed_out_takes_no_notification(run: Any) -> None:
    async def main() -> None:
        condition = Condition()
        short, long = condition.wait(datetime.timedelta(milliseconds=1)), condition.wait(datetime.timedelta(1))
        assert await short is False
        condition.notify()
        assert await long is True

    run(main)


def test_gen_coroutines_can_use_it(run: Any) -> None:
    async def main() -> None:
        condition = Condition()

        @gen.coroutine
        def wait() -> Any:
            return (yield condition.wait())

        waiting = wait()
        condition.notify()
        assert await waiting is True

    run(main)


def test_a_notification_that_a_cancelled_task_did_not_see_goes_to_the_next(run: Any) -> None:
    async def main() -> None:
        condition = Condition()

        async def wait() -> bool:
            return await condition.wait()

        first, second = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        condition.notify()
        first.cancel()
        assert await asyncio.wait_for(second, 1) is True
        assert first.cancelled()

    run(main)


def test_a_timeout_that_a_cancelled_task_did_not_see_is_no_notification(run: Any) -> None:
    async def main() -> None:
        condition = Condition()
        timed = condition.wait(datetime.timedelta(milliseconds=1))

        async def wait() -> bool:
            return await timed

        task = asyncio.ensure_future(wait())
        other = condition.wait()
        await asyncio.sleep(0)
        while not timed.done():  # noqa: ASYNC110 - the task must be cancelled in this very turn
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert not other.done()

    run(main)


def test_cancelled_at_any_await_no_waiter_stays(cancel_everywhere: Any) -> None:
    def scenario() -> Any:
        condition = Condition()

        async def wait() -> None:
            await condition.wait()

        async def notify() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            condition.notify_all()

        async def check() -> None:
            assert condition.statistics().waiting == 0

        return wait, [notify], check

    cancel_everywhere(scenario)


def test_its_state_is_shown(run: Any) -> None:
    async def main() -> None:
        condition = Condition()
        assert repr(condition) == "<Condition>"
        condition.wait()
        condition.wait().cancel()
        assert repr(condition) == "<Condition waiters[1]>"

    run(main)
