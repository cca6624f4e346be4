"""How many topics are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import pytest

from waterspout.pubsub import Hub
from waterspout.pubsub._bounded import LOOKS, make_room
from waterspout.pubsub._topic import Topic


def test_what_is_unused_goes_first_come_first_served_and_what_is_used_goes_behind_it() -> None:
    topics = OrderedDict((name, name) for name in "abcdef")
    assert make_room(topics, 3, lambda name: name in "ac") == ["b", "d", "e", "f"]
    assert list(topics) == ["a", "c"]
    assert make_room(topics, 3, lambda name: False) == []


def test_it_is_not_looked_at_all_of_those_that_are_waited_for() -> None:
    topics = OrderedDict((str(number), number) for number in range(1000))
    looked: list[int] = []
    for _ in range(2):
        assert make_room(topics, 10, lambda number: looked.append(number) or 1) == []  # type: ignore[func-returns-value]
    assert looked == list(range(2 * LOOKS)) and len(topics) == 1000


def test_a_hub_with_more_waited_topics_than_it_may_have_stays_quick_and_shrinks_when_they_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    waiting = Topic.waiting.fget
    assert waiting is not None

    def counted(topic: Topic) -> int:
        nonlocal looks
        looks += 1
        return int(waiting(topic))

    monkeypatch.setattr(Topic, "waiting", property(counted))

    async def main() -> None:
        hub = Hub(topics=10)
        polls = [asyncio.create_task(hub.poll(str(number), 0)) for number in range(1000)]
        await asyncio.sleep(0)
        assert looks <= LOOKS * 1000 and len(hub._topics) == 1000
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        for number in range(1000 // LOOKS + 1):
            hub.publish(f"new {number}", number)
        assert hub.statistics() == {"topics": 10, "waiting": 0}

    asyncio.run(main())
