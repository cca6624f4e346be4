"""How long a connection lives: pings while it is open, the closing handshake, and the deadlines of both.

A peer is alive if anything has come from it since the ping. It cannot be heard while nothing is read from it, and
cannot answer a ping that waits behind other output: then it is alive if it takes that output, however slowly. How much
waits says nothing, as the owner may add as much as the peer takes; how much has gone to the kernel does.

No timer belongs to a connection: all of a loop share a coarse wheel of deadlines.
"""

from __future__ import annotations

import socket
from asyncio import Future
from math import inf
from typing import Final

from waterspout.ioloop import Deadlines
from waterspout.iostream import IOStream
from waterspout.log import gen_log
from waterspout.ws import Close, CloseCode, Connection, Role, State
from waterspout.ws._states import TRANSITIONS, Happening
from waterspout.wsconnection._clock import deadlines_for
from waterspout.wsconnection._output import Output
from waterspout.wsconnection._overflow import Overflow

__all__ = ["Lifetime"]

#: Seconds that the peer has to answer our Close, and to close.
CLOSE_TIMEOUT: Final = 5.0
#: Seconds that a peer which broke the protocol has to read why.
LINGER_TIMEOUT: Final = 1.0

_OPEN: Final = State.OPEN


class Lifetime(Output):
    """A connection that pings its peer every *ping_interval* seconds, and can be closed."""

    __slots__ = ("_awaiting", "_closing", "_deadlines", "_deaf", "_heard", "_paused", "_ping_at", "_ping_end",
                 "_sent_seen", "close_code", "close_reason", "deadline", "ping_interval", "ping_timeout")  # fmt: skip

    ping_timeout: float
    ping_interval: float
    deadline: float

    def __init__(
        self,
        stream: IOStream,
        codec: Connection,
        high_water: int,
        overflow: Overflow,
        ping_interval: float | None,
        ping_timeout: float | None,
    ) -> None:
        super().__init__(stream, codec, high_water, overflow)
        self.ping_interval = ping_interval or 0.0
        self.ping_timeout = self.ping_interval if ping_timeout is None else ping_timeout
        if self.ping_timeout > self.ping_interval > 0:
            gen_log.warning(
                "The websocket_ping_timeout (%s) cannot be longer than the websocket_ping_interval (%s); "
                "setting it to %s",
                self.ping_timeout, self.ping_interval, self.ping_interval,
            )  # fmt: skip
            self.ping_timeout = self.ping_interval
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.deadline = inf
        self._deadlines: Deadlines | None = None
        #: Whether our side is closed; whether the owner is to get no more messages; whether nothing is read for now.
        self._closing = self._deaf = self._paused = False
        #: Whether a ping is out, since when, and whether anything has come after it.
        self._awaiting = self._heard = False
        self._ping_at = 0.0
        #: Of the bytes ever written: where the ping ends, and how many had gone to the kernel when they were looked at.
        self._ping_end = self._sent_seen = 0

    def _is_behind(self) -> bool:
        """Whether nothing is read because our owner has not kept up."""
        raise NotImplementedError

    def _start_pings(self) -> None:
        if self.ping_interval > 0 and not self._closing:
            wheel = self._deadlines = self._wheel(min(self.ping_interval, self.ping_timeout or inf))
            self.deadline = wheel.now + self.ping_interval
            wheel.watch(self)

    # Keeping alive.

    def deadline_passed(self) -> None:
        """Close what took too long to close, or see whether the peer is alive and ping it."""
        wheel = self._deadlines
        assert wheel is not None
        if self._closing:
            self.stream.close()
            return
        waiting = self._pending()
        sent = self.stream.written - waiting
        if self._awaiting:
            if not (self._heard or self._is_behind()):
                if sent == self._sent_seen or not (self._paused or self._sent_seen < self._ping_end):
                    self._give_up()
                    return
                if not self._paused:  # it has as long again to get to the ping, or to answer it
                    self._sent_seen = sent
                    self._look_again(wheel)
                    return
            self._awaiting = False
            due = self._ping_at + self.ping_interval
            if due > wheel.now:
                self.deadline = due
                wheel.watch(self)
                return
        if self._codec.state is not _OPEN:  # the owner is busy with what came before the peer's Close
            return
        self._send(self._codec.ping(b""))
        self._awaiting = True
        self._heard = False
        self._ping_at = wheel.now
        self._ping_end = self.stream.written
        self._sent_seen = sent if waiting else self._ping_end  # with nothing before it, it leaves at once
        self._look_again(wheel)

    def _look_again(self, wheel: Deadlines) -> None:
        self.deadline = wheel.now + (self.ping_timeout or self.ping_interval)
        wheel.watch(self)

    def _give_up(self) -> None:
        gen_log.debug("no answer to a ping within %s s; closing %r", self.ping_timeout, self.stream)
        self.close_reason = "ping timed out"
        self.close(CloseCode.INTERNAL_ERROR, self.close_reason)
        self.stream.flush_pending()  # if the peer is only slow, it learns why
        self.stream.close()

    # Closing.

    @property
    def server_terminated(self) -> bool:
        """Whether our side is closed."""
        return self._closing or self.stream.closed()

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._codec.state is not _OPEN or self.stream.closed()

    def close(self, code: int | None = None, reason: str | None = None, *, timeout: float | None = None) -> None:
        """Begin the closing handshake; nothing happens if that was done before.

        The peer has *timeout* seconds (five) to answer, then the stream is closed; `wait_closed` waits for the end.
        Raises ValueError for a code that must not be sent, or a *reason* of more than 123 bytes.
        """
        if self._codec.state is _OPEN and not self.stream.closed():
            self._send(self._codec.close(code, reason or ""))
            self._end_within(CLOSE_TIMEOUT if timeout is None else timeout)

    def drain(self, until: float) -> None:
        """The server stops at the loop's time *until*, and closes then what is still open: close with 1001.

        See `waterspout.http1connection.Upgraded`.
        """
        left = max(0.0, until - self.stream.io_loop.asyncio_loop.time())
        self.close(CloseCode.GOING_AWAY, "the server is stopping", timeout=left + CLOSE_TIMEOUT)

    def abort(self) -> None:
        """Close the stream at once, without a handshake."""
        self._deaf = True
        self.stream.close()

    _abort = abort

    def _peer_closed(self, event: Close) -> None:
        """The peer's Close: answer it if it is the first, then the server closes the stream (RFC 6455, 7.1.1)."""
        self._send_pong_due()
        codec = self._codec
        codec.state = TRANSITIONS[codec.state, Happening.CLOSE_RECEIVED]
        self.close_code, self.close_reason = event.code, event.reason or None
        if self.stream.closed():
            return
        if codec.state is State.PEER_CLOSED:
            self._send(codec.close(event.code))
        self._end_within(CLOSE_TIMEOUT)
        if codec.role is Role.SERVER:
            self.stream.close_after_flush()
        else:
            self._heed_input()

    def _fail(self, code: int, reason: str) -> None:
        """The peer broke the protocol: say so, and let it read that before the stream closes."""
        codec = self._codec
        codec.state = TRANSITIONS[codec.state, Happening.PROTOCOL_BROKEN]
        if code == CloseCode.MESSAGE_TOO_BIG:
            reason = "message too big"
        self.close_code, self.close_reason = code, reason
        gen_log.debug("closing WebSocket with code %d: %s", code, reason)
        if self.stream.closed():
            return
        if codec.state is State.FAILED:
            self._send(codec.close(code, reason))
        self._end_within(LINGER_TIMEOUT)
        self._heed_input()
        if type(self.stream) is IOStream:
            self.stream.flushed().add_done_callback(self._shut_down_output)

    def _shut_down_output(self, flushed: Future[None]) -> None:
        # Closing while the peer still sends would reset the connection, and lose our Close frame.
        if not flushed.cancelled() and flushed.exception() is None and not self.stream.closed():
            try:
                self.stream.socket.shutdown(socket.SHUT_WR)
            except OSError:  # the peer has reset the connection meanwhile
                self.stream.close()

    def _heed_input(self) -> None:
        """Read on, to see the peer close; what else comes is thrown away by the codec."""
        if self._paused:
            self._paused = False
            self.stream.resume_receiving()

    def _end_within(self, seconds: float) -> None:
        self._closing = True
        wheel = self._deadlines
        if wheel is None:
            wheel = self._deadlines = self._wheel(seconds)
        self.deadline = wheel.now + seconds
        wheel.watch(self)

    def _wheel(self, shortest: float) -> Deadlines:
        return deadlines_for(self.stream.io_loop, shortest)
