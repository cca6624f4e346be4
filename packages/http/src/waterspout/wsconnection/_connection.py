"""One WebSocket connection over a stream, for either role: what is between the codec and whoever owns it.

Theory of operation. The stream pushes what it receives; the codec makes events of it; messages go to the owner in the
same call, one by one. Where the owner returns something to wait for, the events after it are held, pings among them are
answered at once, and reading pauses when much is held. What is sent joins the stream's output for the one flush at the
end of the turn (``_output.py``). No task and no timer belong to an idle connection: pings and the closing handshake
share the loop's coarse wheel of deadlines (``_lifetime.py``).

The codec reads the peer's Close, or a breach of the protocol, together with the messages before it. Until those have
been delivered the state is put back, so that they can still be answered (RFC 6455, 5.5.1); and the end itself waits for
the loop's next pass, so that a task which waits for messages can do so too.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, shield, wait
from collections import deque
from collections.abc import Awaitable, Iterable, Iterator
from itertools import islice
from math import inf
from typing import Any, Final, Protocol

from waterspout.concurrent import convert_yielded
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.log import app_log
from waterspout.ws import (
    BinaryMessage,
    Close,
    CloseCode,
    Connection,
    Event,
    Ping,
    Pong,
    ProtocolError,
    State,
    TextMessage,
)
from waterspout.wsconnection._lifetime import Lifetime
from waterspout.wsconnection._output import HIGH_WATER
from waterspout.wsconnection._overflow import Overflow
from waterspout.wsconnection._owner import WebSocketOwner

__all__ = ["WebSocketConnection"]

#: Bytes of messages that are held for a busy owner, or of output for a peer that sends and does not read, above which
#: nothing more is read.
MAX_HELD: Final = 1024 * 1024
#: Bytes of input that are decoded at once where messages may be compressed, and become up to a thousand times as many.
PIECE: Final = 8 * 1024
#: What a coroutine that waits for a busy owner counts as, in bytes.
WAITING: Final = 1024
#: Events that are delivered before the loop gets to do something else.
EVENTS_AT_ONCE: Final = 256

_OPEN: Final = State.OPEN


class Registry(Protocol):
    """Who wants to know when a connection has ended."""

    def forget(self, owner: Any) -> object:
        """*owner*, a `WebSocketConnection`, has ended."""


class WebSocketConnection(Lifetime):
    """An open WebSocket: messages in and out, pings, the closing handshake.

    *stream* has just carried the opening handshake, *codec* knows the role and what was negotiated. `start` must be
    called once. *ping_interval* and *ping_timeout* are seconds; 0 or None sends no pings. *overflow* says what is done
    with messages while more than *high_water* bytes wait for the peer. `close_code` and `close_reason` are known when
    the owner hears of the end.
    """

    __module__ = "waterspout.wsconnection"
    __slots__ = ("__weakref__", "_busy", "_ending", "_eof", "_held", "_held_size", "_lost", "_owner", "_registry",
                 "_undecoded", "selected_subprotocol")  # fmt: skip

    selected_subprotocol: str | None

    close_code: int | None
    close_reason: str | None

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
        super().__init__(stream, codec, high_water, overflow, ping_interval, ping_timeout)
        self.selected_subprotocol = subprotocol
        self._owner: WebSocketOwner | None = owner
        self._registry: Registry | None = None
        self._lost: Future[None] | None = None
        #: What the owner has returned and has to be waited for, and the events after it.
        self._busy: Future[Any] | None = None
        self._held: deque[Event] | None = None
        self._held_size = 0
        #: Input that is not decoded yet, because what came before it is much already; not without held events.
        self._undecoded = b""
        #: Whether the peer's last event has been read; whether the peer has closed its side of the stream.
        self._ending = self._eof = False

    def start(self, first: Awaitable[Any] | None = None, *, registry: Registry | None = None) -> None:
        """Read from now on; messages wait until *first*, if given, is done.

        *registry* forgets the connection when it has ended (see `HTTP1ServerConnection.hand_over`).
        """
        self._registry = registry
        self._start_pings()
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
        is_plain = codec.extension is None or (len(data) <= PIECE and not self._undecoded)
        for piece in (data,) if is_plain else self._pieces(data):
            before = codec.state
            events = codec.receive(piece)
            if codec.state is not before:
                codec.state = before  # until the last event is reached
            if self._held is not None:
                self._hold(events, len(piece))
            elif len(events) <= EVENTS_AT_ONCE:
                self._dispatch(iter(events))
            else:
                self._held = deque()
                self._hold(events, len(piece))
                self._go_on()
        if self._pongs and self._held is None:
            self._pongs = 0
            self._send_pong_due()
        if self._queued > MAX_HELD and not self._paused and self._pending() > MAX_HELD:
            self._pause()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Compressed input bit by bit, until what is held for a busy owner is enough; the rest stays as it came."""
        data = self._undecoded + data
        self._undecoded = b""
        for start in range(0, len(data), PIECE):
            if self._held_size > MAX_HELD:
                self._undecoded = data[start:]
                return
            yield data[start : start + PIECE]

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
            elif (kind is Close or kind is ProtocolError) and not self._ending:
                self._ending = True
                if self._held is None:
                    self._held = deque()
                self._held.append(event)  # it is the last
                self.stream.io_loop.asyncio_loop.call_soon(self._go_on)
                return
            else:
                self._take_control(event)
            if self._busy is not None:
                if self._held is None:
                    self._held = deque()
                    self._hold(events, 0)
                return

    def _take_control(self, event: Event) -> None:
        owner = self._owner
        if owner is None:
            return
        result = None
        try:
            if isinstance(event, Ping):
                self._answer(event.data)
                result = owner.on_ping(event.data)
            elif isinstance(event, Pong):
                result = owner.on_pong(event.data)
            elif isinstance(event, Close):
                self._peer_closed(event)
            elif isinstance(event, ProtocolError):
                self._fail(event.code, event.reason)
        except Exception as error:
            self.owner_failed(error)
        if isinstance(result, Awaitable):
            self._park(result)

    def _hold(self, events: Iterable[Event], size: int) -> None:
        """Keep *events* in order; while the owner is busy, which may take long, see to pings and pongs at once."""
        held = self._held
        assert held is not None
        busy = self._busy is not None
        is_compressed = self._codec.extension is not None
        for event in events:
            if busy and isinstance(event, Ping | Pong):
                self._take_control(event)
            else:
                held.append(event)
                if is_compressed and isinstance(event, TextMessage | BinaryMessage):
                    size += len(event.data)
        self._held_size += size
        if self._held_size > MAX_HELD:
            self._pause()

    def _park(self, result: Awaitable[Any]) -> None:
        """Wait for what the owner returned; if it is busy with something else, after that."""
        busy = self._busy
        if busy is not None:
            busy.remove_done_callback(self._owner_ready)
            busy.add_done_callback(self._look_at)
            result = _after(busy, result)
            self._held_size += WAITING
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
        if self._undecoded:
            self.data_received(b"")
            if self._held is not None:
                return
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

    @property
    def client_terminated(self) -> bool:
        """Whether the peer has closed its side, or the connection is lost."""
        return self._owner is None or self._codec.state not in (_OPEN, State.CLOSING)

    def _is_behind(self) -> bool:
        return self._paused and self._held is not None

    def eof_received(self) -> bool:
        """The peer sends no more: the stream closes once the owner has seen what has come."""
        self._eof = True
        return self._held is not None

    def writable(self) -> None:
        """The peer has taken all output."""
        self._settle_waiters(lost=False)
        self._send_pong_due()
        self._resume()

    def connection_lost(self, error: BaseException | None) -> None:
        """The stream is closed: everybody who waits, and the owner, hear of it once."""
        self.deadline = inf
        if self._deadlines is not None:
            self._deadlines.forget(self)
        self._deaf = self._closing = True
        held, self._held = self._held, None
        self._undecoded = b""
        if held and self.close_code is None and isinstance(held[-1], Close):
            self.close_code, self.close_reason = held[-1].code, held[-1].reason or None
        self._settle_waiters(lost=True)
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


async def _after(busy: Future[Any], result: Awaitable[Any]) -> None:
    await wait((busy,))
    await result


def _taken_from(held: deque[Event]) -> Iterator[Event]:
    while held:
        yield held.popleft()
