"""A hub over Redis streams: each topic is a stream, each publication one script."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from waterspout.escape import json_decode, json_encode
from waterspout.log import app_log
from waterspout.pubsub._failure import HubImportError, HubRefused, address, advice, reason, refused
from waterspout.pubsub._message import Lost, Message
from waterspout.pubsub._requests import FIRST_PAUSE, LONGEST_PAUSE, Requests
from waterspout.pubsub._shared import SharedHub
from waterspout.pubsub._workers import worker_number

__all__ = ["RedisHub"]

T = TypeVar("T")

#: Adds a message unless its key is known, drops the oldest, and tells all processes: one atomic step.
#: KEYS: the stream; the numbers of the kept keys; the number of this key, whether kept or not.
#: ARGV: key, data, how many to keep, channel, topic, for how many milliseconds the key is known in any case.
PUBLISH = """
local known = redis.call('HGET', KEYS[2], ARGV[1]) or redis.call('GET', KEYS[3])
if known then return known end
local number = 1
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last[1] then number = tonumber(string.match(last[1][1], '^%d+')) + 1 end
local text = string.format('%.0f', number)
while redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) do
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  redis.call('HDEL', KEYS[2], oldest[2][2])
  redis.call('XDEL', KEYS[1], oldest[1])
  if redis.call('XLEN', KEYS[1]) == 0 then break end
