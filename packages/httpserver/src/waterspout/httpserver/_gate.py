"""How many clients are let in: in all, and from one address. The others are told to come again later.

Theory of operation. A connection is counted from its stream's beginning until its descriptor is gone, whatever protocol
has it by then. One too many gets 503 without being read or parsed: a few system calls. Where it can be done it is
closed the long way (RFC 9112, 9.6), or the reset that follows the client's own request would eat the answer; but only
so many at a time, as each of those holds a descriptor too.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from waterspout.httpserver._clientkey import client_key, peer_of
from waterspout.httputil import LogLimit, format_timestamp
from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream
from waterspout.log import gen_log

__all__ = ["ConnectionGate"]

#: Seconds after which a client that was turned away may come again: Retry-After.
RETRY_AFTER = 5
#: Of those turned away: how many are waited for at a time, for how many seconds, and for how many bytes each.
LINGERING, LINGER_TIMEOUT, LINGER_BYTES = 64, 1.0, 64 * 1024


class ConnectionGate:
    """Counts connections of one server; `refusal` says whether one more may come in."""

    __slots__ = ("_by_peer", "_connections", "_lingering", "_log", "_waiting", "limit", "limit_per_peer", "others")

    #: Streams that were counted one by one.
    others: int
    limit: int
    limit_per_peer: int | None

    def __init__(
        self,
        limit: int,
        limit_per_peer: int | None,
        connections: Collection[object] = (),
        waiting: Collection[object] = (),
    ) -> None:
        """Those in *connections* and *waiting* count, too."""
        self.limit = limit
        self.limit_per_peer = limit_per_peer
        self.others = 0
        self._connections = connections
        self._waiting = waiting
        self._by_peer: dict[str | bytes, int] = {}
        self._lingering: set[_Lingering] = set()
        self._log = LogLimit(records=1, period=10.0)

    @property
    def count(self) -> int:
        """Connections that are open."""
        return self.others + len(self._connections) + len(self._waiting)

    @property
    def room(self) -> int:
        """How many more may come in, whoever they are."""
        return max(0, self.limit - self.others - len(self._connections) - len(self._waiting))

    def has_room(self) -> bool:
        """Whether one more may come in, whoever it is."""
        return self.others + len(self._connections) + len(self._waiting) < self.limit

    def refusal(self, address: Any) -> str | None:
        """Why a connection from *address* cannot be let in, or None."""
        if not self.has_room():
            return f"all {self.limit} connections are taken"
        if self.limit_per_peer is not None:
            peer = peer_of(address)
            if peer is not None:
                client = client_key(peer)
                if self._by_peer.get(client, 0) >= self.limit_per_peer:
                    what = "address" if isinstance(client, str) else "network"
                    return f"this {what} has {self.limit_per_peer} connections already"
        return None

    def enter(self, stream: IOStream, address: Any) -> None:
        """Count *stream* until it is closed."""
        self.others += 1
        peer = peer_of(address) if self.limit_per_peer is not None else None
        if peer is None:
            stream.watch_close(self._leave)
        else:
            client = client_key(peer)
            self._by_peer[client] = self._by_peer.get(client, 0) + 1
            stream.watch_close(partial(self._leave_client, client))

    def _leave(self) -> None:
        self.others -= 1

    def _leave_client(self, client: str | bytes) -> None:
        self.others -= 1
        left = self._by_peer[client] - 1
        if left:
            self._by_peer[client] = left
        else:
            del self._by_peer[client]

    def turn_away(self, connection: socket.socket, address: Any, why: str, *, speaks_http: bool) -> None:
        """Close *connection*, with 503 where HTTP is spoken on it at once (not on TLS: that would need a handshake)."""
        if self._log.allows(why):
            gen_log.warning("Turning clients away, %s among them: %s", peer_of(address) or "one", why)
        try:
            if speaks_http:
                connection.setblocking(False)
                connection.send(_answer())
                connection.shutdown(socket.SHUT_WR)
                if len(self._lingering) < LINGERING:
                    self._lingering.add(_Lingering(connection, self._lingering.discard))
                    return
        except OSError:  # it has gone by itself
            pass
        connection.close()

    def close(self) -> None:
        """Wait for nobody any more."""
        for lingering in list(self._lingering):
            lingering.close()


def _answer() -> bytes:
    return (
        "HTTP/1.1 503 Service Unavailable\r\n"
        f"Date: {format_timestamp(time.time())}\r\n"
        f"Retry-After: {RETRY_AFTER}\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
        "503 Service Unavailable\n"
    ).encode("ascii")


class _Lingering:
    """A client that has its answer: what it still sends is thrown away until it closes, too, or takes too long."""

    __slots__ = ("_left", "_loop", "_on_closed", "_socket", "_timer")

    def __init__(self, connection: socket.socket, on_closed: Callable[[_Lingering], object]) -> None:
        self._socket = connection
        self._on_closed = on_closed
        self._left = LINGER_BYTES
        io_loop = IOLoop.current()
        self._loop = io_loop.selector_loop
        self._timer = io_loop.asyncio_loop.call_later(LINGER_TIMEOUT, self.close)
        self._loop.add_reader(connection.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(8192)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._left -= len(data)
        if not data or self._left <= 0:
            self.close()

    def close(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._on_closed(self)
