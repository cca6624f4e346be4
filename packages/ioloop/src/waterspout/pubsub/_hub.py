"""A hub in memory: publish and subscribe within one process, with a memory long enough for polls to miss nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from operator import attrgetter
from typing import Any

from waterspout.pubsub._bounded import make_room
from waterspout.pubsub._message import Message
from waterspout.pubsub._topic import Topic

__all__ = ["Hub"]


class Hub:
    """Topics that anybody on this loop publishes to and reads from.

    Each topic keeps its last *keep* messages, so that a long poll which comes back with the cursor of what it has seen
    gets everything in between. At most *topics* topics are kept; the one longest unused goes first, unless somebody
    waits for it. Topics that are made after one went count on from its cursors, so that none means two messages:
    whoever comes back to it with a cursor of then gets `Lost`.

    A hub ends with its process. A cursor of the process before is told from one of this only while it is ahead.
    """

    __module__ = "waterspout.pubsub"

    def __init__(self, *, keep: int = 1000, topics: int = 10_000) -> None:
        if keep < 1 or topics < 1:
            raise ValueError("a hub must keep at least one message and one topic")
        self._keep = keep
        self._limit = topics
        self._topics: OrderedDict[str, Topic] = OrderedDict()
        self._forgotten = 0  # the highest cursor of the topics that went

    def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """Give *data* to everybody who reads *topic*; returns the message with its cursor.

        A *key* that one of the kept messages has makes this a repetition: nothing is added, and that message is
        returned. So a publisher that does not know whether it was heard may simply try again.
        """
        return self._topic(topic).publish(data, key)

    def cursor(self, topic: str) -> int:
        """The cursor of the last message: give it to `poll` or `subscribe` to get what comes after now."""
        return self._topic(topic).last

    def history(self, topic: str, after: int) -> list[Message]:
        """The messages behind cursor *after*, oldest first. Raises `Lost` if some are no longer kept."""
        return self._topic(topic).after(after)

    async def poll(self, topic: str, after: int, timeout: float | None = None) -> list[Message]:
        """The messages behind cursor *after*, as soon as there is one: what a long poll answers with.

        Empty when *timeout* seconds passed without one. Raises `Lost` as `history` does. May be cancelled at any time.
        """
        place = self._topic(topic)
        messages = place.after(after)
        if not messages:
            try:
                async with asyncio.timeout(timeout):
                    await place.changed()
            except TimeoutError:
                return []
            messages = place.after(after)
        return messages

    async def subscribe(self, topic: str, after: int | None = None) -> AsyncIterator[Message]:
        """All messages behind cursor *after* (None: from now on), one by one, for as long as it is iterated.

        A reader that is so slow that messages it has not seen are dropped gets `Lost`.
        """
        cursor = self.cursor(topic) if after is None else after
        while True:
            for message in await self.poll(topic, cursor):
                cursor = message.cursor
                yield message

    def statistics(self) -> dict[str, int]:
        """``topics`` kept, and readers ``waiting`` for a message now."""
        return {"topics": len(self._topics), "waiting": sum(topic.waiting for topic in self._topics.values())}

    def _topic(self, name: str) -> Topic:
        topics = self._topics
        topic = topics.pop(name, None)
        if topic is None:
            if len(topics) >= self._limit:
                for gone in make_room(topics, self._limit, attrgetter("waiting")):
                    self._forgotten = max(self._forgotten, gone.last)
            topic = Topic(name, self._keep, self._forgotten)
        topics[name] = topic  # the most recently used stand last
        return topic