end
redis.call('XADD', KEYS[1], text .. '-0', 'key', ARGV[1], 'data', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], text)
redis.call('SET', KEYS[3], text, 'PX', ARGV[6])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return text
"""

#: No cursor is as high; higher ones are refused by the server.
LAST = 2**63

#: Seconds of silence on the connection that tells of changes, after which it is asked whether it is alive.
SILENCE = 10.0


class RedisHub(SharedHub):
    """A `SharedHub` over a Redis server (5 or newer) at *url*: ``redis://host:6379/0``, ``unix:///path.sock``.

    Needs the extra ``waterspout-ioloop[redis]``. Its keys and its channel begin with *prefix*; each topic keeps its
    last *keep* messages. At most *connections* are open, and one more that listens for changes. At most *topics* are
    watched in this process without a reader. *patience*: for how many seconds a server that is away is tried again.

    A key is remembered for as long as its message is kept, and for *window* seconds (*patience*, if that is more) in
    any case, which takes about 170 bytes of Redis' memory for each.

    Acknowledged means durable only if Redis writes each command to disk before it answers (``appendonly yes``,
    ``appendfsync always``) and does not drop it later (``maxmemory-policy noeviction``, where there is a
    ``maxmemory``): `open` raises `HubRefused` if the server is set up otherwise, or does not tell. With
    ``durable=False`` this is not asked for. A replica that takes over lacks what had not reached it: its cursors may
    then stand for other messages.

    A user of its own needs these rights: ``resetchannels &waterspout:changed ~waterspout:* +ping +config|get +evalsha
    +script|load +multi +exec +subscribe +publish +xadd +xdel +xlen +xrange +xrevrange +hget +hset +hdel +get +set``.
    """

    __module__ = "waterspout.pubsub"

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "waterspout:",
        keep: int = 1000,
        topics: int = 10_000,
        patience: float = 30.0,
        connections: int = 16,
        durable: bool = True,
        window: float = 120.0,
    ) -> None:
        super().__init__(keep=keep, topics=topics, patience=patience)
        try:
            import redis.asyncio
        except ImportError as error:
            raise HubImportError(f"RedisHub needs redis-py: pip install 'waterspout-ioloop[redis]' ({error})") from None
        self._exceptions = known = redis.exceptions
        #: What is raised where the connection does not work.
        self._losses = (known.ConnectionError, known.TimeoutError, known.InvalidResponse, OSError)
        self._place = address(url, 6379)
        self._prefix = prefix
        self._channel = f"{prefix}changed"
        self._durable = durable
        self._remembered = max(round(max(window, patience) * 1000), 1)  # milliseconds
        pool: Any = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=connections + 1,
            timeout=patience,
            socket_timeout=SILENCE,
            socket_connect_timeout=SILENCE,
            retry=None,  # it is tried again here, with the same idempotency key
        )
        self._client: Any = redis.asyncio.Redis.from_pool(pool)
        self._script: Any = self._client.register_script(PUBLISH)
        self._requests = Requests("Redis", self._place)
        self._is_away = False  # said in the log, until it answers again
        self._level = logging.WARNING  # at which that was said
        self._listener: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, check that acknowledged means durable, and begin to listen for changes.

        Raises `HubUnavailable` if the server does not answer; `HubRefused`, at once, if it does not let us in or does
        not keep what it acknowledges.
        """
        was_open = self._requests.is_open
        self._requests.begin()
        try:
            await self._try("connect to", lambda: self._client.ping())
            if self._durable:
                await self._check_durability()
        except BaseException:
            if not was_open:
                self._requests.end()  # nobody listens for changes: a poll would wait in silence
            raise
        if self._listener is None:
            self._listener = self._spawn(self._listen())

    async def close(self) -> None:
        """Disconnect; whoever waits is cancelled. May be called twice."""
        self._listener = None
        self._requests.end()
        self._is_away = False
        await self._end_tasks()
        await self._client.aclose()

    async def publish(self, topic: str, data: Any, *, key: str | None = None) -> Message:
        """See `SharedHub.publish`; without a *key* it gets one, since it may have to be sent again."""
        key = uuid.uuid4().hex if key is None else key
        stream, kept = self._keys(topic)
        keys = [stream, kept, f"{kept}:{key}"]
        arguments = [key, json_encode(data), self._keep, self._channel, topic, self._remembered]
        number = await self._try(f"publish on {topic!r} to", lambda: self._script(keys=keys, args=arguments), key)
        return Message(topic, int(number), data, key)

    async def cursor(self, topic: str) -> int:
        """The cursor of the last message, 0 if there is none. Raises `HubUnavailable`."""
        stream, _ = self._keys(topic)
        return _number(await self._try(f"read {topic!r} from", lambda: self._client.xrevrange(stream, count=1)))

    async def history(self, topic: str, after: int) -> list[Message]:
        """See `SharedHub.history`. Raises `HubUnavailable`."""
        stream, _ = self._keys(topic)

        async def read() -> tuple[list[Any], list[Any]]:
            async with self._client.pipeline(transaction=True) as both:
                both.xrange(stream, min=f"{min(max(after, 0) + 1, LAST)}-0")
                both.xrevrange(stream, count=1)
                entries, last = await both.execute()
                return entries, last

        entries, last = await self._try(f"read {topic!r} from", read)
        messages = [_message(topic, entry) for entry in entries]
        if messages and messages[0].cursor != after + 1:
            raise Lost(topic, after, messages[0].cursor - 1)
        if not messages and _number(last) != after:
            raise Lost(topic, after, _number(last))
        return messages

    def _keys(self, topic: str) -> tuple[str, str]:
        # The braces keep both on one node of a cluster.
        return f"{self._prefix}{{{topic}}}:stream", f"{self._prefix}{{{topic}}}:keys"

    async def _check_durability(self) -> None:
        async def said(pattern: str) -> dict[Any, Any]:
            try:
                answer: dict[Any, Any] = await self._client.config_get(pattern)
            except self._exceptions.ResponseError as error:
                raise HubRefused(
                    f"the Redis at {self._place} does not tell whether it keeps what it acknowledges ({error});"
                    " connect(url, durable=False), or RedisHub(url, durable=False), does without"
                ) from None
            return answer

        settings = {
            _text(name): _text(value)
            for pattern in ("append*", "maxmemory*")
            for name, value in (await self._try("ask for the settings of", partial(said, pattern))).items()
        }
        if settings.get("appendonly") != "yes" or settings.get("appendfsync") != "always":
            raise HubRefused(
                f"the Redis at {self._place} may lose what it has acknowledged:"
                " set `appendonly yes` and `appendfsync always`"
                f" (now {settings.get('appendonly')!r} and {settings.get('appendfsync')!r}),"
                " or say connect(url, durable=False), or RedisHub(url, durable=False)"
            )
        evicting = settings.get("maxmemory-policy")
        if settings.get("maxmemory") != "0" and evicting != "noeviction":
            raise HubRefused(
                f"the Redis at {self._place} drops what it has acknowledged when its memory is full:"
                f" set `maxmemory-policy noeviction` (now {evicting!r}),"
                " or say connect(url, durable=False), or RedisHub(url, durable=False)"
            )

    async def _try(self, what: str, call: Callable[[], Awaitable[T]], key: str | None = None) -> T:
        """``await call()``, again and again while the server is away. RuntimeError if the hub is not open."""

        async def answered() -> T:
            was_away = self._is_away
            result = await call()
            self._answers(was_away)
            return result

        return await self._requests.ask(what, answered, self._why, self._patience, key)

    def _why(self, what: str, error: Exception, key: str | None) -> str:
        """What kept the server from doing *what*; raises what no repetition mends."""
        known = self._exceptions
        if isinstance(error, known.NoScriptError):
            return str(error)  # the server was started anew between the script's loading and its use
        if isinstance(error, known.MovedError):
            raise refused(what, "Redis", self._place, f"MOVED {error}", key) from None
        if isinstance(error, known.ResponseError):
            raise refused(what, "Redis", self._place, error, key) from None
        if not isinstance(error, self._losses):
            raise error
        if advice(error):  # what it says while a connection is made comes as a ConnectionError
            raise refused(what, "Redis", self._place, error, key) from None
        why = reason(error)
        self._is_missed("cannot %s Redis, trying again for %g s: no answer from %s (%s)", what, self._patience, why)
        return why

    def _is_missed(self, text: str, *arguments: object) -> None:
        """Say in the log that Redis is away: once, whoever notices, until it answers again."""
        if not self._is_away and self._requests.is_open:
            self._is_away = True
            # Workers that start find the same: the first of them says it. Later each tells of its own connection.
            is_told = self._listener is None and worker_number()
            self._level = logging.DEBUG if is_told else logging.WARNING
            *before, why = arguments
            app_log.log(self._level, text, *before, self._place, why)

    def _answers(self, was_away: bool) -> None:
        """What was asked when it *was away* is answered; an answer to an earlier question may have been on its way."""
        if was_away and self._is_away:
            self._is_away = False
            app_log.log(self._level, "Redis at %s answers again", self._place)

    async def _listen(self) -> None:
        """Hear of changes, for as long as the hub is open; after each connection all topics are looked at."""
        pause = FIRST_PAUSE
        known = self._exceptions
        refusal = ""
        while True:
            was_away = self._is_away
            try:
                async with self._client.pubsub() as listener:
                    await listener.subscribe(self._channel)
                    async for topic in self._notices(listener):
                        pause, refusal = FIRST_PAUSE, ""
                        if topic is None:
                            self._answers(was_away)
                        for each in list(self._mirrors) if topic is None else [topic]:
                            self._changed(each)
            except known.ResponseError as error:
                why = str(refused("hear of changes from", "Redis", self._place, error))
                if why != refusal:
                    app_log.error("%s; until then readers here wait in vain", why)
                refusal = why
            except self._losses as error:
                self._is_missed("lost the connection to Redis at %s (%s), connecting again", reason(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _notices(self, listener: Any) -> Any:
        """The topics that have changed; None: any of them, the connection is new."""
        asked = False
        while True:
            notice = await listener.get_message(timeout=SILENCE)
            if notice is None:
                if asked:
                    raise self._exceptions.ConnectionError(f"no answer in {SILENCE} s")
                await listener.ping()
                asked = True
                continue
            asked = False
            if notice["type"] == "subscribe":
                yield None
            elif notice["type"] == "message":
                yield _text(notice["data"])


def _message(topic: str, entry: tuple[bytes, dict[bytes, bytes]]) -> Message:
    identifier, fields = entry
    return Message(topic, int(identifier.split(b"-")[0]), json_decode(fields[b"data"]), _text(fields[b"key"]))


def _number(entries: list[Any]) -> int:
    return int(entries[0][0].split(b"-")[0]) if entries else 0


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
