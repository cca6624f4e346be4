"""A message whose acknowledgement does not come: what is stored is there once, over a real server that is killed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from waterspout.pubsub import HubUnavailable, NatsHub, _nats
from waterspout.pubsub._subjects import Subjects


@pytest.fixture
def between(nats_server: Any, gate: Any) -> Any:
    """The gate before the server."""
    return gate(lambda: asyncio.open_connection("127.0.0.1", nats_server.port))


def through(gate: Any, **keywords: Any) -> NatsHub:
    return NatsHub(f"nats://127.0.0.1:{gate.port}", **keywords)


async def publish_in_vain(gate: Any, hub: NatsHub, other: NatsHub, what: str) -> asyncio.Task[Any]:
    """Publish ``mine`` on ``t``, and lose its first question or answer, as *what* says. Then nobody gets through.

    *other* does not go through the gate, and sees that what was answered is stored.
    """
    before = await other.cursor("t")
    assert hub._subjects is not None
    append, is_first = hub._subjects.append, True

    async def losing(*arguments: Any) -> int:
        nonlocal is_first
        if is_first:
            is_first = False
            setattr(gate, f"loses_{what}", True)
        return await append(*arguments)

    hub._subjects.append = losing  # type: ignore[method-assign]
    publishing = asyncio.create_task(hub.publish("t", "mine", key="mine"))
    if what == "answers":
        await other.poll("t", before)
    await gate.lost.wait()
    gate.is_shut = True
    gate.cut()
    return publishing


async def kept(hub: NatsHub) -> list[str | None]:
    """The keys of all that the server has on ``t``, as soon as the hub is connected to it again."""
    keys: list[str | None] = []
    after = 0
    while (found := await hub._try("read", partial(Subjects.next, topic="t", after=after))) is not None:
        keys.append(found[0].key)
        after = found[0].cursor
    return keys


@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize("others", [0, 1, 20])
@pytest.mark.parametrize("what", ["answers", "questions"])
def test_it_is_stored_once_whatever_came_meanwhile(
    nats_server: Any, between: Any, run: Any, what: str, others: int, is_killed: bool
) -> None:
    async def main() -> None:
        async with between, NatsHub(nats_server.url, keep=5) as other, through(between, keep=5) as hub:
            await other.publish("t", "before", key="before")
            publishing = await publish_in_vain(between, hub, other, what)
            names = [str(number) for number in range(others)]
            for name in names:
                await other.publish("t", name, key=name)
            if is_killed:
                nats_server.kill()
                nats_server.start()
            between.is_shut = False
            mine = await publishing
            keys = ["before", "mine", *names] if what == "answers" else ["before", *names, "mine"]
            assert await kept(other) == keys
            assert mine.cursor == keys.index("mine") + 1 and await other.cursor("t") == len(keys)
            assert await other.publish("t", "again", key="mine") == await hub.publish("t", "again", key="mine")
            assert await kept(other) == keys

    run(main())


@pytest.mark.parametrize("is_killed", [True, False])
def test_where_nothing_shows_any_more_whether_it_was_stored_that_is_an_error_and_not_a_second_message(
    nats_server: Any, between: Any, run: Any, is_killed: bool
) -> None:
    async def main() -> None:
        few = {"keep": 3, "keys": 3}
        async with between, NatsHub(nats_server.url, **few) as other, through(between, **few) as hub:
            publishing = await publish_in_vain(between, hub, other, "answers")
            for number in range(4):
                await other.publish("t", number, key=str(number))
            if is_killed:
                nats_server.kill()
                nats_server.start()
            between.is_shut = False
            if is_killed:
                with pytest.raises(HubUnavailable, match="could not find out whether .* 't' was stored") as caught:
                    await publishing
                assert caught.value.key == "mine" and "let the hub remember more keys=" in str(caught.value)
            else:
                assert (await publishing).cursor == 1  # the server has not forgotten its key
            assert await kept(other) == ["1", "2", "3"]

    run(main())


def test_a_server_that_has_lost_all_it_had_stores_it_anew(nats_server: Any, between: Any, run: Any) -> None:
    async def main() -> None:
        async with between, NatsHub(nats_server.url) as other, through(between) as hub:
            for name in ("a", "b"):
                await other.publish("t", name, key=name)
            publishing = await publish_in_vain(between, hub, other, "answers")
            assert other._subjects is not None
            await other._subjects.jetstream.delete_stream("waterspout")
            await other._make_stream(other._subjects)
            between.is_shut = False
            assert (await publishing).cursor == 1
            assert await kept(other) == ["mine"]

    run(main())


def test_what_waits_for_an_answer_is_asked_again_when_the_connection_is_lost_and_not_when_its_time_is_over(
    nats_server: Any, between: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_nats, "ANSWER", 3600.0)

    async def main() -> None:
        async with between, NatsHub(nats_server.url) as other, through(between) as hub:
            publishing = await publish_in_vain(between, hub, other, "answers")
            between.is_shut = False
            assert await publishing == (await other.history("t", 0))[0]
            between.loses_answers = True
            reading = [asyncio.create_task(hub.history("t", 0)) for _ in range(3)]
            await between.lost.wait()
            between.cut()
            assert {len(each) for each in await asyncio.gather(*reading)} == {1}

    run(main())


def test_publishing_is_cancelled_at_once_whatever_it_waits_for(nats_server: Any, between: Any, run: Any) -> None:
    async def main() -> None:
        async with between, NatsHub(nats_server.url) as other, through(between) as hub:
            publishing = await publish_in_vain(between, hub, other, "answers")
            publishing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await publishing
            assert not hub._requests._limits
            between.is_shut = False
            assert (await hub.publish("t", "again", key="mine")).cursor == 1
            assert await kept(other) == ["mine"]

    run(main())
