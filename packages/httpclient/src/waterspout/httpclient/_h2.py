"""HTTP/2 (RFC 9113): many requests at once on one connection, with the h2 package as its state machine.

Theory of operation. A `Session` is one connection: the receiver of its stream, and the owner of h2's state. Each
request on it is a `RequestStream`, which shows an exchange the same face as an HTTP/1 `Connection`: it is sent a head
and a body, calls ``exchange.take`` with the same events, is released or closed. Closing one resets its stream and
leaves the session alone. Flow control is the exchange's: what it does not take is not acknowledged, so the server
stops sending for that stream only.

A server that has gone without a word (a NAT that has forgotten the connection, a machine without power) is given up by
TCP only after many minutes. So a session on which a request ends in silence is retired: it takes no more of them, and
closes with its last one.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._connection import LOOK_INTERVAL
from waterspout.httpclient._h2_library import h2
from waterspout.httpclient._h2_stream import RequestStream
from waterspout.httputil import HTTPInputError
from waterspout.iostream import StreamClosedError

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._route import Route
    from waterspout.iostream import IOStream

#: Bytes that a server may send ahead on one stream, and on all together.
STREAM_WINDOW, SESSION_WINDOW = 1024 * 1024, 16 * 1024 * 1024
#: Seconds without a sign of a server that owes us one, after which it may be gone.
SILENCE = 5.0
#: Frames that carry nothing (settings, pings, empty data, resets of what is over) before one that does (H2-1, H2-5).
MAX_IDLE_FRAMES = 1000
#: Bytes in the same sense: h2 says nothing of a reset of a stream that is over. More than the largest head and frame.
MAX_IDLE_BYTES = 128 * 1024


class Session:
    """One HTTP/2 connection."""

    __slots__ = (
        "__weakref__", "_closing", "_idle_bytes", "_idle_frames", "_streams", "_unacknowledged", "deadline", "exchange",
        "h2", "idle_until", "received", "route", "served", "silent_since", "stream",
    )  # fmt: skip

    idle_until: float
    route: Route
    stream: IOStream

    deadline: float
    received: int
    served: int
    silent_since: float

    def __init__(self, route: Route, stream: IOStream) -> None:
        self.route = route
        self.stream = stream
        self.served = 0
        self.received = 0
        self.idle_until = inf
        #: Loop time since which the server has left us waiting for a sign of it; inf: it owes us nothing.
        self.silent_since = inf
        #: As `Connection.exchange`, for those who look over all connections; a session is nobody's alone.
        self.exchange: Exchange | None = None
        self._closing = False
        self._idle_frames = 0
        self._idle_bytes = 0
        self._unacknowledged = 0
        self._streams: dict[int, RequestStream] = {}
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.h2: Any = h2.connection.H2Connection(config)
        limits = route.pool.limits
        self.h2.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: limits.head,
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100,
            },
        )
        self.h2.decoder.max_header_list_size = limits.head
        deadlines = route.pool.deadlines
        self.deadline = deadlines.now + LOOK_INTERVAL
        deadlines.watch(self)

    def begin(self) -> None:
        """Send the preface and listen."""
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(SESSION_WINDOW)
        self.flush()
        self.stream.set_receiver(self)

    def has_room(self) -> bool:
        """Whether another request may begin now."""
        if self._closing or self.stream.closed():
            return False
        allowed: int = self.h2.remote_settings.max_concurrent_streams
        return len(self._streams) < allowed

    def stream_for(self, exchange: Exchange) -> RequestStream:
        """A stream for one request of *exchange*."""
        return RequestStream(self, exchange)

    def opened(self, stream: RequestStream) -> None:
        """*stream* has begun its request."""
        if self.silent_since == inf and stream.exchange is not None:
            self.silent_since = stream.exchange.timing.sent
        self._streams[stream.number] = stream
        self.served += 1
        self.idle_until = inf

    def progressed(self) -> None:
        """Content has moved: the frames that made it possible were no idle ones."""
        self._idle_frames = 0
        self._idle_bytes = 0

    def ended(self, stream: RequestStream) -> None:
        """*stream* is over, one way or the other."""
        if self._streams.pop(stream.number, None) is None:
            return
        route = self.route
        if not self._streams:
            if self._closing or route.pool.closed or route.pool.idle_timeout <= 0:
                self.close()
                return
            self.idle_until = route.pool.deadlines.now + route.pool.idle_timeout
        route.streams_available()

    def doubt(self, sent: float, timed_out: bool) -> None:
        """Nobody waits any longer for the answer to a request that was *sent* then: is the server still there?

        If it has been silent for `SILENCE`, or all the time of a request that *timed_out*, retire; but not while others
        need the session and the route has no room for another one.
        """
        route = self.route
        if self._closing:
            return
        if route.pool.time() - self.silent_since < SILENCE and not (timed_out and self.silent_since <= sent):
            return
        if len(self._streams) == 1 or route.has_room():
            self._retire()
            route.connect_for_waiting()

    def _retire(self) -> None:
        """Take no more requests, and close with the last one."""
        self._closing = True
        if self.route.session is self:
            self.route.session = None

    def close(self) -> None:
        """Close now; the streams' exchanges are not told."""
        self._streams.clear()
        self.route.lost(self)
        self.stream.close()

    def flush(self) -> None:
        """Hand what h2 has to say to the connection."""
        data = self.h2.data_to_send()
        if data:
            try:
                self.stream.send(data)
            except StreamClosedError:
                return  # connection_lost is on its way and tells everybody

    def acknowledge(self, stream: RequestStream, size: int) -> None:
        """*size* bytes of *stream* have been taken: the server may send as many more."""
        if size and not self.stream.closed():
            try:
                self.h2.acknowledge_received_data(size, stream.number)
            except (h2.exceptions.StreamClosedError, h2.exceptions.NoSuchStreamError):
                return  # the stream ended meanwhile; h2 has counted its bytes for the connection
            self.flush()

    def deadline_passed(self) -> None:
        """Some seconds have gone by: has the session been idle too long?"""
        deadlines = self.route.pool.deadlines
        now = deadlines.now
        if self.idle_until <= now:
            self.close()
            return
        self.deadline = min(now + LOOK_INTERVAL, self.idle_until)
        deadlines.watch(self)

    # What the stream calls.

    def data_received(self, data: bytes) -> None:
        """Bytes from the server."""
        self.silent_since = self.route.pool.time()
        self.received += len(data)
        self._idle_bytes += len(data)
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            self._refuse(HTTPInputError(f"the server breaks HTTP/2: {error or type(error).__name__}"))
            return
        for event in events:
            self._handle(event)
            if self.stream.closed():
                return
        if not self._streams:
            self.silent_since = inf
        if self._idle_frames > MAX_IDLE_FRAMES or self._idle_bytes > MAX_IDLE_BYTES:
            limits = f"{MAX_IDLE_FRAMES} HTTP/2 frames, or {MAX_IDLE_BYTES} bytes of them,"
            self._refuse(HTTPInputError(f"more than {limits} without any content"))
            return
        self.flush()

    def eof_received(self) -> None:
        """The server will send no more."""
        self._fail_all(None)

    def connection_lost(self, error: BaseException | None) -> None:
        """The connection is closed."""
        self._fail_all(error)

    def writable(self) -> None:
        """All that was queued has left: streams that were held back go on."""
        self._go_on()

    def _handle(self, event: Any) -> None:
        events = h2.events
        stream = self._streams.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, events.ConnectionTerminated):
            self._terminated(event.last_stream_id)
        elif isinstance(event, (events.WindowUpdated, events.RemoteSettingsChanged)):
            self._idle_frames += 1
            self._go_on()
        elif stream is None:
            self._idle_frames += 1
            if isinstance(event, events.DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.DataReceived):
            if event.data:
                self.progressed()
            else:
                self._idle_frames += 1
            stream.data_received(event)
        elif isinstance(event, (events.ResponseReceived, events.InformationalResponseReceived)):
            self.progressed()
            stream.head_received(event)
        elif isinstance(event, events.TrailersReceived):
            stream.trailers_received(event)
        elif isinstance(event, events.StreamEnded):
            stream.end_received()
        elif isinstance(event, events.StreamReset):
            self._idle_frames += 1
            stream.reset_received(event)
        else:
            self._idle_frames += 1

    def _terminated(self, last: int | None) -> None:
        """GOAWAY: no new requests; those above *last* were not looked at."""
        self._retire()
        route = self.route
        for number, stream in sorted(self._streams.items()):
            if last is not None and number > last:
                self._streams.pop(number, None)
                stream.unprocessed()
        if not self._streams:
            self.close()
        route.connect_for_waiting()

    def _go_on(self) -> None:
        for stream in list(self._streams.values()):
            stream.write_some()
        self.flush()
        self.route.streams_available()

    def _refuse(self, error: HTTPInputError) -> None:
        """The server breaks the protocol: say so, close, and tell every exchange."""
        self.flush()  # h2 has put a GOAWAY there
        streams = list(self._streams.values())
        self._streams.clear()
        self.route.lost(self)
        self.stream.close_after_flush()
        for stream in streams:
            stream.broken(error)

    def _fail_all(self, error: BaseException | None) -> None:
        streams = list(self._streams.values())
        self._streams.clear()
        self.route.lost(self)
        for stream in streams:
            stream.lost(error)
