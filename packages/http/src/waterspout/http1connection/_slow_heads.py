"""Clients that send their head a few bytes at a time are read together, now and then, and not whenever a byte comes.

Thousands of them would else wake the loop for each byte, and those that are served would wait behind them. Who has been
sending pieces of a head for some time and still none that ends it is taken out of the loop's selector into one that
nobody waits on: a hundred times a second a few of those that have sent something are read. What they send meanwhile
stays in the kernel.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

from waterspout.http1connection._phase import Phase
from waterspout.iostream import IOStream

if TYPE_CHECKING:
    import asyncio

    from waterspout.http1connection._server_connection import HTTP1ServerConnection
    from waterspout.ioloop import IOLoop

__all__ = ["SlowHeads"]

#: Seconds that a head may come in pieces which are read at once: those of honest clients take some round trips.
PATIENCE: Final = 1.0
#: From so many slow ones on each further head that comes in small pieces (bytes) is taken for another one; an honest
#: client's second packet is large, and does not wait behind theirs.
CROWD: Final = 50
SMALL: Final = 64
#: Seconds between two looks, and how many are read at each. Few at a time and often, since whoever else is served waits
#: for all of them: eight are a tenth of a millisecond of work.
INTERVAL: Final = 0.01
READ_AT_ONCE: Final = 8

_POSSIBLE: Final = hasattr(select, "epoll")
_SPOKEN: Final = getattr(select, "EPOLLIN", 0)


class SlowHeads:
    """Those of one server. Their deadlines are where all connections' are."""

    __module__ = "waterspout.http1connection"
    __slots__ = ("_connections", "_descriptors", "_epoll", "_loop", "_timer")

    def __init__(self, io_loop: IOLoop) -> None:
        self._loop = io_loop.asyncio_loop
        self._connections: dict[int, HTTP1ServerConnection] = {}
        self._descriptors: dict[HTTP1ServerConnection, int] = {}
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._descriptors)

    def consider(self, connection: HTTP1ServerConnection, size: int, seconds: float) -> None:
        """*connection* has sent another piece of *size* bytes of a head that is not whole after *seconds*."""
        if seconds >= PATIENCE or (size < SMALL and len(self._descriptors) >= CROWD):
            self.enter(connection)

    def enter(self, connection: HTTP1ServerConnection) -> None:
        """Read *connection* from here until its head is whole.

        It is read as ever where that cannot be: over TLS, without epoll, or when the system has no descriptor or memory
        for it.
        """
        stream = connection.stream
        if not _POSSIBLE or type(stream) is not IOStream or stream.closed() or connection in self._descriptors:
            return
        fd = stream.fileno()
        try:
            epoll = self._epoll or select.epoll()
            epoll.register(fd, _SPOKEN)
        except OSError:
            return
        if self._epoll is None:
            self._epoll = epoll
            self._timer = self._loop.call_later(INTERVAL, self._look)
        stream.pause_receiving()
        self._connections[fd] = connection
        self._descriptors[connection] = fd

    def leave(self, connection: HTTP1ServerConnection) -> None:
        """The head of *connection* is whole, or nobody waits for it any more; nothing happens if it is not here."""
        fd = self._descriptors.pop(connection, None)
        if fd is None:
            return
        if self._connections.get(fd) is connection:  # a descriptor that was closed may be another's by now
            del self._connections[fd]
            if not connection.stream.closed() and self._epoll is not None:
                self._epoll.unregister(fd)
        connection.stream.resume_receiving()
        if not self._descriptors and self._epoll is not None:
            self._epoll.close()
            self._epoll = None
            if self._timer is not None:
                self._timer.cancel()

    def _look(self) -> None:
        epoll = self._epoll
        if epoll is None:
            return
        self._timer = self._loop.call_later(INTERVAL, self._look)
        for fd, _ in epoll.poll(0, READ_AT_ONCE):
            connection = self._connections.get(fd)
            if connection is not None:
                connection.stream.receive_paused()
                if connection.phase is not Phase.HEAD:
                    self.leave(connection)
