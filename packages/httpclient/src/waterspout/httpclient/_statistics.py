"""Numbers about a connection pool."""

from __future__ import annotations


class PoolStatistics:
    """What a client's pool has done so far, and what it holds now."""

    __module__ = "waterspout.httpclient"
    __slots__ = ("closed", "connecting", "failed", "idle", "open", "opened", "reused", "waiting")

    opened: int
    reused: int
    closed: int
    failed: int
    connecting: int
    open: int
    idle: int
    waiting: int

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    def copy(self) -> PoolStatistics:
        """The same numbers, which change no more."""
        copy = PoolStatistics()
        for name in self.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(f'{name}={getattr(self, name)}' for name in self.__slots__)}>"
