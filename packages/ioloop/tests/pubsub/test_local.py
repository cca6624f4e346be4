"""The hub in memory behind the interface of shared hubs, and what an address stands for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from waterspout.pubsub import LocalHub, Lost, SharedHub, connect


def test_it_publishes_polls_and_subscribes_as_the_others_do() -> None:
    async def main() -> None:
        async with connect("memory:", keep=2) as hub:
            assert isinstance(hub, SharedHub) and isinstance(hub, LocalHub)
            waiting = asyncio.create_task(hub.poll("t", 0))
            await asyncio.sleep(0)
            assert hub.statistics() == {"topics": 1, "waiting": 1}
            first = await hub.publish("t", 1, key="k")
            assert await hub.publish("t", "again", key="k") == first
            assert await waiting == [first]
            got: list[Any] = []
            async for message in hub.subscribe("t", 0):
                got.append(message.data)
                if len(got) == 2:
                    break
                await hub.publish("t", 2)
            assert got == [1, 2] and await hub.cursor("t") == 2
            await hub.publish("t", 3)
            with pytest.raises(Lost):
                await hub.history("t", 0)

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("url", ["", "amqp://x", "localhost:6379"])
def test_an_address_that_stands_for_nothing_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no hub for"):
        connect(url)
