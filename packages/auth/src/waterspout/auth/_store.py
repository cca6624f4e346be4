"""Where what a server remembers about browsers is kept: the protocol, and a store in memory."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Protocol


class Store(Protocol):
    """Values by key, each for a limited time. `waterspout.auth.sessions` has one in memory and one in Redis.

    Keys are made by this package: printable ASCII without blanks, at most 128 characters, nothing that a client sent
    (ids of clients are hashed first), so that they fit as file names and column values. ``ttl`` is in seconds.
    Values are bytes and secret. Every method may be called by several tasks at once.

    A store may have a further method, ``async def touch(key, ttl) -> bool``: let the value, as it is then, last for
    ``ttl`` seconds from now; whether there was one. Sessions that only live on are kept by it, so that this does not
    undo what another request changes meanwhile; without it they are written again with `replace`.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None if there is none (any more)."""

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep ``value`` for ``ttl`` seconds, in place of any that is there."""

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        """Keep ``value`` if there is none for ``key``; whether it was kept. Two tasks never both hear True."""

    async def replace(self, key: str, value: bytes, ttl: float) -> bool:
        """`set` if there is a value to replace; whether there was. What was deleted meanwhile stays deleted."""

    async def delete(self, key: str) -> None:
        """Forget the value, if there is one."""


Store.__module__ = "waterspout.auth.sessions"

#: A session of a kilobyte: 100 MB when full.
MAX_ENTRIES = 100_000


class MemoryStore:
    """A `Store` in this process's memory: lost when it ends, and not shared with other processes.

    It keeps ``max_entries`` at most; beyond them those that would expire first are dropped.
    """

    __module__ = "waterspout.auth.sessions"

    def __init__(self, max_entries: int = MAX_ENTRIES, *, clock: Callable[[], float] = time.monotonic) -> None:
        if max_entries < 1:
            raise ValueError(f"max_entries must be at least 1, not {max_entries}")
        self.max_entries = max_entries
        self._clock = clock
        self._values: dict[str, tuple[float, bytes]] = {}
        # (expiry, key), soonest first. An entry whose value has got another expiry since then is passed over.
        self._expiries: list[tuple[float, str]] = []

    def __len__(self) -> int:
        self._drop_expired()
        return len(self._values)

    async def get(self, key: str) -> bytes | None:
        """See `Store`."""
        found = self._values.get(key)
        return None if found is None or found[0] <= self._clock() else found[1]

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """See `Store`."""
        self._drop_expired()
        expiry = self._clock() + ttl
        self._values[key] = (expiry, value)
        heapq.heappush(self._expiries, (expiry, key))
        while len(self._values) > self.max_entries:
            self._drop_first()
        if len(self._expiries) > 2 * len(self._values) + 64:  # mostly entries that are out of date
            self._expiries = [(expiry, key) for key, (expiry, _) in self._values.items()]
            heapq.heapify(self._expiries)

    async def add(self, key: str, value: bytes, ttl: float) -> bool:
        """See `Store`."""
        if await self.get(key) is not None:
            return False
        await self.set(key, value, ttl)
        return True

    async def replace(self, key: str, value: bytes, ttl: float) -> bool:
        """See `Store`."""
        if await self.get(key) is None:
            return False
        await self.set(key, value, ttl)
        return True

    async def touch(self, key: str, ttl: float) -> bool:
        """See `Store`."""
        value = await self.get(key)
        return value is not None and await self.replace(key, value, ttl)

    async def delete(self, key: str) -> None:
        """See `Store`."""
        self._values.pop(key, None)

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            self._drop_first()

    def _drop_first(self) -> None:
        expiry, key = heapq.heappop(self._expiries)
        found = self._values.get(key)
        if found is not None and found[0] == expiry:
            del self._values[key]
