"""A hub over NATS JetStream: one stream for all topics, each topic a subject of it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from waterspout.escape import json_encode
from waterspout.log import app_log
from waterspout.pubsub._failure import HubImportError, address, advice, reason, refused, unanswered
from waterspout.pubsub._message import Lost, Message
from waterspout.pubsub._publication import Publication
from waterspout.pubsub._shared import FIRST_PAUSE, LONGEST_PAUSE, SharedHub
from waterspout.pubsub._subjects import Subjects
from waterspout.pubsub._workers import worker_number

__all__ = ["NatsHub"]

T = TypeVar("T")

#: Seconds that one request may take, before it is made again.
ANSWER = 2.0


class NatsHub(SharedHub):
    """A `SharedHub` over a NATS server (2.9 or newer, with JetStream) at *url*: ``nats://host:4222``.

    Needs the extra ``waterspout-ioloop[nats]``. All topics are subjects below *name* in one stream of that name, which
    is made if it is not there; each topic keeps its last *keep* messages, in files, on *replicas* servers. Cursors are
    those of the stream: those of one topic grow, with gaps.

    A key is remembered for *window* seconds (*patience*, if that is more), whether or not its message is kept. A server
    that is started anew knows those of the messages that it has: so it has the last *keys* of each topic, if these are
    more than *keep*. Fewer take less of its disk; what a publisher may have sent, when the server ended, should be
    among them.

    Acknowledged means written to the server's files. It survives the end of the server's process; whether it survives
    that of its machine is for *replicas*, or the server's ``sync_interval``, to say. *patience*: for how many seconds
    a server that is away is tried again.
    """

    __module__ = "waterspout.pubsub"

    def __init__(
        self,
        url: str,
        *,
        name: str = "waterspout",
        keep: int = 1000,
        topics: int = 10_000,
        patience: float = 30.0,
        window: float = 3600.0,
        replicas: int = 1,
        keys: int = 1000,
    ) -> None:
        super().__init__(keep=keep, topics=topics, patience=patience)
        try:
            import nats
            import nats.js.api
        except ImportError as error:
            raise HubImportError(f"NatsHub needs nats-py: pip install 'waterspout-ioloop[nats]' ({error})") from None
        self._url = url
        self._place = address(url, 4222)
        self._name = name
        self._errors = nats.errors
        self._stream_errors = nats.js.errors
        self._api = nats.js.api
        self._settings = self._api.StreamConfig(
            name=name,
            subjects=[f"{name}.>"],
            max_msgs_per_subject=max(keep, keys),
            duplicate_window=max(window, patience),
            num_replicas=replicas,
            storage=self._api.StorageType.FILE,
        )
        self._connection: Any = None
        self._subjects: Subjects | None = None
        self._following: Any = None
        self._connect = nats.connect
        self._trouble = ""
        self._refusal: asyncio.Future[Exception] | None = None
        self._limits: set[asyncio.Timeout] = set()  # of the requests that are out

    async def open(self) -> None:
        """Connect, make the stream if it is not there, and begin to listen for changes.

        Raises `HubUnavailable` if the server does not answer; `HubRefused`, at once, if it does not let us in or has no
        JetStream.
        """
        if self._connection is not None:
            return
        self._connection = await self._first_connection()
        self._subjects = Subjects(self._connection.jetstream(timeout=ANSWER), self._name, self._stream_errors)
        try:
            await self._try("make the stream of", self._make_stream)
            await self._try("listen to", self._follow)
        except BaseException:
            await self.close()  # nobody listens for changes: a poll would wait in silence
            raise

    async def _first_connection(self) -> Any:
        """The client library tries for ever, and tells `_heard` what stands in its way."""
        self._trouble = ""
        refusal = self._refusal = asyncio.get_running_loop().create_future()
        connecting = asyncio.ensure_future(
            self._connect(
                self._url,
                connect_timeout=ANSWER,
                max_reconnect_attempts=-1,
                reconnect_time_wait=FIRST_PAUSE,
                error_cb=self._heard,
                disconnected_cb=self._disconnected,
                reconnected_cb=self._reconnected,
            )
        )
        try:
            await asyncio.wait({connecting, refusal}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                return connecting.result()
        except (self._errors.Error, OSError) as error:
            self._trouble = self._trouble or reason(error)
        finally:
            self._refusal = None
            if not connecting.done():
                connecting.cancel()
                await asyncio.wait({connecting})
        if refusal.done():
            raise refused("connect to", "NATS", self._place, refusal.result())
        raise unanswered("connect to", "NATS", self._patience, self._place, self._trouble or "timed out")

    async def _heard(self, error: Exception) -> None:
        """The client library is in trouble: said once, and again when it is another one."""
        if self._refusal is not None and advice(error):
            if not self._refusal.done():
                self._refusal.set_result(error)
        elif (why := reason(error)) != self._trouble:
            self._trouble = why
            # Workers that start find the same: the first of them says it. Later each tells of its own connection.
            is_told = self._refusal is not None and worker_number()
            app_log.log(logging.DEBUG if is_told else logging.WARNING, "NATS at %s: %s; trying again", self._place, why)

    async def close(self) -> None:
        """Disconnect; whoever waits is cancelled. May be called twice."""
        await self._end_tasks()
        connection, self._connection = self._connection, None
        self._subjects = self._following = None
        if connection is not None:
            await connection.close()

    async def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """See `SharedHub.publish`; without a *key* it gets one, since it may have to be sent again."""
        key = key or uuid.uuid4().hex
        payload = json_encode(data).encode()
        publication = Publication(topic, payload, key)
        return Message(topic, await self._try(f"publish on {topic!r} to", publication.send, key), data, key)

    async def cursor(self, topic: str) -> int:
        """The cursor of the last message, 0 if there is none. Raises `HubUnavailable`."""
        return await self._try(f"read {topic!r} from", lambda subjects: subjects.last(topic))

    async def history(self, topic: str, after: int) -> list[Message]:
        """See `SharedHub.history`. Raises `HubUnavailable`."""
        messages: list[Message] = []
        previous = after
        while True:
            found = await self._try(f"read {topic!r} from", partial(Subjects.next, topic=topic, after=previous))
            if found is None:
                break
            message, its_previous = found
            if its_previous > previous:
                if messages:
                    break  # what follows was dropped while we read: the next to ask hears of it
                raise Lost(topic, after, its_previous)
            messages.append(message)
            previous = message.cursor
        if not messages:
            last = await self.cursor(topic)
            if last < after or after < 0:
                raise Lost(topic, after, last)
        return messages

    async def _make_stream(self, subjects: Subjects) -> None:
        try:
            await subjects.jetstream.add_stream(self._settings)
        except self._stream_errors.BadRequestError:  # it is there with other settings
            await subjects.jetstream.update_stream(self._settings)

    async def _follow(self, subjects: Subjects) -> None:
        """Hear of what is stored from now on; then look at all topics, for what came before."""

        async def stored(message: Any) -> None:
            self._changed(Subjects.topic(message.subject))

        self._following = await subjects.jetstream.subscribe(
            f"{self._name}.>", ordered_consumer=True, deliver_policy=self._api.DeliverPolicy.NEW, cb=stored
        )
        for topic in list(self._mirrors):
            self._changed(topic)

    async def _disconnected(self) -> None:
        # Nobody will answer what was asked: it is asked again at once, and not when its time is over.
        limits, self._limits = self._limits, set()
        for limit in limits:
            if not limit.expired():
                limit.reschedule(0)

    async def _reconnected(self) -> None:
        # The server may have been started anew, without what it knew of us.
        self._trouble = ""
        self._spawn(self._follow_again())

    async def _follow_again(self) -> None:
        if self._following is not None:
            try:
                await self._following.unsubscribe()
            except self._errors.Error as error:
                app_log.debug("the former subscription is gone already: %s", error)
        await self._try("listen to", self._follow)

    async def _try(self, what: str, call: Callable[[Subjects], Awaitable[T]], key: str | None = None) -> T:
        """``await call(subjects)``, again and again while the server is away. RuntimeError if the hub is not open."""
        subjects = self._subjects
        if subjects is None:
            raise RuntimeError(f"could not {what} NATS: open the hub first (`async with hub`)")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        pause = FIRST_PAUSE
        unserved = self._stream_errors.ServiceUnavailableError
        while True:
            try:
                async with asyncio.timeout(max(deadline - loop.time(), FIRST_PAUSE)) as limit:
                    self._limits.add(limit)
                    try:
                        return await call(subjects)
                    finally:
                        self._limits.discard(limit)
            except self._stream_errors.APIError as error:
                if error.code != 503:
                    # Nobody listens for JetStream's requests: then there is no code.
                    said = "it has no JetStream" if type(error) is unserved and error.code is None else error
                    raise refused(what, "NATS", self._place, said, key) from None
                why = str(error)
            except (self._errors.Error, OSError, TimeoutError) as error:
                why = reason(error)
            if loop.time() + pause >= deadline:
                raise unanswered(what, "NATS", self._patience, self._place, why, key)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
