"""Connections that another protocol has taken over from a server, which still knows them when it drains."""

from __future__ import annotations

from typing import Protocol

from waterspout.iostream import IOStream
from waterspout.log import app_log

__all__ = ["Upgraded", "UpgradedConnections"]


class Upgraded(Protocol):
    """Who takes a server's connection over for another protocol; see `HTTP1ServerConnection.hand_over`."""

    def drain(self, until: float) -> object:
        """The server has begun to drain: end the connection in order (a WebSocket: close it with code 1001).

        Called once, and at once where the server was draining already. At *until* (on the scale of the loop's
        ``time()``) the server closes the stream if it is still open.
        """


Upgraded.__module__ = "waterspout.http1connection"


class UpgradedConnections:
    """Those of one server. `len` of it is how many are still open."""

    __module__ = "waterspout.http1connection"
    __slots__ = ("_streams", "_until", "count")

    #: How many there have been.
    count: int

    def __init__(self) -> None:
        self.count = 0
        self._streams: dict[Upgraded, IOStream] = {}
        self._until: float | None = None

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, owner: Upgraded, stream: IOStream) -> None:
        """Note that *owner* has *stream* now. When the stream is closed, `forget` must be called."""
        self.count += 1
        self._streams[owner] = stream
        if self._until is not None:
            # Later: the owner is only now being told that the stream is its own.
            stream.io_loop.add_callback(self._tell, owner, self._until)

    def forget(self, owner: Upgraded) -> None:
        """The stream of *owner* is closed."""
        self._streams.pop(owner, None)

    def drain(self, until: float) -> None:
        """Tell all owners, and those that come later, that the server drains until the loop's time *until*."""
        if self._until is None:
            self._until = until
            for owner in list(self._streams):
                self._tell(owner, until)

    def _tell(self, owner: Upgraded, until: float) -> None:
        if owner not in self._streams:
            return  # it has ended meanwhile
        try:
            owner.drain(until)
        except Exception:
            app_log.error("Exception in drain of %r", owner, exc_info=True)

    def close(self) -> int:
        """Close all that are open; returns how many."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.close()
        return len(streams)
