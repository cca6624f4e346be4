"""What goes out: messages, control frames, and the bounded queue of a peer that does not take them.

``_queued`` is never less than the stream's ``pending``, and is set to it where it exceeds the high-water mark: an
attribute to look at in place of a call for each message.
"""

from __future__ import annotations

from asyncio import Future
from typing import Any, Final

from waterspout.escape import json_encode
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.ws import CloseCode, ClosedError, Connection, SharedMessage, State
from waterspout.wsconnection._clock import sent_future
from waterspout.wsconnection._errors import WebSocketClosedError
from waterspout.wsconnection._overflow import Overflow

__all__ = ["Output"]

#: Output (bytes) above which a peer is slow.
HIGH_WATER: Final = 64 * 1024
#: Pings in one piece of input that are answered each; of further ones only the last is (RFC 6455, 5.5.3).
PONGS_AT_ONCE: Final = 32

_OPEN: Final = State.OPEN


class Output:
    """The sending half of a connection: a stream, a codec, and what is done when more than *high_water* bytes wait."""

    __slots__ = ("_codec", "_drain_waiters", "_pong_due", "_pongs", "_queued", "_sent", "dropped", "high_water",
                 "overflow", "stream")  # fmt: skip

    high_water: int
    overflow: Overflow
    #: The stream; closed with the connection.
    stream: IOStream
    #: Number of messages that were not sent, by the policy `Overflow.DROP`.
    dropped: int

    def __init__(self, stream: IOStream, codec: Connection, high_water: int, overflow: Overflow) -> None:
        self.stream = stream
        self.high_water = stream.high_water = high_water
        self.overflow = overflow
        self.dropped = 0
        self._codec = codec
        self._queued = stream.pending
        self._sent = sent_future(stream.io_loop)
        self._drain_waiters: list[Future[None]] | None = None
        # The data of the ping that is still to be answered, and how many have come in this piece of input.
        self._pong_due: bytes | None = None
        self._pongs = 0

    def close(self, code: int | None = None, reason: str | None = None, *, timeout: float | None = None) -> None:
        """Begin the closing handshake."""
        raise NotImplementedError

    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]:
        """Send *message*: text, or bytes if *binary*; a dictionary is sent as JSON.

        The Future is done when at most `high_water` bytes wait for the peer: at once, mostly. Raises
        `WebSocketClosedError` if the connection is closing; the Future fails with it if the connection is lost.
        """
        if self._queued > self.high_water and not self._may_send():
            return self._sent
        codec = self._codec
        try:
            if type(message) is str and not binary:
                frame = codec.send_text(message)
            else:
                frame = _encoded(codec, message, binary)
            self.stream.send(frame)
        except (ClosedError, StreamClosedError) as error:
            raise WebSocketClosedError("the WebSocket is closed, or closing") from error
        self._queued += len(frame)
        return self._sent if self._queued <= self.high_water else self._when_sent()

    def write_frame(self, frame: bytes) -> Future[None]:
        """Send a whole frame that is encoded already, by `waterspout.ws.frame`: one message to many clients.

        As `write_message` otherwise.
        """
        if self.send_frame(frame) or self._codec.state is _OPEN:
            return self._sent if self._queued <= self.high_water else self._when_sent()
        raise WebSocketClosedError("the WebSocket is closed, or closing")

    def send_frame(self, frame: bytes) -> bool:
        """`write_frame` without waiting; false if it is not sent: the connection is closing, or `overflow` forbids."""
        if self._queued > self.high_water and not self._may_send():
            return False
        if self._codec.state is not _OPEN:
            return False
        try:
            self.stream.send(frame)
        except StreamClosedError:
            return False
        self._queued += len(frame)
        return True

    def send_shared(self, message: SharedMessage, now: bool) -> bool:
        """Send what goes to many clients, compressed where one compression serves them all; else as `send_frame`.

        With *now* it is handed to the system in this call, see `IOStream.send_now`.
        """
        if self._queued > self.high_water and not self._may_send():
            return False
        codec = self._codec
        if codec.state is not _OPEN:
            return False
        extension = codec.extension
        frame = message.plain if extension is None else message.for_extension(extension)
        try:
            if not now:
                self.stream.send(frame)
            elif self.stream.send_now(frame):
                return True  # nothing of it waits
            elif self.stream.closed():
                return False
        except StreamClosedError:
            return False
        self._queued += len(frame)
        return True

    def _pending(self) -> int:
        """Bytes that wait for the peer."""
        self._queued = self.stream.pending
        return self._queued

    def _may_send(self) -> bool:
        """Whether `overflow` lets one more message be queued; does what it says if not."""
        if self.overflow is Overflow.WAIT or self._pending() <= self.high_water:
            return True
        if self._codec.state is not _OPEN or self.stream.closed():
            return True  # the caller finds out
        self.dropped += 1
        if self.overflow is Overflow.CLOSE:
            self.close(CloseCode.POLICY_VIOLATION, "messages are not read fast enough")
        return False

    def _when_sent(self) -> Future[None]:
        """A Future that is done when the queue is empty; done now if it is short, or nobody is to wait."""
        if self._pending() <= self.high_water or self.overflow is not Overflow.WAIT:
            return self._sent
        future: Future[None] = self.stream.io_loop.asyncio_loop.create_future()
        if self._drain_waiters is None:
            self._drain_waiters = [future]
        else:
            self._drain_waiters.append(future)
        return future

    def _is_full(self) -> bool:
        return self._queued > self.high_water and self._pending() > self.high_water

    def _send(self, frame: bytes) -> None:
        """Queue a control frame."""
        self.stream.send(frame)
        self._queued += len(frame)

    def write_ping(self, data: bytes = b"") -> None:
        """Send a ping with at most 125 bytes. Raises `WebSocketClosedError` if the connection is closing."""
        if self._codec.state is not _OPEN or self.stream.closed():
            raise WebSocketClosedError("the WebSocket is closed, or closing")
        self._send(self._codec.ping(data))

    def _answer(self, data: bytes) -> None:
        """Send a pong, unless many pings come or the peer does not read: then later, for the last ping only."""
        self._pongs += 1
        if self._pongs > PONGS_AT_ONCE or self._is_full():
            self._pong_due = data
        elif self._codec.state is _OPEN and not self.stream.closed():
            self._pong_due = None
            self._send(self._codec.pong(data))

    def _send_pong_due(self) -> None:
        data = self._pong_due
        if data is not None and not self._is_full():
            self._pong_due = None
            if self._codec.state is _OPEN and not self.stream.closed():
                self._send(self._codec.pong(data))

    def set_nodelay(self, value: bool) -> None:
        """Send small messages at once (true), or let the system collect them."""
        self.stream.set_nodelay(value)

    def _settle_waiters(self, lost: bool) -> None:
        """Tell those who wait that the queue is empty, or that it is lost."""
        waiters, self._drain_waiters = self._drain_waiters, None
        for future in waiters or ():
            if future.done():
                continue
            if lost:
                future.set_exception(WebSocketClosedError("the connection was lost before the message was sent"))
                future.exception()  # seen: who does not wait for a write hears of the loss by on_close
            else:
                future.set_result(None)


def _encoded(codec: Connection, message: str | bytes | dict[str, Any], binary: bool) -> bytes:
    """The frame of *message*, whatever it is."""
    if isinstance(message, dict):
        message = json_encode(message)
    if binary:
        return codec.send_binary(message.encode() if isinstance(message, str) else message)
    # Not bytes(message): of a number that would be so many zeros.
    return codec.send_text(message if isinstance(message, str) else bytes(memoryview(message)).decode())
