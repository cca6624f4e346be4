"""Hearing of what NATS stores, over a real server, whatever becomes of the consumer and of the connection."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from waterspout.pubsub import NatsHub, _following
from waterspout.pubsub._following import Following


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed soon."""
    monkeypatch.setattr(_following, "SILENCE", 1.0)
    monkeypatch.setattr(_following, "HEARTBEAT", 0.1)


@pytest.mark.usefixtures("quick")
def test_a_reader_hears_again_though_its_consumer_is_gone_and_the_connection_is_not(
    nats_server: Any, run: Any, data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as other:
            for number in range(200):
                await other.publish(f"old {number}", number)
            async with NatsHub(nats_server.url) as hub:
                changed, heard = hub._changed, []

                def counted(topic: str) -> None:
                    heard.append(topic)
                    changed(topic)

                hub._changed = counted  # type: ignore[method-assign]
                assert hub._subjects is not None
                jetstream = hub._subjects.jetstream
                waiting = asyncio.create_task(hub.poll("t", 0))
                for consumer in await jetstream.consumers_info("waterspout"):
                    await jetstream.delete_consumer("waterspout", consumer.name)
                await other.publish("t", "heard")
                assert data(await waiting) == ["heard"]
                waiting = asyncio.create_task(hub.poll("t", (await hub.cursor("t"))))
                await other.publish("t", "again")
                assert data(await waiting) == ["again"]
                assert set(heard) == {"t"}  # the stream is not told anew
        assert sum("nothing heard for" in message for message in caplog.messages) >= 1

    run(main())


@pytest.mark.parametrize("fault", ["a line that is too long", "words that it does not know"])
def test_a_connection_that_the_server_will_not_have_any_more_is_made_anew(
    nats_server: Any, run: Any, data: Any, until: Any, fault: str
) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub, NatsHub(nats_server.url) as other:
            await hub.publish("t", 1)
            waiting = asyncio.create_task(hub.poll("t", 1))
            first = hub._connection
            said = b"PUB %b 1\r\n1\r\n" % (b"x" * 10_000) if fault.startswith("a") else b"HUH?\r\n"
            while hub._connection is first:
                connects = first.stats["reconnects"]
                await first._send_command(said)
                await first._flush_pending()
                # Where a reset overtakes the server's words, the client library knows of no fault, and connects again.
                await until(lambda: hub._connection is not first or first.stats["reconnects"] > connects)  # noqa: B023
                await until(lambda: hub._connection is not first or first.is_connected)
            assert (await hub.publish("u", 2)).cursor == 2
            await other.publish("t", 3)
            assert data(await waiting) == [3]
        assert first.is_closed

    run(main())


def test_lost_connections_in_a_row_leave_one_subscription(nats_server: Any, gate: Any, run: Any, data: Any) -> None:
    async def main() -> None:
        between = gate(lambda: asyncio.open_connection("127.0.0.1", nats_server.port))
        async with between, NatsHub(f"nats://127.0.0.1:{between.port}") as hub, NatsHub(nats_server.url) as other:
            before = len(asyncio.all_tasks())
            for number in range(15):
                between.cut()
                await asyncio.sleep(0.01 * number)
            await other.publish("t", 1)
            assert data(await hub.poll("t", 0)) == [1]
            while len(hub._connection._subs) != 2:  # noqa: ASYNC110 -- the answers', and this one
                await asyncio.sleep(0.01)
            waiting = asyncio.create_task(hub.poll("t", 1))
            await other.publish("t", 2)
            assert data(await waiting) == [2] and len(asyncio.all_tasks()) <= before + 4  # and the gate's own

    run(main())


def test_where_notices_are_missing_all_topics_are_looked_at() -> None:
    stored: list[str | None] = []
    following = Following(None, "name", None, stored.append)

    def notice(number: int) -> Any:
        metadata = SimpleNamespace(sequence=SimpleNamespace(consumer=number))
        return SimpleNamespace(reply="$JS.ACK", subject=f"s{number}", headers={}, metadata=metadata)

    def heartbeat(number: int) -> Any:
        return SimpleNamespace(reply="", headers={"Status": "100", "Nats-Last-Consumer": str(number)})

    async def main() -> None:
        for message in (heartbeat(0), notice(1), notice(2), heartbeat(2), SimpleNamespace(reply="", headers=None)):
            await following._heard(message)
        assert stored == ["s1", "s2"]
        await following._heard(notice(4))
        assert stored[2:] == ["s4", None]
        await following._heard(heartbeat(7))
        assert stored[4:] == [None]
        await following._heard(notice(8))
        assert stored[5:] == ["s8"]

    asyncio.run(main())


def test_notices_carry_no_data(nats_server: Any, run: Any, until: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub:
            assert hub._following is not None
            heard, seen = hub._following._heard, []

            async def noted(message: Any) -> None:
                seen.append(message)
                await heard(message)

            hub._following._subscription._cb = noted
            await hub.publish("t", "x" * 100_000)
            await until(lambda: any(message.reply for message in seen))
            assert all(len(message.data) == 0 for message in seen)

    run(main())
