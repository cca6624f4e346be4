"""A hub over a real Redis."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from waterspout.pubsub import HubRefused, HubUnavailable, RedisHub, _redis, _requests


def test_a_repeated_key_publishes_once_while_it_is_kept_or_new(redis_server: Any, run: Any, data: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url, keep=3, patience=60, window=50) as hub:
            again = await asyncio.gather(*(hub.publish("t", "a", key="same") for _ in range(20)))
            assert {message.cursor for message in again} == {1}
            remembered = "waterspout:{t}:keys:same"
            assert 50_000 < await hub._client.pttl(remembered) <= 60_000
            await hub._client.delete(remembered)  # as time does
            assert (await hub.publish("t", "a", key="same")).cursor == 1
            for number in range(3):
                await hub.publish("t", number, key=str(number))
            assert (await hub.publish("t", "new", key="same")).cursor == 5
            assert data(await hub.history("t", 2)) == [1, 2, "new"]
            assert (await hub.publish("t", "late", key="0")).cursor == 2  # no longer kept, but new
            # What goes with a dropped message is dropped with it.
            assert await hub._client.hlen("waterspout:{t}:keys") == 3

    run(main())


def test_readers_at_random_times_see_each_message_of_two_publishers_once_and_in_order(
    redis_server: Any, run: Any
) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub, RedisHub(redis_server.url) as other:

            async def read(from_hub: RedisHub) -> list[Any]:
                got: list[Any] = []
                async for message in from_hub.subscribe("t", 0):
                    got.append(message.data)
                    if len(got) == 200:
                        return got
                    if len(got) % 7 == 0:
                        await asyncio.sleep(0.001)
                raise AssertionError

            readers = [asyncio.create_task(read(each)) for each in (hub, other) * 5]

            async def publish(through: RedisHub, name: str) -> None:
                for number in range(100):
                    await through.publish("t", [name, number])

            await asyncio.gather(publish(hub, "one"), publish(other, "two"))
            seen = await asyncio.gather(*readers)
            assert all(each == seen[0] for each in seen)
            for name in ("one", "two"):
                assert [number for who, number in seen[0] if who == name] == list(range(100))

    run(main())


def test_cancelled_polls_leave_nobody_waiting(redis_server: Any, run: Any, until: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            polls = [asyncio.create_task(hub.poll(f"t{number % 3}", 0)) for number in range(30)]
            await asyncio.sleep(0)
            polls[0].cancel()  # it was the first, who prepares the topic for the others
            await until(lambda: hub.statistics()["waiting"] == 29)
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
            assert hub.statistics()["waiting"] == 0
            message = await hub.publish("t0", 1)
            assert await hub.poll("t0", 0) == [message]

    run(main())


def test_topics_watched_are_bounded_and_those_waited_for_stay(redis_server: Any, run: Any, data: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url, topics=2) as hub:
            waiting = asyncio.create_task(hub.poll("waited", 0))
            await asyncio.sleep(0)
            for number in range(5):
                message = await hub.publish(f"t{number}", number)
                assert await hub.poll(f"t{number}", 0) == [message]
            assert hub.statistics() == {"topics": 2, "waiting": 1}
            await hub.publish("waited", "x")
            assert data(await waiting) == ["x"]

    run(main())


def test_an_outage_is_said_once_when_it_begins_and_once_when_it_ends(
    redis_server: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, run: Any, until: Any
) -> None:
    for module in (_redis, _requests):
        monkeypatch.setattr(module, "LONGEST_PAUSE", 0.05)
    attempts = 0

    async def main() -> None:
        nonlocal attempts
        async with RedisHub(redis_server.url) as hub:
            await hub.publish("t", "before")
            connect_once = hub._client.connection_pool.get_connection

            async def counted(*args: Any, **kwargs: Any) -> Any:
                nonlocal attempts
                attempts += 1
                return await connect_once(*args, **kwargs)

            hub._client.connection_pool.get_connection = counted
            for _ in range(2):
                caplog.clear()
                reading = asyncio.create_task(hub.poll("t", (await hub.cursor("t"))))
                await until(lambda: hub.statistics()["waiting"] == 1)
                redis_server.kill()
                publishing = [asyncio.create_task(hub.publish("t", number)) for number in range(5)]
                limit = attempts + 30
                await until(lambda limit=limit: attempts >= limit)  # type: ignore[misc]
                assert len(caplog.messages) == 1, caplog.messages
                assert str(redis_server.path) in caplog.messages[0] and "again" in caplog.messages[0]
                redis_server.start()
                await asyncio.gather(reading, *publishing)
                await until(lambda: hub._is_away is False)
                assert caplog.messages[1:] == [f"Redis at {redis_server.path} answers again"]

    run(main())


def test_a_server_that_stays_away_is_an_error_that_keeps_the_key(redis_server: Any, run: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url, patience=0.3) as hub:
            redis_server.kill()
            with pytest.raises(HubUnavailable, match="could not publish on 't' to Redis in 0.3 s") as caught:
                await hub.publish("t", 1)
            redis_server.start()
            message = await hub.publish("t", 1, key=caught.value.key)
            assert await hub.poll("t", 0) == [message]
        with pytest.raises(HubUnavailable, match="could not connect to"):
            await RedisHub("unix:///nowhere/s", patience=0.1).open()

    run(main())


@pytest.mark.parametrize(("name", "value"), [("appendonly", "no"), ("appendfsync", "everysec"), ("appendfsync", "no")])
def test_a_server_that_may_lose_what_it_acknowledges_is_refused_unless_that_is_said_to_be_fine(
    redis_server: Any, name: str, value: str, run: Any
) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            await hub._client.config_set(name, value)
        with pytest.raises(HubRefused, match="set `appendonly yes` and `appendfsync always`"):
            await RedisHub(redis_server.url).open()
        async with RedisHub(redis_server.url, durable=False) as hub:
            await hub.publish("t", 1)

    run(main())


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_drops_what_it_has_when_its_memory_is_full_is_refused(
    redis_server: Any, policy: str, run: Any
) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            await hub._client.config_set("maxmemory-policy", policy)
            await RedisHub(redis_server.url).open()  # it may have as much memory as there is
            await hub._client.config_set("maxmemory", "100mb")
        with pytest.raises(HubRefused, match=f"set `maxmemory-policy noeviction` .now '{policy}'."):
            await RedisHub(redis_server.url).open()
        async with RedisHub(redis_server.url, durable=False) as hub:
            await hub._client.config_set("maxmemory-policy", "noeviction")
        async with RedisHub(redis_server.url) as hub:
            await hub.publish("t", 1)

    run(main())


def test_a_connection_that_is_lost_while_the_settings_are_asked_for_is_made_again(
    redis_server: Any, gate: Any, run: Any
) -> None:
    async def main() -> None:
        async with gate(lambda: asyncio.open_unix_connection(str(redis_server.path))) as between:
            hub = RedisHub(f"redis://127.0.0.1:{between.port}")
            ask, is_first = hub._client.config_get, True

            async def cut(pattern: str) -> Any:
                nonlocal is_first
                if is_first:
                    is_first = False
                    between.loses_answers = True
                    asking = asyncio.ensure_future(ask(pattern))
                    await between.lost.wait()
                    between.cut()
                    return await asking
                return await ask(pattern)

            hub._client.config_get = cut
            async with hub:
                assert not is_first and (await hub.publish("t", 1)).cursor == 1

    run(main())


def test_patience_holds_for_a_server_that_is_there_and_does_not_answer(redis_server: Any, run: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url, patience=0.5) as hub:
            redis_server.pause()
            for use in (hub.publish("t", 1), hub.history("t", 0), RedisHub(redis_server.url, patience=0.5).open()):
                # Not after SILENCE, as the client library would have it: that is told in its own words.
                with pytest.raises(HubUnavailable, match=r"in 0\.5 s: no answer from .* \(timed out\)"):
                    await use
            redis_server.resume()
            hub._patience = 60
            # Answers that came late are not taken for those to other questions.
            assert [(await hub.publish("u", number)).cursor for number in range(5)] == [1, 2, 3, 4, 5]
            assert len(await hub.history("u", 0)) == 5 and len(await hub.history("t", 0)) <= 1

    run(main())


def test_a_script_that_the_server_forgets_as_soon_as_it_has_it_is_given_again(redis_server: Any, run: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            load, times = hub._client.script_load, 0

            async def forgotten(script: str) -> Any:
                nonlocal times
                times += 1
                loaded = await load(script)
                if times < 3:
                    await hub._client.script_flush()  # a server that is started anew has none, either
                return loaded

            hub._client.script_load = forgotten
            assert (await hub.publish("t", 1)).cursor == 1 and times == 3

    run(main())


def test_a_channel_on_which_somebody_says_anything_goes_on(redis_server: Any, run: Any, data: Any, until: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            waiting = asyncio.create_task(hub.poll("t", 0))
            await until(lambda: hub.statistics()["waiting"] == 1)
            for said in (b"\xff\xfe", b"", b"another topic", b"\0" * 100_000):
                await hub._client.publish("waterspout:changed", said)
            await hub.publish("t", "heard")
            assert data(await waiting) == ["heard"]

    run(main())


def test_the_rights_that_the_documentation_names_are_enough(
    redis_server: Any, run: Any, data: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    found = re.search(r"``(resetchannels .*?)``", " ".join((RedisHub.__doc__ or "").split()))
    assert found is not None

    async def main() -> None:
        async with RedisHub(redis_server.url) as owner:
            await owner._client.execute_command("ACL", "SETUSER", "bob", "on", ">bobs", *found[1].split())
            async with RedisHub(redis_server.url.replace("unix://", "unix://bob:bobs@"), keep=2) as hub:
                waiting = asyncio.create_task(hub.poll("t", 0))
                await until(lambda: hub.statistics()["waiting"] == 1)
                await owner.publish("t", 1)
                assert data(await waiting) == [1]
                for number in (2, 3, 4):
                    await hub.publish("t", number)
                assert data(await hub.history("t", 2)) == [3, 4] and await hub.cursor("t") == 4

    run(main())
    assert not caplog.messages


def test_a_server_of_a_cluster_says_that_it_is_one(redis_server: Any, run: Any) -> None:
    async def main() -> None:
        async with RedisHub(redis_server.url) as hub:
            moved = hub._exceptions.MovedError("12182 127.0.0.1:7001")

            async def script(**_: Any) -> None:
                raise moved

            hub._script = script
            with pytest.raises(HubRefused, match=r"one of a Redis Cluster.*\(MOVED 12182 127\.0\.0\.1:7001\)"):
                await hub.publish("t", 1)

    run(main())


def test_a_hub_that_is_not_open_says_so_at_once(run: Any) -> None:
    async def main() -> None:
        hub = RedisHub("unix:///nowhere/s")
        for use in (hub.poll("t", 0), hub.publish("t", 1), hub.history("t", 0), hub.cursor("t")):
            with pytest.raises(RuntimeError, match="Redis: open the hub first"):
                await use
        await hub.close()

    run(main())


def test_a_hub_whose_open_failed_or_that_is_closed_is_not_open(redis_server: Any, run: Any) -> None:
    async def main() -> None:
        hub = RedisHub(redis_server.url)
        await hub._client.config_set("appendfsync", "everysec")
        with pytest.raises(HubRefused, match="may lose what it has acknowledged"):
            await hub.open()
        with pytest.raises(RuntimeError, match="Redis: open the hub first"):
            await hub.poll("t", 0, timeout=60)
        await hub._client.config_set("appendfsync", "always")
        async with hub:
            first = await hub.publish("t", "a")
            waiting = asyncio.create_task(hub.poll("t", first.cursor))
            while hub.statistics()["waiting"] != 1:  # noqa: ASYNC110 -- a counter does not tell
                await asyncio.sleep(0.002)
            await hub.publish("t", "b")
            assert [message.data for message in await waiting] == ["b"]
        with pytest.raises(RuntimeError, match="Redis: open the hub first"):
            await hub.poll("t", 0, timeout=60)

    run(main())


@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize("others", [0, 1, 20])
@pytest.mark.parametrize("what", ["answers", "questions"])
def test_a_message_whose_answer_does_not_come_is_stored_once_whatever_came_meanwhile(
    redis_server: Any, gate: Any, run: Any, data: Any, what: str, others: int, is_killed: bool
) -> None:
    async def main() -> None:
        async with (
            gate(lambda: asyncio.open_unix_connection(str(redis_server.path))) as between,
            RedisHub(redis_server.url, keep=5) as other,
            RedisHub(f"redis://127.0.0.1:{between.port}", keep=5) as hub,
        ):
            before = await hub.publish("t", "before")
            setattr(between, f"loses_{what}", True)
            publishing = asyncio.create_task(hub.publish("t", "mine", key="mine"))
            if what == "answers":
                await other.poll("t", before.cursor)
            await between.lost.wait()
            between.is_shut = True
            between.cut()
            for number in range(others):
                await other.publish("t", number)
            if is_killed:
                redis_server.kill()
                redis_server.start()
            between.is_shut = False
            mine = await publishing
            stored = ["before", "mine", *range(others)] if what == "answers" else ["before", *range(others), "mine"]
            assert mine.cursor == stored.index("mine") + 1 and await other.cursor("t") == len(stored)
            assert data(await other.history("t", max(len(stored) - 5, 0))) == stored[-5:]

    run(main())
