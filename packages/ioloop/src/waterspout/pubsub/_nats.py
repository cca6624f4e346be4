"""A hub over NATS JetStream: one stream for all topics, each topic a subject of it."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from waterspout.escape import json_decode, json_encode
from waterspout.log import app_log
from waterspout.pubsub._failure import HubImportError, address, advice, reason, refused, unanswered
from waterspout.pubsub._message import Lost, Message
from waterspout.pubsub._shared import FIRST_PAUSE, LONGEST_PAUSE, SharedHub
from waterspout.pubsub._workers import worker_number

__all__ = ["NatsHub"]

T = TypeVar("T")

#: The cursor of the message before, within its topic: shows whether anything is missing between two.
PREVIOUS = "Waterspout-Previous"
KEY = "Waterspout-Key"

#: JetStream's number for "the last message of this subject is another one than you expect".
WRONG_LAST_SEQUENCE = 10071

#: Seconds that one request may take, before it is made again.
ANSWER = 2.0


class NatsHub(SharedHub):
    """A `SharedHub` over a NATS server (2.9 or newer, with JetStream) at *url*: ``nats://host:4222``.

    Needs the extra ``waterspout-ioloop[nats]``. All topics are subjects below *name* in one stream of that name, which
    is made if it is not there; each topic keeps its last *keep* messages, in files, on *replicas* servers. Cursors are
    those of the stream: those of one topic grow, with gaps. A key is remembered for *window* seconds, and not, as by
    the other hubs, for as long as its message is kept.

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
            max_msgs_per_subject=keep,
            duplicate_window=window,
            num_replicas=replicas,
            storage=self._api.StorageType.FILE,
        )
        self._connection: Any = None
        self._stream: Any = None
        self._following: Any = None
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
        self._connection = await self._first_connection()
        self._stream = self._connection.jetstream(timeout=ANSWER)
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
        self._stream = self._following = None
        if connection is not None:
            await connection.close()

    async def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """See `SharedHub.publish`; without a *key* it gets one, since it may have to be sent again."""
        key = key or uuid.uuid4().hex
        payload = json_encode(data).encode()

        async def send() -> int:
            while True:
                previous = await self._last(topic)
                headers = {
                    KEY: key,
                    PREVIOUS: str(previous),
                    "Nats-Msg-Id": f"{_token(topic)} {key}",
                    "Nats-Expected-Last-Subject-Sequence": str(previous),
                }
                try:
                    return int((await self._stream.publish(self._subject(topic), payload, headers=headers)).seq)
                except self._stream_errors.APIError as error:
                    if error.err_code != WRONG_LAST_SEQUENCE:
                        raise
                    # Somebody else published between the two requests.

        return Message(topic, await self._try(f"publish on {topic!r} to", send, key), data, key)

    async def cursor(self, topic: str) -> int:
        """The cursor of the last message, 0 if there is none. Raises `HubUnavailable`."""
        return await self._try(f"read {topic!r} from", lambda: self._last(topic))

    async def history(self, topic: str, after: int) -> list[Message]:
        """See `SharedHub.history`. Raises `HubUnavailable`."""
        messages: list[Message] = []
        previous = after
        while True:
            found = await self._try(f"read {topic!r} from", partial(self._next, topic, previous))
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

    def _subject(self, topic: str) -> str:
        return f"{self._name}.{_token(topic)}"

    async def _last(self, topic: str) -> int:
        try:
            return int((await self._stream.get_last_msg(self._name, self._subject(topic))).seq)
        except self._stream_errors.NotFoundError:
            return 0

    async def _next(self, topic: str, after: int) -> tuple[Message, int] | None:
        try:
            found = await self._stream.get_msg(self._name, max(after, 0) + 1, self._subject(topic), next=True)
        except self._stream_errors.NotFoundError:
            return None
        return Message(topic, found.seq, json_decode(found.data), found.headers[KEY]), int(found.headers[PREVIOUS])

    async def _make_stream(self) -> None:
        try:
            await self._stream.add_stream(self._settings)
        except self._stream_errors.BadRequestError:  # it is there with other settings
            await self._stream.update_stream(self._settings)

    async def _follow(self) -> None:
        """Hear of what is stored from now on; then look at all topics, for what came before."""

        async def stored(message: Any) -> None:
            self._changed(_topic(message.subject.rpartition(".")[2]))

        self._following = await self._stream.subscribe(
            f"{self._name}.>", ordered_consumer=True, deliver_policy=self._api.DeliverPolicy.NEW, cb=stored
        )
        for topic in list(self._mirrors):
            self._changed(topic)

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

    async def _try(self, what: str, call: Callable[[], Awaitable[T]], key: str | None = None) -> T:
        """``await call()``, again and again while the server is away. RuntimeError if the hub is not open."""
        if self._stream is None:
            raise RuntimeError(f"could not {what} NATS: open the hub first (`async with hub`)")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        pause = FIRST_PAUSE
        unserved = self._stream_errors.ServiceUnavailableError
        while True:
            try:
                return await asyncio.wait_for(call(), max(deadline - loop.time(), FIRST_PAUSE))
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


def _token(topic: str) -> str:
    """*topic* as one token of a subject, whatever it is made of."""
    return base64.urlsafe_b64encode(topic.encode()).decode().rstrip("=") or "-"


def _topic(token: str) -> str:
    return "" if token == "-" else base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
