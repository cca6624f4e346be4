"""One WebSocket connection over a stream, for either role: what is between the codec and whoever owns it.

Theory of operation. The stream pushes what it receives; the codec makes events of it; messages go to the owner in the
same call, one by one. Where the owner returns something to wait for, the events after it are held, pings among them are
answered at once, and reading pauses when much is held. What is sent joins the stream's output for the one flush at the
end of the turn. No task and no timer belong to an idle connection: pings and the closing handshake share the loop's
coarse wheel of deadlines.

The codec reads the peer's Close, or a breach of the protocol, together with the messages before it. Until those have
been delivered the state is put back, so that they can still be answered (RFC 6455, 5.5.1); and the end itself waits for
the loop's next pass, so that a task which waits for messages can do so too.

``_queued`` is never less than the stream's ``pending``, and is set to it where it exceeds the high-water mark: an
attribute to look at in place of a call for each message.
"""

from __future__ import annotations

import socket
from asyncio import CancelledError, Future, shield
from collections import deque
from collections.abc import Awaitable, Iterable, Iterator
from itertools import islice
from math import inf
from typing import Any, Final, Protocol

from waterspout.concurrent import convert_yielded
from waterspout.escape import json_encode
from waterspout.ioloop import Deadlines
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.log import app_log, gen_log
from waterspout.ws import (
    BinaryMessage,
    Close,
    CloseCode,
    ClosedError,
    Connection,
    Event,
    Ping,
    Pong,
    ProtocolError,
    Role,
    SharedMessage,
    State,
    TextMessage,
)
from waterspout.ws._states import TRANSITIONS, Happening
from waterspout.wsconnection._clock import deadlines_for, sent_future
from waterspout.wsconnection._errors import WebSocketClosedError
from waterspout.wsconnection._overflow import Overflow
from waterspout.wsconnection._owner import WebSocketOwner

__all__ = ["WebSocketConnection"]

#: Seconds that the peer has to answer our Close, and to close.
CLOSE_TIMEOUT: Final = 5.0
#: Seconds that a peer which broke the protocol has to read why.
LINGER_TIMEOUT: Final = 1.0
#: Output (bytes) above which a peer is slow.
HIGH_WATER: Final = 64 * 1024
#: Bytes of messages that are held for a busy owner, or of output for a peer that sends and does not read, above which
#: nothing more is read.
MAX_HELD: Final = 1024 * 1024
#: Pings in one piece of input that are answered each; of further ones only the last is (RFC 6455, 5.5.3).
PONGS_AT_ONCE: Final = 32
#: Events that are delivered before the loop gets to do something else.
EVENTS_AT_ONCE: Final = 256

_OPEN: Final = State.OPEN
_MESSAGES: Final = (TextMessage, BinaryMessage)


class Registry(Protocol):
    """Who wants to know when a connection has ended."""

    def forget(self, owner: Any) -> object:
        """*owner*, a `WebSocketConnection`, has ended."""


