"""A hub in memory behind the interface of the shared ones: the same application, on one process and without set-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from waterspout.log import gen_log
from waterspout.pubsub._hub import Hub
from waterspout.pubsub._message import Message
from waterspout.pubsub._shared import SharedHub
from waterspout.pubsub._workers import worker_number

__all__ = ["LocalHub", "connect"]


class LocalHub(SharedHub):
    """A `SharedHub` within one process: nothing is kept beyond its end, and nothing can be unavailable.

    A key is remembered for as long as its message is kept: nothing is ever sent twice on its own account.
    Of several workers each has its own, and none hears of the others' messages: `open` warns of that.
    """

    __module__ = "waterspout.pubsub"

    def __init__(self, *, keep: int = 1000, topics: int = 10_000) -> None:
        super().__init__(keep=keep, topics=topics, patience=0)
        self.hub: Hub = Hub(keep=keep, topics=topics)

    async def open(self) -> None:
        """Nothing to do but a warning, in the first of several workers: each would have messages of its own."""
        if worker_number() == 0:
            gen_log.warning(
                'The hub "memory:" belongs to one process, and there are several workers: a message reaches only who'
                ' reads in the worker that it was published in. Use connect("redis://HOST") or connect("nats://HOST"),'
                " or a single worker"
            )

    async def close(self) -> None:
        """Nothing to do: readers go with their tasks."""

    async def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """See `Hub.publish`."""
        return self.hub.publish(topic, data, key=key)

    async def cursor(self, topic: str) -> int:
        """The cursor of the last message, 0 if there is none."""
        return self.hub.cursor(topic)

    async def history(self, topic: str, after: int) -> list[Message]:
        """See `Hub.history`."""
        return self.hub.history(topic, after)

    async def poll(self, topic: str, after: int, timeout: float | None = None) -> list[Message]:
        """See `Hub.poll`."""
        return await self.hub.poll(topic, after, timeout)

    def subscribe(self, topic: str, after: int | None = None) -> AsyncIterator[Message]:
        """See `Hub.subscribe`."""
        return self.hub.subscribe(topic, after)

    def statistics(self) -> dict[str, int]:
        """See `Hub.statistics`."""
        return self.hub.statistics()


def connect(url: str = "memory:", **keywords: Any) -> SharedHub:
    """The hub for *url*.

    ``memory:`` (`LocalHub`), ``redis:``, ``rediss:``, ``unix:`` (`RedisHub`),
    ``nats:``, ``tls:`` (`NatsHub`).

    Open it before use: ``async with connect(url) as hub``. ValueError for any other scheme.
    """
    scheme = url.partition(":")[0]
    if scheme == "memory":
        return LocalHub(**keywords)
    if scheme in ("redis", "rediss", "unix"):
        from waterspout.pubsub._redis import RedisHub

        return RedisHub(url, **keywords)
    if scheme in ("nats", "tls"):
        from waterspout.pubsub._nats import NatsHub

        return NatsHub(url, **keywords)
    raise ValueError(f"no hub for {url!r}: it should begin with memory:, redis:, rediss:, unix:, nats: or tls:")


connect.__module__ = "waterspout.pubsub"
