"""Two streams that are connected in memory: what one sends the other receives, with no socket in between.

They have the part of `IOStream` that connections use: push and not pull, ordered close, flow control. What is sent
arrives in a later turn of the loop, in pieces of at most 64 KiB, and waits at the sender while the receiver is paused.
"""

from __future__ import annotations

import asyncio
import socket as socket_module
from collections.abc import Callable, Iterable
from typing import Any

from waterspout.ioloop import IOLoop
from waterspout.iostream import StreamClosedError, StreamReceiver

__all__ = ["MemoryStream", "memory_streams"]

PIECE = 64 * 1024


class MemorySocket:
    """What is asked of a stream's socket: names, and ending one direction."""

    family = socket_module.AF_INET

    def __init__(self, stream: MemoryStream, name: tuple[str, int], peer: tuple[str, int]) -> None:
        self._stream = stream
        self._name = name
        self._peer = peer

    def getsockname(self) -> tuple[str, int]:
        """The address of this end."""
        return self._name

    def getpeername(self) -> tuple[str, int]:
        """The address of the other end."""
        return self._peer

    def shutdown(self, how: int) -> None:
        """End our direction; the other end hears of it after what was sent."""
        self._stream.end_output()


class MemoryStream:
    """One end; made by `memory_streams`."""

    high_water = 64 * 1024
    max_write_buffer_size: int | None = None
    error: BaseException | None = None
    _peer: MemoryStream
    socket: MemorySocket

    def __init__(self) -> None:
        self.io_loop = IOLoop.current()
        self._loop = self.io_loop.asyncio_loop
        self._receiver: StreamReceiver | None = None
        self._unread = b""
        self._out = bytearray()
        self._waiting: list[asyncio.Future[None]] = []
        self._watchers: list[Callable[[], object]] = []
        self._scheduled = self._paused = self._closed = self._closing = self._ended = self._told_end = False

    # Receiving.

    def set_receiver(self, receiver: StreamReceiver | None) -> None:
        """Hand what arrives to *receiver*; None leaves it at the sender."""
        self._paused = False
        self._receiver = receiver
        if receiver is None:
            return
        data, self._unread = self._unread, b""
        if data:
            receiver.data_received(data)
        if self._closed:
            self._loop.call_soon(receiver.connection_lost, self.error)
        else:
            self._peer.schedule()

    def unread(self, data: bytes) -> None:
        """Put *data* in front of what the next receiver gets."""
        self._unread = data + self._unread

    def pause_receiving(self) -> None:
        """Leave what arrives at the sender."""
        self._paused = True

    def resume_receiving(self) -> None:
        """End `pause_receiving`."""
        self._paused = False
        self._peer.schedule()

    def takes_data(self) -> bool:
        """Whether somebody receives now."""
        return self._receiver is not None and not (self._paused or self._closed)

    def receive(self, data: bytes) -> None:
        """A piece from the other end."""
        assert self._receiver is not None
        self._receiver.data_received(data)

    def receive_end(self) -> None:
        """The other end sends no more."""
        receiver = self._receiver
        if receiver is not None and not self._told_end:
            self._told_end = True
            if not receiver.eof_received():
                self.close_after_flush()

    # Sending.

    @property
    def pending(self) -> int:
        """Bytes that the other end has not received."""
        return len(self._out)

    def send(self, data: bytes) -> None:
        """Send *data*; `StreamClosedError` if this end is closed."""
        self.send_many((data,))

    def send_many(self, buffers: Iterable[Any]) -> None:
        """Send several buffers."""
        if self._closed:
            raise StreamClosedError(real_error=self.error)
        for data in buffers:
            self._out += data
        self.schedule()

    def write(self, data: bytes) -> asyncio.Future[None]:
        """`send`, then `flushed`."""
        self.send(data)
        return self.flushed()

    def flushed(self) -> asyncio.Future[None]:
        """Done when the other end has received all that was sent."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self._closed:
            future.set_exception(StreamClosedError(real_error=self.error))
            future.exception()
        elif self._out:
            self._waiting.append(future)
        else:
            future.set_result(None)
        return future

    def schedule(self) -> None:
        """Deliver what waits, in the next turn."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        peer = self._peer
        while self._out and peer.takes_data():
            piece = bytes(self._out[:PIECE])
            del self._out[:PIECE]
            peer.receive(piece)
        if self._out:
            if peer.closed():  # nobody will take it
                self.close(ConnectionResetError("the other end is closed"))
            return
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        if self._closing:
            self.close()
        elif self._ended or self._closed:
            peer.receive_end()

    # The end.

    def end_output(self) -> None:
        """Send no more; the other end hears of it after what was sent."""
        self._ended = True
        self.schedule()

    def closed(self) -> bool:
        """Whether this end is closed."""
        return self._closed

    def close(self, error: BaseException | None = None) -> None:
        """Close this end; what has not been received is lost."""
        if self._closed:
            return
        self._closed = True
        self.error = error
        self._out.clear()
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(StreamClosedError(real_error=error))
                future.exception()
        for watcher in self._watchers:
            watcher()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            self._loop.call_soon(receiver.connection_lost, error)
        self.schedule()
        self._peer.schedule()

    def close_after_flush(self) -> None:
        """Close when all that was sent has been received."""
        self._closing = True
        self.schedule()

    def watch_close(self, callback: Callable[[], object]) -> None:
        """Call *callback* when this end is closed."""
        self._watchers.append(callback)

    def set_nodelay(self, value: bool) -> None:
        """Nothing waits here anyway."""

    def statistics(self) -> dict[str, int]:
        """None are kept."""
        return {}

    def join(self, peer: MemoryStream, name: tuple[str, int], peer_name: tuple[str, int]) -> None:
        """Become one of two ends."""
        self._peer = peer
        self.socket = MemorySocket(self, name, peer_name)


def memory_streams(client: tuple[str, int], server: tuple[str, int]) -> tuple[MemoryStream, MemoryStream]:
    """Two connected ends, the client's and the server's, with these addresses; to be called in a running loop."""
    ends = MemoryStream(), MemoryStream()
    ends[0].join(ends[1], client, server)
    ends[1].join(ends[0], server, client)
    return ends
