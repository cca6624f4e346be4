"""A store in Redis, shared by all processes of an application."""

from __future__ import annotations

from typing import Any


class RedisStore:
    """A `Store` in Redis (5 or newer, or what speaks its protocol). Needs ``pip install 'waterspout-auth[redis]'``.

    ``url`` is a ``redis://`` or ``rediss://`` address, or an existing `redis.asyncio.Redis` that does not decode its
    answers. Each key begins with ``prefix``. What Redis or the connection to it fails with is raised as it is:
    nobody is signed in on a guess.
    """

    __module__ = "waterspout.auth.sessions"

    def __init__(self, url: str | Any, *, prefix: str = "waterspout:") -> None:
        if isinstance(url, str):
            try:
                from redis.asyncio import Redis
            except ImportError as error:
                raise ImportError("RedisStore needs redis: pip install 'waterspout-auth[redis]'") from error
            url = Redis.from_url(url)
        self._redis: Any = url
        self._prefix = prefix

    async def get(self, key: str) -> bytes | None:
        """See `Store`."""
        value = await self._redis.get(self._prefix + key)
        if isinstance(value, str):
            raise TypeError("the Redis client decodes its answers: make it without decode_responses")
        return None if value is None else bytes(value)

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """See `Store`."""
        await self._redis.set(self._prefix + key, value, px=_milliseconds(ttl))

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        """See `Store`."""
        return bool(await self._redis.set(self._prefix + key, value, px=_milliseconds(ttl), nx=True))

    async def replace(self, key: str, value: bytes, ttl: float) -> bool:
        """See `Store`."""
        return bool(await self._redis.set(self._prefix + key, value, px=_milliseconds(ttl), xx=True))

    async def touch(self, key: str, ttl: float) -> bool:
        """See `Store`."""
        return bool(await self._redis.pexpire(self._prefix + key, _milliseconds(ttl)))

    async def delete(self, key: str) -> None:
        """See `Store`."""
        await self._redis.delete(self._prefix + key)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _milliseconds(ttl: float) -> int:
    return max(1, int(ttl * 1000))
