"""Queues with another order than first in first out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.queues import LifoQueue, PriorityQueue


@given(st.lists(st.integers()))
def test_the_smallest_item_comes_first(items: list[int]) -> None:
    queue: PriorityQueue[int] = PriorityQueue()
    for item in items:
        queue.put_nowait(item)
    assert [queue.get_nowait() for _ in items] == sorted(items)


def test_priorities_come_with_data(run: Any) -> None:
    async def main() -> None:
        queue: PriorityQueue[tuple[int, str]] = PriorityQueue(maxsize=2)
        for item in ((1, "middle"), (2, "late")):
            await queue.put(item)
        putter = queue.put((0, "first"))
        assert await queue.get() == (0, "first"), "one who waits for room takes part"
        await putter
        assert [await queue.get(), await queue.get()] == [(1, "middle"), (2, "late")]

    run(main)


def test_the_last_item_comes_first(run: Any) -> None:
    async def main() -> None:
        queue: LifoQueue[int] = LifoQueue()
        for item in (3, 1, 2):
            await queue.put(item)
        assert [await queue.get() for _ in range(3)] == [2, 1, 3]

    run(main)


class Incomparable:
    pass


@pytest.mark.parametrize("before", [1, 2, 3, 7, 20])
def test_an_item_that_does_not_compare_is_left_out(before: int) -> None:
    queue: PriorityQueue[Any] = PriorityQueue()
    for item in range(before):
        queue.put_nowait(item)
    with pytest.raises(TypeError):
        queue.put_nowait(Incomparable())
    assert queue.statistics()[0::4] == (before, before)
    assert [queue.get_nowait() for _ in range(before)] == list(range(before))


def test_an_item_that_stops_comparing_halfway_up_is_left_out() -> None:
    class Tired:
        """Less than anything, but only a certain number of times."""

        def __init__(self, times: int) -> None:
            self.times = times

        def __lt__(self, other: object) -> bool:
            self.times -= 1
            if self.times < 0:
                raise TypeError("too tired to compare")
            return True

    for times in range(4):
        queue: PriorityQueue[Any] = PriorityQueue()
        for item in (0, 8, 1, 12, 9, 2, 3, 14, 13, 11, 10, 4, 5, 6, 7):
            queue.put_nowait(item)
        with pytest.raises(TypeError, match="too tired"):
            queue.put_nowait(Tired(times))
        assert queue.qsize() == 15
        assert [queue.get_nowait() for _ in range(15)] == list(range(15))
