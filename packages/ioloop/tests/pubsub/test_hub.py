"""A hub in memory."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from waterspout.pubsub import Hub, Lost


def test_a_poll_gets_what_came_before_it_and_waits_for_what_comes_after(run: Any, data: Any) -> None:
    async def main() -> None:
        hub = Hub()
        hub.publish("t", "a")
        first = await hub.poll("t", 0)
        assert data(first) == ["a"]
        waiting = asyncio.create_task(hub.poll("t", first[-1].cursor))
        await asyncio.sleep(0)
        assert hub.statistics() == {"topics": 1, "waiting": 1}
        hub.publish("other", "not this")
        hub.publish("t", "b")
        hub.publish("t", "c")
        assert data(await waiting) == ["b", "c"]

    run(main())


def test_a_poll_that_nothing_happens_in_is_empty_and_leaves_nobody_waiting(run: Any) -> None:
    async def main() -> None:
        hub = Hub()
        assert await hub.poll("t", 0, timeout=0.01) == []
        polls = [asyncio.create_task(hub.poll("t", 0)) for _ in range(10)]
        await asyncio.sleep(0)
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        assert hub.statistics()["waiting"] == 0

    run(main())


def test_polls_at_random_times_see_every_message_once_and_in_order(run: Any) -> None:
    async def main() -> None:
        hub, chance = Hub(keep=500), random.Random(1)
        seen: list[list[int]] = [[] for _ in range(20)]

        async def reader(mine: list[int]) -> None:
            cursor = 0
            while len(mine) < 300:
                for message in await hub.poll("t", cursor):
                    cursor = message.cursor
                    mine.append(message.data)
                for _ in range(chance.randrange(5)):
                    await asyncio.sleep(0)

        readers = [asyncio.create_task(reader(mine)) for mine in seen]
        for number in range(300):
            hub.publish("t", number)
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        await asyncio.gather(*readers)
        assert all(mine == list(range(300)) for mine in seen)

    run(main())


def test_what_is_no_longer_kept_is_an_error_that_says_where_to_go_on(data: Any) -> None:
    hub = Hub(keep=3)
    for number in range(5):
        hub.publish("t", number)
    assert data(hub.history("t", 2)) == [2, 3, 4]
    with pytest.raises(Lost) as caught:
        hub.history("t", 1)
    assert caught.value.oldest == 2 and data(hub.history("t", caught.value.oldest)) == [2, 3, 4]
    with pytest.raises(Lost) as caught:  # a cursor from before a restart
        hub.history("t", 6)
    assert caught.value.oldest == 2


def test_a_repeated_key_publishes_once_while_it_is_kept() -> None:
    hub = Hub(keep=2)
    first = hub.publish("t", "a", key="k")
    assert hub.publish("t", "again", key="k") is first and hub.cursor("t") == 1
    hub.publish("t", "b")
    hub.publish("t", "c")
    assert hub.publish("t", "new", key="k").cursor == 4


def test_subscribe_iterates_from_now_or_from_a_cursor(run: Any) -> None:
    async def main() -> None:
        hub = Hub()
        hub.publish("t", "before")

        async def take(count: int, after: int | None) -> list[Any]:
            got: list[Any] = []
            async for message in hub.subscribe("t", after):
                got.append(message.data)
                if len(got) == count:
                    break
            return got

        now, all_of_them = asyncio.create_task(take(2, None)), asyncio.create_task(take(3, 0))
        await asyncio.sleep(0)
        hub.publish("t", 1)
        await asyncio.sleep(0)
        hub.publish("t", 2)
        assert await now == [1, 2] and await all_of_them == ["before", 1, 2]

    run(main())


def test_topics_are_bounded_and_those_waited_for_stay(run: Any, data: Any) -> None:
    async def main() -> None:
        hub = Hub(topics=2)
        waiting = asyncio.create_task(hub.poll("waited", 0))
        await asyncio.sleep(0)
        for number in range(5):
            hub.publish(f"t{number}", number)
        assert hub.statistics() == {"topics": 2, "waiting": 1}
        hub.publish("waited", "x")
        assert data(await waiting) == ["x"]

    run(main())
    with pytest.raises(ValueError):
        Hub(keep=0)


def test_a_cursor_of_a_topic_that_went_is_never_taken_for_one_of_its_successor():
    hub = Hub(topics=1)
    for number in range(3):
        seen = hub.publish("a", number).cursor
    hub.publish("b", "takes the place of a")
    for number in range(5):
        hub.publish("a", f"new {number}")
    with pytest.raises(Lost) as lost:
        hub.history("a", seen)  # messages 1 to 3 of the new topic would be missing
    assert [message.data for message in hub.history("a", lost.value.oldest)] == [f"new {n}" for n in range(5)]


def test_a_new_topic_gives_all_it_has_to_whoever_asks_for_its_cursor_first():
    hub = Hub(topics=1)
    hub.publish("a", 1)
    hub.publish("a", 2)
    cursor = hub.cursor("b")
    hub.publish("b", 3)
    assert [message.data for message in hub.history("b", cursor)] == [3]


def test_as_long_as_no_topic_went_each_begins_with_one():
    hub = Hub(topics=3)
    assert [hub.publish(name, 0).cursor for name in "aabbc"] == [1, 2, 1, 2, 1]
    assert len(hub.history("b", 0)) == 2
