"""What a hub promises whichever server it is over: Redis, and NATS with JetStream."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from waterspout.pubsub import Lost, NatsHub, RedisHub, connect


@dataclass(frozen=True)
class Kind:
    """A hub's class, and how much of the test with kills its server gets done in seconds."""

    hub: type[NatsHub] | type[RedisHub]
    few: dict[str, int]  # keeps three messages
    messages: int
    readers: int
    killed_after: tuple[int, ...]


KINDS = {
    "redis": Kind(RedisHub, {"keep": 3}, messages=300, readers=20, killed_after=(50, 150, 250)),
    "nats": Kind(NatsHub, {"keep": 3, "keys": 3}, messages=150, readers=10, killed_after=(40, 100)),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def server(kind: Kind, request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("redis_server" if kind.hub is RedisHub else "nats_server")


def test_a_poll_gets_what_came_before_it_and_waits_for_what_comes_from_another_process(
    kind: Kind, server: Any, run: Any, until: Any
) -> None:
    async def main() -> None:
        async with kind.hub(server.url) as hub, connect(server.url) as other:
            topic = "a topic. with *> dots"
            first = await other.publish(topic, {"text": "a"})
            assert first.cursor == 1 and first.key
            assert await hub.poll(topic, 0) == [first]
            waiting = [asyncio.create_task(hub.poll(topic, 1)) for _ in range(50)]
            await until(lambda: hub.statistics() == {"topics": 1, "waiting": 50})
            await other.publish("not this", 1)
            second = await other.publish(topic, "b", key="k")
            assert await asyncio.gather(*waiting) == [[second]] * 50
            assert hub.statistics()["waiting"] == 0
            # Redis counts in each topic, NATS in all of them.
            assert second.cursor == (2 if kind.hub is RedisHub else 3)
            assert await hub.poll(topic, second.cursor, timeout=0.05) == []
            assert await hub.history(topic, 0) == [first, second]
            assert await hub.cursor(topic) == second.cursor and await hub.cursor("empty") == 0

    run(main())


def test_what_is_no_longer_kept_or_never_was_is_an_error_that_says_where_to_go_on(
    kind: Kind, server: Any, run: Any, data: Any
) -> None:
    async def main() -> None:
        async with kind.hub(server.url, **kind.few) as hub:
            cursors = [(await hub.publish("t", number)).cursor for number in range(5)]
            for cursor in (cursors[0], 0, -1):
                with pytest.raises(Lost) as caught:
                    await hub.history("t", cursor)
                assert caught.value.oldest == cursors[1]
            assert data(await hub.poll("t", cursors[1])) == [2, 3, 4]
            for cursor in (cursors[4] + 1, 1000):  # from before all was lost
                with pytest.raises(Lost) as caught:
                    await hub.poll("t", cursor)
                assert caught.value.oldest == cursors[4]

    run(main())


def test_what_was_acknowledged_is_there_once_after_the_server_was_killed_and_restarted(
    kind: Kind, server: Any, run: Any, data: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # that connections are lost is the test

    async def main() -> None:
        async with kind.hub(server.url) as hub, kind.hub(server.url) as other:
            acknowledged: list[int] = []

            async def publish() -> None:
                for number in range(kind.messages):
                    await other.publish("t", number, key=f"k{number}")
                    acknowledged.append(number)

            async def read() -> list[Any]:
                got = []
                async for message in hub.subscribe("t", 0):
                    got.append(message.data)
                    if len(got) == kind.messages:
                        return got
                raise AssertionError

            readers = [asyncio.create_task(read()) for _ in range(kind.readers)]
            publishing = asyncio.create_task(publish())
            for killed_after in kind.killed_after:
                await until(lambda enough=killed_after: len(acknowledged) >= enough)
                server.kill()
                before = len(acknowledged)
                await asyncio.sleep(0.1)
                assert len(acknowledged) <= before + 1
                server.start()
                assert data(await hub.history("t", 0))[:before] == list(range(before))
            await publishing
            assert await asyncio.gather(*readers) == [list(range(kind.messages))] * kind.readers

    run(main())


@pytest.mark.parametrize(("scheme", "client"), [("redis", "redis-py"), ("nats", "nats-py")])
def test_without_the_client_the_error_names_the_extra(scheme: str, client: str) -> None:
    code = f"import sys; sys.modules['{scheme}'] = None\nfrom waterspout.pubsub import connect\nconnect('{scheme}://x')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    asked = f"ImportError: {scheme.capitalize()}Hub needs {client}: pip install 'waterspout-ioloop[{scheme}]'"
    assert asked in result.stderr