class WebSocketConnection:
    """An open WebSocket: messages in and out, pings, the closing handshake.

    *stream* has just carried the opening handshake, *codec* knows the role and what was negotiated. `start` must be
    called once. *ping_interval* and *ping_timeout* are seconds; 0 or None sends no pings. *overflow* says what is done
    with messages while more than *high_water* bytes wait for the peer. `close_code` and `close_reason` are known when
    the owner hears of the end.
    """

    __module__ = "waterspout.wsconnection"
    __slots__ = ("__weakref__", "_awaiting", "_busy", "_closing", "_codec", "_deadlines", "_deaf", "_drain_waiters",
                 "_ending", "_eof", "_heard", "_held", "_held_size", "_lost", "_owner", "_paused", "_pending_seen",
                 "_ping_at", "_pong_due", "_pongs", "_queued", "_registry", "_sent", "close_code", "close_reason",
                 "deadline", "dropped", "high_water", "overflow", "ping_interval", "ping_timeout",
                 "selected_subprotocol", "stream")  # fmt: skip

    ping_timeout: float
    high_water: int
    overflow: Overflow
    selected_subprotocol: str | None
    deadline: float
    ping_interval: float

    #: The stream; closed with the connection.
    stream: IOStream
    #: Number of messages that were not sent, by the policy `Overflow.DROP`.
    dropped: int

    def __init__(
        self,
        stream: IOStream,
        codec: Connection,
        owner: WebSocketOwner,
        *,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
        high_water: int = HIGH_WATER,
        overflow: Overflow = Overflow.WAIT,
        subprotocol: str | None = None,
    ) -> None:
        self.stream = stream
        self.ping_interval = ping_interval or 0.0
        self.ping_timeout = self.ping_interval if ping_timeout is None else ping_timeout
        if self.ping_timeout > self.ping_interval > 0:
            gen_log.warning(
                "The websocket_ping_timeout (%s) cannot be longer than the websocket_ping_interval (%s); "
                "setting it to %s",
                self.ping_timeout, self.ping_interval, self.ping_interval,
            )  # fmt: skip
            self.ping_timeout = self.ping_interval
        self.high_water = stream.high_water = high_water
        self.overflow = overflow
        self.selected_subprotocol = subprotocol
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.dropped = 0
        self.deadline = inf
        self._codec = codec
        self._owner: WebSocketOwner | None = owner
        self._deadlines: Deadlines | None = None
        self._closing = self._deaf = self._ending = self._eof = self._paused = False
        self._lost: Future[None] | None = None
        self._registry: Registry | None = None
        self._queued = stream.pending
        self._sent = sent_future(stream.io_loop)
        #: What the owner has returned and has to be waited for, and the events after it.
        self._busy: Future[Any] | None = None
        self._held: deque[Event] | None = None
        self._held_size = 0
        self._drain_waiters: list[Future[None]] | None = None
        self._pong_due: bytes | None = None
        self._pongs = 0
        # Keeping alive: whether a ping is out, since when, and whether anything has come after it.
        self._awaiting = self._heard = False
        self._ping_at = 0.0
        self._pending_seen = 0

    def start(self, first: Awaitable[Any] | None = None, *, registry: Registry | None = None) -> None:
        """Read from now on; messages wait until *first*, if given, is done.

        *registry* forgets the connection when it has ended (see `HTTP1ServerConnection.hand_over`).
        """
        self._registry = registry
        if self.ping_interval > 0 and not self._closing:
            wheel = self._deadlines = self._wheel(min(self.ping_interval, self.ping_timeout or inf))
            self.deadline = wheel.now + self.ping_interval
            wheel.watch(self)
        if first is not None:
            self._park(first)
            if self._busy is not None:
                self._held = deque()
        try:
            self.stream.set_receiver(self)
        except StreamClosedError as error:
            self.connection_lost(error)

    # Receiving.

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        self._heard = True
        codec = self._codec
        if self._held is None and not self._deaf:
            message = codec.receive_message(data)
            if message is not None:  # what mostly comes; `_dispatch` does the same
                try:
                    result = self._owner.on_message(message)  # type: ignore[union-attr]
                except (Exception, CancelledError) as error:
                    self.owner_failed(error)
                else:
                    if result is not None:
                        self._park(result)
                        if self._busy is not None:
                            self._held = deque()
                if self._queued > MAX_HELD and not self._paused and self._pending() > MAX_HELD:
                    self._pause()
                return
        before = codec.state
        events = codec.receive(data)
        if codec.state is not before:
            codec.state = before  # until the last event is reached
        if self._held is not None:
            self._hold(events, len(data))
        elif len(events) == 1 and type(events[0]) in _MESSAGES and not self._deaf:
            # `_dispatch` for what mostly comes
            try:
                result = self._owner.on_message(events[0].data)  # type: ignore[union-attr]
            except (Exception, CancelledError) as error:
                self.owner_failed(error)
            else:
                if result is not None:
                    self._park(result)
                    if self._busy is not None:
                        self._held = deque()
        elif len(events) <= EVENTS_AT_ONCE:
            self._dispatch(iter(events))
        else:
            self._held = deque(events)
            self._held_size = len(data)
            self._go_on()
        if self._pongs and self._held is None:
            self._pongs = 0
            self._send_pong_due()
        if self._queued > MAX_HELD and not self._paused and self._pending() > MAX_HELD:
            self._pause()

    def _dispatch(self, events: Iterator[Event]) -> None:
        """Tell the owner of *events*, until one has to be waited for; the others are held then."""
        for event in events:
            kind = type(event)
            if kind is TextMessage or kind is BinaryMessage:
                owner = self._owner
                if owner is None or self._deaf:
                    continue
                try:
                    result = owner.on_message(event.data)  # type: ignore[union-attr]
                except (Exception, CancelledError) as error:
                    self.owner_failed(error)
                    continue
                if result is not None:
                    self._park(result)
                    if self._busy is not None:
                        if self._held is None:
                            self._held = deque()
                            self._hold(events, 0)
                        return
            elif (kind is Close or kind is ProtocolError) and not self._ending:
                self._ending = True
                if self._held is None:
                    self._held = deque()
                self._held.append(event)  # it is the last
                self.stream.io_loop.asyncio_loop.call_soon(self._go_on)
                return
            else:
                self._take_control(event)

    def _take_control(self, event: Event) -> None:
        owner = self._owner
        if owner is None:
            return
        try:
            if isinstance(event, Ping):
                self._answer(event.data)
                owner.on_ping(event.data)
            elif isinstance(event, Pong):
                owner.on_pong(event.data)
            elif isinstance(event, Close):
                self._peer_closed(event)
            elif isinstance(event, ProtocolError):
                self._fail(event.code, event.reason)
        except Exception as error:
            self.owner_failed(error)

    def _hold(self, events: Iterable[Event], size: int) -> None:
        """Keep *events* in order; while the owner is busy, which may take long, see to pings and pongs at once."""
        held = self._held
        assert held is not None
        busy = self._busy is not None
        for event in events:
            if busy and isinstance(event, Ping | Pong):
                self._take_control(event)
            else:
                held.append(event)
        self._held_size += size
        if self._held_size > MAX_HELD:
            self._pause()

    def _park(self, result: Awaitable[Any]) -> None:
        """Wait for what the owner returned."""
        try:
            future: Future[Any] = convert_yielded(result)
        except Exception as error:
            self.owner_failed(error)
            return
        if future.done():
            self._look_at(future)
            return
        self._busy = future
        future.add_done_callback(self._owner_ready)

    def _look_at(self, future: Future[Any]) -> None:
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            self.owner_failed(error)

    def _owner_ready(self, future: Future[Any]) -> None:
        self._busy = None
        self._look_at(future)
        self._go_on()

    def _go_on(self) -> None:
        """Deliver what is held; in portions, so that a flood of small messages does not block the loop."""
        held = self._held
        if held is None:  # the connection was lost meanwhile
            return
        self._dispatch(islice(_taken_from(held), EVENTS_AT_ONCE))
        if self._busy is not None or self._held is None or (self._ending and held):
            return
        if held:
            self.stream.io_loop.asyncio_loop.call_soon(self._go_on)
            return
        self._held = None
        self._held_size = self._pongs = 0
        self._send_pong_due()
        if self._eof:
            self.stream.close_after_flush()
        else:
            self._resume()

    def _pause(self) -> None:
        self._paused = True
        self.stream.pause_receiving()

    def _resume(self) -> None:
        if self._paused and self._held_size <= MAX_HELD and self._pending() <= MAX_HELD:
            self._paused = False
            self._heard = True  # nobody listened until now
            self.stream.resume_receiving()

    def owner_failed(self, error: BaseException) -> None:
        """Log what the owner raised, and close: it cannot be known what it would have answered."""
        self._deaf = True
        owner = self._owner
        if owner is not None:
            try:
                owner.log_exception(type(error), error, error.__traceback__)
            except Exception:
                app_log.error("Error in exception logger", exc_info=True)
        self.close(CloseCode.INTERNAL_ERROR)

    def eof_received(self) -> bool:
        """The peer sends no more: the stream closes once the owner has seen what has come."""
        self._eof = True
        return self._held is not None

    def writable(self) -> None:
        """The peer has taken all output."""
        waiters, self._drain_waiters = self._drain_waiters, None
        for future in waiters or ():
            if not future.done():
                future.set_result(None)
        self._send_pong_due()
        self._resume()

    def connection_lost(self, error: BaseException | None) -> None:
        """The stream is closed: everybody who waits, and the owner, hear of it once."""
        self.deadline = inf
        if self._deadlines is not None:
            self._deadlines.forget(self)
        self._deaf = self._closing = True
        held, self._held = self._held, None
        if held and self.close_code is None and isinstance(held[-1], Close):
            self.close_code, self.close_reason = held[-1].code, held[-1].reason or None
        waiters, self._drain_waiters = self._drain_waiters, None
        for future in waiters or ():
            if not future.done():
                future.set_exception(WebSocketClosedError("the connection was lost before the message was sent"))
                future.exception()  # seen: who does not wait for a write hears of the loss by on_close
        owner, self._owner = self._owner, None
        if owner is not None:
            try:
                owner.on_ws_connection_close(self.close_code, self.close_reason)
            except Exception as raised:
                owner.log_exception(type(raised), raised, raised.__traceback__)
        if self._registry is not None:
            self._registry.forget(self)
        if self._lost is not None:
            self._lost.set_result(None)

    async def wait_closed(self) -> None:
        """Return when the connection is closed and the owner has been told."""
        if self._owner is None:
            return
        if self._lost is None:
            self._lost = self.stream.io_loop.asyncio_loop.create_future()
        await shield(self._lost)

    # Sending.

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

    # Keeping alive.

    def deadline_passed(self) -> None:
        """Close what took too long to close, or see whether the peer is alive and ping it."""
        wheel = self._deadlines
        assert wheel is not None
        if self._closing:
            self.stream.close()
            return
        if self._awaiting:
            pending = self._pending()
            if not self._heard and not (self._paused and pending != self._pending_seen):
                if not (self._paused and self._held is not None):  # it is our owner that does not listen
                    self._give_up()
                    return
            self._pending_seen = pending
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
    def client_terminated(self) -> bool:
        """Whether the peer has closed its side, or the connection is lost."""
        return self._owner is None or self._codec.state not in (_OPEN, State.CLOSING)

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


def _encoded(codec: Connection, message: str | bytes | dict[str, Any], binary: bool) -> bytes:
    """The frame of *message*, whatever it is."""
    if isinstance(message, dict):
        message = json_encode(message)
    if binary:
        return codec.send_binary(message.encode() if isinstance(message, str) else message)
    return codec.send_text(message if isinstance(message, str) else bytes(message).decode())


def _taken_from(held: deque[Event]) -> Iterator[Event]:
    while held:
        yield held.popleft()
