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
from waterspout.pubsub._failure import HubImportError, HubUnavailable, address, advice, reason, refused, unanswered
from waterspout.pubsub._following import SILENCE, Following
from waterspout.pubsub._message import Lost, Message
from waterspout.pubsub._publication import Publication
from waterspout.pubsub._requests import FIRST_PAUSE, LONGEST_PAUSE, Requests
from waterspout.pubsub._shared import SharedHub
from waterspout.pubsub._subjects import Subjects, TooLarge
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

    All who use one *name* should say the same *keep*, *keys* and *window*: who opens its hub last decides for the
    stream. *replicas* only ever grow; all other settings of a stream that is there are left as they are. A topic has at
    most 2000 bytes, a message as many as the server's ``max_payload`` says (1 MB): more is a `HubRefused`.

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
        self._replicas = replicas
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
        self._requests = Requests("NATS", self._place)
        self._connection: Any = None
        self._subjects: Subjects | None = None
        self._following: Following | None = None
        self._renewed: asyncio.Event | None = None  # set when the connection is another one
        self._connect = nats.connect
        self._trouble = ""
        self._refusal: asyncio.Future[Exception] | None = None

    async def open(self) -> None:
        """Connect, make the stream if it is not there, and begin to listen for changes.

        Raises `HubUnavailable` if the server does not answer; `HubRefused`, at once, if it does not let us in or has no
        JetStream.
        """
        if self._connection is not None:
            return
        connection = await self._new_connection()
        if self._connection is not None:  # opened twice at once
            await connection.close()
            return
        self._use(connection)
        self._requests.begin()
        try:
            await self._try("make the stream of", self._make_stream)
            self._renewed = asyncio.Event()
            await self._try("listen to", self._follow)
        except BaseException:
            await self.close()  # nobody listens for changes: a poll would wait in silence
            raise
        self._spawn(self._keep_following(self._renewed))

    def _use(self, connection: Any) -> None:
        self._connection = connection
        self._subjects = Subjects(connection, ANSWER, self._name, self._stream_errors)
        self._requests.repeat()

    async def _new_connection(self) -> Any:
        """The client library tries for ever, and tells `_heard` what stands in its way."""
        self._trouble = ""
        refusal = self._refusal = asyncio.get_running_loop().create_future()
        connecting = asyncio.ensure_future(
            self._connect(
                self._url,
                connect_timeout=ANSWER,
                max_reconnect_attempts=-1,
                reconnect_time_wait=FIRST_PAUSE,
                ping_interval=SILENCE,
                pending_size=0,  # what cannot be sent is not kept: it is asked again here
                error_cb=self._heard,
                disconnected_cb=self._disconnected,
                reconnected_cb=self._reconnected,
                closed_cb=self._given_up,
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
        self._requests.end()
        await self._end_tasks()
        connection, self._connection = self._connection, None
        await self._unfollow()
        self._subjects = None
        if connection is not None:
            # Its cancellation may be lost in an attempt to connect that ends just now: then this is the last one.
            connection.options["max_reconnect_attempts"] = 1
            await self._quietly(connection.close())

    async def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """See `SharedHub.publish`; without a *key* it gets one, since it may have to be sent again."""
        key = uuid.uuid4().hex if key is None else key
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
        jetstream, settings = subjects.jetstream, self._settings
        try:
            await jetstream.add_stream(settings)
        except self._stream_errors.BadRequestError as refusal:  # it is there with other settings
            try:
                found = (await jetstream.stream_info(self._name)).config
            except self._stream_errors.NotFoundError:
                raise refusal from None
            # What its operator has set stays, and who asks for fewer servers does not take any from the others.
            changed = found.evolve(
                subjects=settings.subjects,
                max_msgs_per_subject=settings.max_msgs_per_subject,
                duplicate_window=settings.duplicate_window,
                num_replicas=max(self._replicas, found.num_replicas or 1),
            )
            await jetstream.update_stream(changed)

    async def _follow(self, subjects: Subjects) -> None:
        """Hear of what is stored from now on; then look at all topics, for what came before."""
        await self._unfollow()
        self._following = Following(self._connection, self._name, self._api, self._stored)
        await self._following.begin(subjects.jetstream)
        self._stored(None)

    async def _unfollow(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            await self._quietly(following.end())

    async def _quietly(self, ending: Awaitable[None]) -> None:
        """End what may be gone already."""
        try:
            await ending
        except (self._errors.Error, OSError) as error:
            app_log.debug("it was gone already: %s", reason(error))

    def _stored(self, subject: str | None) -> None:
        for topic in list(self._mirrors) if subject is None else [Subjects.topic(subject)]:
            self._changed(topic)

    async def _keep_following(self, renewed: asyncio.Event) -> None:
        """Listen for changes for as long as the hub is open, whatever happens to the connection."""
        pause = FIRST_PAUSE
        said = ""
        while True:
            if self._following is not None and await self._following.until_silent(renewed):
                app_log.warning("NATS at %s: nothing heard for %g s; listening anew", self._place, SILENCE)
            renewed.clear()
            try:
                if self._connection.is_closed:
                    self._use(await self._new_connection())
                await self._try("listen to", self._follow)
            except HubUnavailable as error:
                await self._unfollow()
                if str(error) != said:
                    said = str(error)
                    app_log.error("%s; until then readers here wait in vain", said)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause, said = FIRST_PAUSE, ""

    async def _disconnected(self) -> None:
        self._requests.repeat()

    async def _reconnected(self) -> None:
        # The server may have been started anew, without what it knew of us. Who waits for it to be there need not wait
        # any more: else a server that is gone again soon would be there for nobody.
        self._trouble = ""
        self._requests.repeat()
        if self._renewed is not None:
            self._renewed.set()

    async def _given_up(self) -> None:
        """The client library connects no more: the server has called something a fault of ours."""
        if self._renewed is not None:
            self._renewed.set()

    async def _try(self, what: str, call: Callable[[Subjects], Awaitable[T]], key: str | None = None) -> T:
        """``await call(subjects)``, again and again while the server is away. RuntimeError if the hub is not open."""

        async def asked() -> T:
            assert self._subjects is not None
            return await call(self._subjects)

        return await self._requests.ask(what, asked, self._why, self._patience, key)

    def _why(self, what: str, error: Exception, key: str | None) -> str:
        """What kept the server from doing *what*; raises what no repetition mends."""
        if isinstance(error, TooLarge):
            raise refused(what, "NATS", self._place, error, key) from None
        if isinstance(error, self._stream_errors.APIError):
            said: object = error
            if type(error) is self._stream_errors.ServiceUnavailableError and error.code is None:
                said = "it has no JetStream"  # nobody listens for its requests: then there is no code
            if error.code != 503 or advice(error):
                raise refused(what, "NATS", self._place, said, key) from None
            return str(error)
        if not isinstance(error, (self._errors.Error, OSError)):
            raise error
        return reason(error)
