"""A hub over a real NATS server with JetStream."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.pubsub import HubUnavailable, Lost, Message, NatsHub, connect


def run(test: Any) -> Any:
    return asyncio.run(asyncio.wait_for(test, 120))


def data(messages: list[Message]) -> list[Any]:
    return [message.data for message in messages]


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 -- what it waits for are counters, not something that tells
        await asyncio.sleep(0.002)


def test_a_poll_gets_what_came_before_it_and_waits_for_what_comes_from_another_process(nats_server: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub, connect(nats_server.url) as other:
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
            assert await hub.poll(topic, second.cursor, timeout=0.05) == []
            assert await hub.history(topic, 0) == [first, second]
            assert await hub.cursor(topic) == second.cursor and await hub.cursor("empty") == 0

    run(main())


def test_a_repeated_key_publishes_once(nats_server: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub:
            again = await asyncio.gather(*(hub.publish("t", "a", key="same") for _ in range(20)))
            assert {message.cursor for message in again} == {1}
            assert (await hub.publish("other", "b", key="same")).cursor == 2

    run(main())


def test_what_is_no_longer_kept_or_never_was_is_an_error_that_says_where_to_go_on(nats_server: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url, keep=3) as hub:
            cursors = [(await hub.publish("t", number)).cursor for number in range(5)]
            for cursor in (cursors[0], 0, -1):
                with pytest.raises(Lost) as caught:
                    await hub.history("t", cursor)
                assert caught.value.oldest == cursors[1]
            assert data(await hub.poll("t", cursors[1])) == [2, 3, 4]
            with pytest.raises(Lost) as caught:
                await hub.poll("t", 1000)
            assert caught.value.oldest == cursors[4]

    run(main())


def test_what_was_acknowledged_is_there_once_after_the_server_was_killed_and_restarted(
    nats_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # that connections are lost is the test

    async def main() -> None:
        async with NatsHub(nats_server.url) as hub, NatsHub(nats_server.url) as other:
            acknowledged: list[int] = []

            async def publish() -> None:
                for number in range(150):
                    await other.publish("t", number, key=f"k{number}")
                    acknowledged.append(number)

            async def read() -> list[Any]:
                got = []
                async for message in hub.subscribe("t", 0):
                    got.append(message.data)
                    if len(got) == 150:
                        return got
                raise AssertionError

            readers = [asyncio.create_task(read()) for _ in range(10)]
            publishing = asyncio.create_task(publish())
            for killed_after in (40, 100):
                await until(lambda enough=killed_after: len(acknowledged) >= enough)
                nats_server.kill()
                await asyncio.sleep(0.1)
                before = len(acknowledged)
                nats_server.start()
                assert data(await hub.history("t", 0))[:before] == list(range(before))
            await publishing
            assert await asyncio.gather(*readers) == [list(range(150))] * 10

    run(main())


def test_a_server_that_stays_away_is_an_error_that_keeps_the_key(nats_server: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url, patience=1) as hub:
            nats_server.kill()
            with pytest.raises(HubUnavailable, match="could not publish on 't' to NATS in 1 s") as caught:
                await hub.publish("t", 1)
            nats_server.start()
            hub._patience = 60
            message = await hub.publish("t", 1, key=caught.value.key)
            assert await hub.poll("t", 0) == [message]
        nats_server.kill()
        with pytest.raises(HubUnavailable, match="could not connect to"):
            await NatsHub(nats_server.url, patience=0.3).open()

    run(main())


def test_without_the_client_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['nats'] = None\nfrom waterspout.pubsub import connect\nconnect('nats://x')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "ImportError: NatsHub needs nats-py: pip install 'waterspout-ioloop[nats]'" in result.stderr


def test_a_hub_that_is_not_open_says_so_at_once(nats_server: Any) -> None:
    async def main() -> None:
        hub = NatsHub(nats_server.url)

        async def refused() -> None:
            for asked in (hub.poll("t", 0, timeout=60), hub.cursor("t"), hub.history("t", 0), hub.publish("t", 1)):
                with pytest.raises(RuntimeError, match="NATS: open the hub first"):
                    await asked
            with pytest.raises(RuntimeError, match="NATS: open the hub first"):
                await anext(hub.subscribe("t"))
            assert hub.statistics() == {"topics": 0, "waiting": 0}

        await refused()
        async with hub:
            await hub.publish("t", "a")
            assert data(await hub.poll("t", 0)) == ["a"]
        await refused()  # nor when it is closed
        async with hub:
            assert data(await hub.poll("t", 0)) == ["a"]

    run(main())


def test_a_hub_whose_open_failed_is_not_open(nats_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        hub = NatsHub(nats_server.url, patience=0.2)

        async def fails() -> None:
            raise TimeoutError("no stream for you")

        with monkeypatch.context() as broken:
            broken.setattr(hub, "_make_stream", fails)
            with pytest.raises(HubUnavailable, match="make the stream of NATS"):
                await hub.open()
            with pytest.raises(RuntimeError, match="open the hub first"):
                await hub.poll("t", 0, timeout=60)
        async with hub:
            first = await hub.publish("t", "a")
            waiting = asyncio.create_task(hub.poll("t", first.cursor))
            await until(lambda: hub.statistics()["waiting"] == 1)
            await hub.publish("t", "b")
            assert data(await waiting) == ["b"]

    run(main())
