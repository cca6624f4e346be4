"""What a hub promises whichever server it is over: Redis, and NATS with JetStream."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from waterspout.pubsub import HubUnavailable, Lost, NatsHub, RedisHub, connect


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


@pytest.mark.parametrize("is_away", [False, True])
def test_what_is_being_published_when_the_hub_is_closed_ends_with_an_error_and_leaves_nothing(
    kind: Kind, server: Any, run: Any, until: Any, is_away: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        hub = kind.hub(server.url, patience=3600)
        await hub.open()
        last = await hub.publish("t", 1)
        waiting = asyncio.create_task(hub.poll("t", last.cursor))
        await until(lambda: hub.statistics()["waiting"] == 1)
        if is_away:
            server.kill()
        publishing = {asyncio.create_task(hub.publish("t", number, key=str(number))) for number in range(100)}
        await asyncio.sleep(0.3 if is_away else 0)
        await hub.close()
        ended = await asyncio.gather(*publishing, return_exceptions=True)
        errors = {str(each) for each in ended if isinstance(each, BaseException)}
        (said,) = errors or [""]
        assert said.startswith("could not publish on 't' to ") and said.endswith("closed before the answer came")
        assert not is_away or all(isinstance(each, HubUnavailable) for each in ended)
        waited = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(waited[0], asyncio.CancelledError | HubUnavailable | list)
        await until(lambda: asyncio.all_tasks() == before)
        if is_away:
            server.start()
        async with kind.hub(server.url) as other:  # what was acknowledged is there, and a repetition adds only the rest
            stored = await other.history("t", last.cursor)
            assert all(each in stored for each in ended if not isinstance(each, BaseException))
            for number in range(100):
                await other.publish("t", number, key=str(number))
            assert sorted(each.data for each in await other.history("t", last.cursor)) == list(range(100))

    run(main())
    assert "Traceback" not in caplog.text


def test_a_cursor_beyond_all_numbers_is_one_that_never_was(kind: Kind, server: Any, run: Any) -> None:
    async def main() -> None:
        async with kind.hub(server.url, patience=3600) as hub:
            await hub.publish("t", 1)
            for cursor in (2**63, 2**64 - 1, 2**64, 10**100):
                for read in (hub.history("t", cursor), hub.poll("t", cursor)):
                    with pytest.raises(Lost) as caught:
                        await read
                    assert caught.value.oldest == 1

    run(main())


def test_an_empty_key_is_a_key(kind: Kind, server: Any, run: Any) -> None:
    async def main() -> None:
        async with kind.hub(server.url) as hub:
            first = await hub.publish("t", 1, key="")
            assert first.key == "" and await hub.publish("t", 1, key="") == first
            assert await hub.history("t", 0) == [first]

    run(main())


def test_polls_that_went_before_their_topic_could_be_read_leave_no_traceback_in_the_log(
    kind: Kind, server: Any, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with kind.hub(server.url, patience=0.5) as hub:
            server.kill()
            assert await hub.poll("t", 0, timeout=0.1) == []
            (preparing,) = [each.ready for each in hub._mirrors.values()]
            await asyncio.wait([preparing])
            del preparing
        gc.collect()

    run(main())
    assert "never retrieved" not in caplog.text


@pytest.mark.parametrize(("scheme", "client"), [("redis", "redis-py"), ("nats", "nats-py")])
def test_without_the_client_the_error_names_the_extra(scheme: str, client: str) -> None:
    code = f"import sys; sys.modules['{scheme}'] = None\nfrom waterspout.pubsub import connect\nconnect('{scheme}://x')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    asked = f"ImportError: {scheme.capitalize()}Hub needs {client}: pip install 'waterspout-ioloop[{scheme}]'"
    assert asked in result.stderr
