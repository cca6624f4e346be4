"""`SharedHub`: the interface of hubs that are reached over a network, and what they have in common.

Each topic that somebody in this process waits for is watched: the engine tells of new messages, they are fetched once
and kept here (a *mirror*), and all who wait are answered from there. So the engine's work does not grow with the
readers. Who comes with an older cursor than the mirror knows is answered by the engine.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import AsyncIterator
from operator import attrgetter
from types import TracebackType
from typing import Any, Self

from waterspout.log import app_log
from waterspout.pubsub._bounded import make_room
from waterspout.pubsub._failure import HubUnavailable
from waterspout.pubsub._message import Lost, Message
from waterspout.pubsub._mirror import Mirror
from waterspout.pubsub._requests import FIRST_PAUSE, LONGEST_PAUSE

__all__ = ["SharedHub"]


class SharedHub(ABC):
    """Topics that several processes publish to and read from, kept by an engine outside of them.

        async with RedisHub("redis://localhost") as hub:
            message = await hub.publish("room", {"text": "hello"}, key=request_id)
            later = await hub.poll("room", after=message.cursor, timeout=30)

    What `publish` has returned is durable, as far as the engine is. Delivery is at least once to each reader; a
    message has one cursor, which only grows, so that a reader that goes on from its last cursor sees each once and in
    order. Data is what JSON can say.

    Use it as an asynchronous context manager, or call `open` and `close`. It belongs to the loop it was opened on.
    """

    __module__ = "waterspout.pubsub"

    def __init__(self, *, keep: int, topics: int, patience: float) -> None:
        if keep < 1 or topics < 1:
            raise ValueError("a hub must keep at least one message and watch at least one topic")
        self._keep = keep
        self._limit = topics
        self._patience = patience
        self._mirrors: OrderedDict[str, Mirror] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- what an engine provides

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises `HubUnavailable` if nobody answers, `HubRefused` if the engine does not serve us."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect; whoever waits is cancelled. May be called twice.

        What is being published or read then raises `HubUnavailable`, as if the engine had gone.
        """

    @abstractmethod
    async def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """Add *data* to *topic*; returns the message once the engine has stored it.

        A *key* that the engine remembers makes this a repetition: nothing is added, and the message returned has the
        cursor of the first. Each hub says for how long that is. An engine that is away is tried again for the hub's
        *patience*, under the same key, before this raises `HubUnavailable`.
        """

    @abstractmethod
    async def cursor(self, topic: str) -> int:
        """The cursor of the last message, 0 if there is none."""

    @abstractmethod
    async def history(self, topic: str, after: int) -> list[Message]:
        """The messages behind cursor *after*, oldest first. Raises `Lost` if some are no longer kept."""

    # ---- what is built on that

    async def poll(self, topic: str, after: int, timeout: float | None = None) -> list[Message]:
        """The messages behind cursor *after*, as soon as there is one: what a long poll answers with.

        Empty when *timeout* seconds passed without one. Raises `Lost` as `history` does. May be cancelled at any time.
        """
        try:
            async with asyncio.timeout(timeout):
                mirror = await self._mirror(topic)
                with mirror.waiting():
                    while True:
                        version = mirror.version
                        messages = mirror.after(after)
                        if messages is None:
                            messages = await self.history(topic, after)
                        if messages:
                            return messages
                        await mirror.changed(version)
        except TimeoutError:
            return []

    async def subscribe(self, topic: str, after: int | None = None) -> AsyncIterator[Message]:
        """All messages behind cursor *after* (None: from now on), one by one, for as long as it is iterated.

        A reader that is so slow that messages it has not seen are dropped gets `Lost`.
        """
        cursor = await self.cursor(topic) if after is None else after
        while True:
            for message in await self.poll(topic, cursor):
                cursor = message.cursor
                yield message

    def statistics(self) -> dict[str, int]:
        """``topics`` watched, and readers ``waiting`` for a message now, in this process."""
        return {"topics": len(self._mirrors), "waiting": sum(each.readers for each in self._mirrors.values())}

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    # ---- for engines

    def _changed(self, topic: str) -> None:
        """Fetch what is new in *topic*, once however often this is called meanwhile."""
        mirror = self._mirrors.get(topic)
        if mirror is None:
            return
        mirror.stale = True
        if not mirror.fetching:
            mirror.fetching = True
            self._spawn(self._fetch(topic, mirror))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            app_log.error("a background task of %r failed", self, exc_info=task.exception())

    async def _end_tasks(self) -> None:
        mirrors, self._mirrors = self._mirrors, OrderedDict()  # first: what becomes ready now is no longer fetched
        for mirror in mirrors.values():
            mirror.ready.cancel()
            mirror.cancel()
        # More than once: a client library may take the first cancellation for a timeout of its own.
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.1)
            await asyncio.sleep(0)  # what is done takes itself out of the set

    async def _fetch(self, topic: str, mirror: Mirror) -> None:
        pause = FIRST_PAUSE
        said = ""
        try:
            while mirror.stale and self._mirrors.get(topic) is mirror:
                mirror.stale = False
                try:
                    await self._refresh(topic, mirror)
                    pause = FIRST_PAUSE
                except (HubUnavailable, RuntimeError) as error:
                    if self._mirrors.get(topic) is not mirror:
                        return  # the hub was closed, between two questions or while one was out
                    if not isinstance(error, HubUnavailable):
                        raise
                    if str(error) != said:
                        said = str(error)
                        app_log.warning("%s; trying again", said)
                    mirror.stale = True
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            mirror.fetching = False

    async def _refresh(self, topic: str, mirror: Mirror) -> None:
        try:
            mirror.extend(await self.history(topic, mirror.last))
        except Lost:
            # More came than is kept, or the engine has lost its data: readers hear it from `history`.
            mirror.restart(await self.cursor(topic))

    async def _mirror(self, topic: str) -> Mirror:
        mirrors = self._mirrors
        mirror = mirrors.pop(topic, None)
        if mirror is None:
            mirror = Mirror(self._keep)
            # A task of its own: others wait for it too, and the first may be cancelled.
            mirror.ready = asyncio.create_task(self._prepare(topic, mirror))
            mirror.ready.add_done_callback(_told)
            make_room(mirrors, self._limit, attrgetter("readers"))
        mirrors[topic] = mirror  # the most recently used stand last
        with mirror.waiting():
            await asyncio.shield(mirror.ready)
        return mirror

    async def _prepare(self, topic: str, mirror: Mirror) -> None:
        try:
            mirror.restart(await self.cursor(topic))
        except BaseException:
            if self._mirrors.get(topic) is mirror:
                del self._mirrors[topic]
            raise
        # The cursor may be of a moment before the engine began to tell us of changes.
        self._changed(topic)


def _told(task: asyncio.Task[None]) -> None:
    """Whoever waited for it has its error; if they all went, nobody wants it."""
    if not task.cancelled():
        task.exception()
