"""What a topic, a key and a message may be, over a real NATS server."""

from __future__ import annotations

from typing import Any

import pytest

from waterspout.pubsub import HubRefused, NatsHub
from waterspout.pubsub._subjects import LONGEST_TOPIC, Overtaken

#: Some that a header cannot hold as they are, or that look alike in one.
KEYS = ["a", " a", "a ", "a b", "a\nb", "a\r\nb", "a\rb", "", " ", "\t", "é", "e\u0301", "\x85a", "\u2028a", "\0"]
KEYS += ["%41", "A", "a: b", "Nats-Msg-Id: x", "Nats-Rollup: all", "Nats-Expected-Last-Subject-Sequence: 0"]
KEYS += ["Nats-Msg-Id", "Nats-Expected-Last-Subject-Sequence", "Nats-Rollup", "Nats-Expected-Stream"]
KEYS += ["=?utf-8?q?a?=", '"quoted"', "k" * 5000]


def test_each_key_is_another_one_and_comes_back_as_it_was(nats_server: Any, run: Any) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub:
            sent = [await hub.publish("t", number, key=key) for number, key in enumerate(KEYS)]
            assert await hub.history("t", 0) == sent
            assert [await hub.publish("t", number, key=key) for number, key in enumerate(KEYS)] == sent

    run(main())


@pytest.mark.parametrize("key", ["Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Subject-Sequence: 1"])
def test_a_key_that_names_a_header_does_not_stand_for_it(nats_server: Any, run: Any, key: str) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url) as hub:
            assert hub._subjects is not None
            first = await hub.publish("t", 1)
            with pytest.raises(Overtaken):
                await hub._subjects.append("t", b"2", key, 0)
            assert await hub.history("t", 0) == [first]

    run(main())


def test_what_the_server_would_close_the_connection_for_is_refused_and_the_hub_goes_on(
    nats_server: Any, run: Any
) -> None:
    async def main() -> None:
        async with NatsHub(nats_server.url, patience=3600) as hub:
            longest = "é" * (LONGEST_TOPIC // 2)
            for use in (hub.publish(f"{longest}.", 1, key="k"), hub.poll(f"{longest}.", 0), hub.cursor("t" * 100_000)):
                with pytest.raises(HubRefused, match="the topic is longer than the 2000 bytes"):
                    await use
            assert await hub.history(longest, 0) == [] and (await hub.publish(longest, 1)).cursor == 1
            limit = hub._connection.max_payload
            assert limit == 1024 * 1024
            for size in (limit - 2, 2 * limit):  # with its headers the first is too long as well
                with pytest.raises(HubRefused, match="more than the server's `max_payload` of 1048576") as caught:
                    await hub.publish("t", "x" * size, key="k")
                assert caught.value.key == "k"
            largest = await hub.publish("t", "x" * (limit - 200), key="k")
            assert largest.cursor == 2 and await hub.poll("t", 0) == [largest]
            with pytest.raises(HubRefused, match="header size exceeds maximum"):
                await hub.publish("t", 1, key="k" * 70_000)

    run(main())
