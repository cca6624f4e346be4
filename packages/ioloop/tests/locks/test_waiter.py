"""The line that locks and queues share."""

import asyncio
from typing import Any

import pytest

from waterspout.locks._waiter import Line, Waiter, stand_in, waiting_in


class Counter:
    """Counts what comes back."""

    def __init__(self) -> None:
        self.back: list[Any] = []

    def give_back(self, waiter: Any, value: Any) -> None:
        self.back.append(value)


def test_the_first_who_still_waits_is_next(run: Any) -> None:
    async def main() -> None:
        line, owner = Line(), Counter()
        waiters = [stand_in(owner, line, None) for _ in range(4)]
        waiters[0].cancel()
        waiters[2].cancel()
        assert waiting_in(line) == 2
        assert line.next() is waiters[1]
        assert line.next() is waiters[3]
        assert line.next() is None
        assert waiting_in(line) == waiting_in(None) == 0

    run(main)


def test_a_waiter_that_a_stranger_completed_is_passed_over(run: Any) -> None:
    async def main() -> None:
        line, owner = Line(), Counter()
        stolen, honest = stand_in(owner, line, None), stand_in(owner, line, None)
        stolen.set_result("stolen")
        assert line.next() is honest
        with pytest.raises(asyncio.InvalidStateError):
            stolen.set_result("again")

    run(main)


def test_a_line_that_is_never_served_does_not_grow(run: Any) -> None:
    async def main() -> None:
        line, owner = Line(), Counter()
        first = stand_in(owner, line, None)
        for _ in range(500):
            stand_in(owner, line, None).cancel()
            stand_in(owner, line, 0).exception()
            task = asyncio.ensure_future(line.admit(owner))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        assert len(line) < 200
        assert line.next() is first

    run(main)


def test_what_was_handed_over_and_not_received_comes_back(run: Any) -> None:
    async def main() -> None:
        line, owner = Line(), Counter()
        waiter = stand_in(owner, line, None)
        tasks = [asyncio.ensure_future(_await(waiter)), asyncio.ensure_future(line.admit(owner))]
        await asyncio.sleep(0)
        for value, task in zip(("first", "second"), tasks, strict=True):
            served = line.next()
            assert served is not None
            served.set_result(value)
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        assert owner.back == ["first", "second"]

    run(main)


def test_a_task_cancelled_and_served_in_the_same_turn_is_passed_over(run: Any) -> None:
    async def main() -> None:
        line, owner = Line(), Counter()
        tasks = [asyncio.ensure_future(line.admit(owner)) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        served = line.next()
        assert served is not None
        served.set_result(None)
        await asyncio.wait(tasks)
        assert tasks[0].cancelled() and not tasks[1].cancelled()
        assert (waiting_in(line), owner.back) == (0, [])

    run(main)


async def _await(waiter: Waiter[Any]) -> Any:
    return await waiter
