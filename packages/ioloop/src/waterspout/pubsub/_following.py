"""Hearing of what a JetStream stream stores, and noticing when nothing is heard any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["Following"]

#: Seconds without a sign of life after which it is begun anew, and between two such signs.
SILENCE = 10.0
HEARTBEAT = 2.5


class Following:
    """A consumer of the stream *name* which is told of each message without its data, and dies with the connection.

    *stored* is called with the subject of each, and with None if some of them were not heard of.
    """

    def __init__(self, connection: Any, name: str, api: Any, stored: Callable[[str | None], None]) -> None:
        self._connection = connection
        self._name = name
        self._api = api
        self._stored = stored
        self._subscription: Any = None
        self._number = 0  # the consumer's, of the last notice
        self._is_alive = False

    async def begin(self, jetstream: Any) -> None:
        """Make the consumer; raises what the client library does if it cannot."""
        inbox = self._connection.new_inbox()
        self._subscription = await self._connection.subscribe(inbox, cb=self._heard)
        await jetstream.add_consumer(
            self._name,
            config=self._api.ConsumerConfig(
                deliver_subject=inbox,
                deliver_policy=self._api.DeliverPolicy.NEW,
                ack_policy=self._api.AckPolicy.NONE,
                headers_only=True,
                idle_heartbeat=HEARTBEAT,
                mem_storage=True,
                num_replicas=1,
            ),
        )

    async def end(self) -> None:
        """Hear no more; raises what the client library does if the connection is gone, which is as good."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()

    async def until_silent(self, renewed: asyncio.Event) -> bool:
        """Wait until nothing was heard for `SILENCE` (True), or until *renewed* is set (False)."""
        while True:
            self._is_alive = False
            try:
                async with asyncio.timeout(SILENCE):
                    await renewed.wait()
                    return False
            except TimeoutError:
                if not self._is_alive:
                    return True

    async def _heard(self, message: Any) -> None:
        self._is_alive = True
        if message.reply:
            number = int(message.metadata.sequence.consumer)
            missed = number - self._number - 1
            self._stored(message.subject)
        else:  # a heartbeat
            number = int((message.headers or {}).get("Nats-Last-Consumer", self._number))
            missed = number - self._number
        self._number = number
        if missed:
            self._stored(None)
