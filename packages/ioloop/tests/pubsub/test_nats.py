"""A hub over a real NATS server with JetStream."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from waterspout.pubsub import HubUnavailable, NatsHub


def test_a_repeated_key_publishes_once(nats_server: Any, run: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub:
            again = await asyncio.gather(*(hub.publish("t", "a", key="same") for _ in range(20)))
            assert {message.cursor for message in again} == {1}
            assert (await hub.publish("other", "b", key="same")).cursor == 2

    run(main())


def test_a_server_that_stays_away_is_an_error_that_keeps_the_key(nats_server: Any, run: Any) -> None:
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


def test_a_hub_that_is_not_open_says_so_at_once(nats_server: Any, run: Any, data: Any) -> None:
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


def test_a_hub_whose_open_failed_is_not_open(
    nats_server: Any, monkeypatch: pytest.MonkeyPatch, run: Any, data: Any, until: Any
) -> None:
    async def main() -> None:
        hub = NatsHub(nats_server.url, patience=0.2)

        async def fails(subjects: Any) -> None:
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
