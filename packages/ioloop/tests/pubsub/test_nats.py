"""A hub over a real NATS server with JetStream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from waterspout.pubsub import HubRefused, HubUnavailable, NatsHub, _requests


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


def test_what_an_operator_has_set_for_the_stream_stays(nats_server: Any, run: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub:
            assert hub._subjects is not None
            jetstream = hub._subjects.jetstream
            made = (await jetstream.stream_info("waterspout")).config
            assert made.max_msgs_per_subject == 1000 and made.duplicate_window == 3600
            await jetstream.update_stream(made.evolve(max_age=86_400, max_bytes=10**8, description="ours"))
        async with NatsHub(nats_server.url, keep=5, keys=7, window=60) as hub:
            assert hub._subjects is not None
            found = (await hub._subjects.jetstream.stream_info("waterspout")).config
            assert (found.max_age, found.max_bytes, found.description) == (86_400, 10**8, "ours")
            assert (found.max_msgs_per_subject, found.duplicate_window, found.num_replicas) == (7, 60, 1)

    run(main())


def test_a_stream_that_cannot_be_made_says_why(nats_server: Any, run: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url, name="first") as hub:
            assert hub._subjects is not None
            await hub._subjects.jetstream.add_stream(name="theirs", subjects=["mine.>"])
        for settings, advice in (
            ({"name": "mine"}, "give the hub another name= "),
            ({"name": "second", "replicas": 3}, "leave replicas= out"),
        ):
            with pytest.raises(HubRefused, match=f"could not make the stream of NATS at .*{advice}"):
                await NatsHub(nats_server.url, patience=3600, **settings).open()

    run(main())


def test_a_storage_that_is_full_says_so_at_once_and_what_is_stored_is_read(
    nats_start: Any, tmp_path: Path, run: Any, data: Any
) -> None:
    settings = tmp_path / "settings"
    settings.write_text("jetstream { max_file_store: 1MB }")
    server = nats_start("-c", str(settings))

    async def main() -> None:
        async with NatsHub(server.url, patience=3600) as hub:
            stored = []
            with pytest.raises(HubRefused, match="its storage is full: raise its `max_file_store`") as caught:
                for number in range(20):
                    await hub.publish("t", [number, "x" * 100_000], key=str(number))
                    stored.append(number)
            assert 0 < len(stored) < 20 and caught.value.key == str(len(stored))
            assert [number for number, _ in data(await hub.poll("t", 0))] == stored

    run(main())


def test_a_hub_that_is_opened_twice_at_once_has_one_connection(nats_server: Any, run: Any) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        hub = NatsHub(nats_server.url)
        await asyncio.gather(hub.open(), hub.open())
        await hub.open()
        assert (await hub.publish("t", 1)).cursor == 1
        await hub.close()
        await asyncio.sleep(0.1)
        assert asyncio.all_tasks() == before

    run(main())


def test_who_waits_for_the_server_asks_as_soon_as_it_is_there_again(
    nats_server: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url, patience=36_000) as hub:
            monkeypatch.setattr(_requests, "FIRST_PAUSE", 3600.0)
            monkeypatch.setattr(_requests, "LONGEST_PAUSE", 3600.0)
            for number in range(1, 4):
                nats_server.kill()
                publishing = [asyncio.create_task(hub.publish("t", each)) for each in range(5)]
                await asyncio.sleep(0.1)  # they have found nobody
                nats_server.start()
                await asyncio.gather(*publishing)
                assert await hub.cursor("t") == 5 * number

    run(main())
