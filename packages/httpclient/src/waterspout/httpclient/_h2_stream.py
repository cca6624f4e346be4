"""One HTTP/2 request and its response, with the face of an HTTP/1 connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.http1 import Data, EndOfMessage, Framing, MessageWriter
from waterspout.httpclient._again import put_back
from waterspout.httpclient._h2_library import h2
from waterspout.httpclient._h2_messages import request_fields, response_head, trailer_block
from waterspout.httputil import HTTPInputError
from waterspout.iostream import StreamClosedError

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._h2 import Session

#: Interim responses to one request.
MAX_INTERIM = 10


class RequestStream:
    """One request and its response; `stream` is itself, for those who write and pause."""

    __slots__ = (
        "__weakref__", "_ended", "_exchange", "_flushed", "_interim", "_length", "_out", "_out_size", "_paused",
        "_session", "_taken", "_total", "_trailers", "deadline", "exchange", "last_used", "method", "number", "reader",
        "received", "served", "stream",
    )  # fmt: skip

    received: int
    reader: Any
    stream: Any
    last_used: float
    deadline: float
    number: int
    served: int
    method: str

    #: As of `MessageReader`: there is never anything behind the end.
    held = 0

    def __init__(self, session: Session, exchange: Exchange) -> None:
        self._session = session
        self.exchange: Exchange | None = exchange
        self.stream = self.reader = self
        self.number = 0
        self.method = exchange.method
        self.served = session.served
        self.received = 0
        self.last_used = 0.0
        self.deadline = inf
        self._out: deque[memoryview] = deque()
        self._out_size = 0
        self._ended = False
        self._flushed: asyncio.Future[None] | None = None
        self._paused = False
        self._taken = 0
        self._total = 0
        self._interim = 0
        self._length: int | None = None
        self._trailers = b""

    # As a Connection.

    def send(self, head: bytes, body: bytes | None = None) -> bool:
        """Send a request; False if the session is closed already."""
        exchange = self.exchange
        session = self._session
        if exchange is None or session.stream.closed():
            return False
        connection = session.h2
        more = exchange.writer is not None or bool(exchange.body)
        self.number = connection.get_next_available_stream_id()
        session.opened(self)
        self.served = session.served
        connection.send_headers(self.number, request_fields(head, session.route.url.scheme), end_stream=not more)
        if body:
            self.send_many((body,))
            self.end_body()
        elif exchange.writer is None and not exchange.body:
            self._ended = True
        session.flush()
        return True

    def body_writer(self, writer: MessageWriter) -> MessageWriter:
        """HTTP/2 frames content itself; only a promised length is still watched over."""
        return writer if writer.framing is Framing.LENGTH else MessageWriter(Framing.UNTIL_CLOSE)

    def end_body(self) -> None:
        """The body is complete."""
        self._ended = True
        self.write_some()
        self._session.flush()

    def expect(self, method: str) -> None:
        """As `ResponseReader.expect`: which request the next response answers."""
        self.method = method

    def release(self) -> None:
        """The response is complete."""
        self._over()

    def given_up(self, timed_out: bool) -> None:
        """It is closed next, because nobody waits any longer: is the server still there (`Session.doubt`)?"""
        if self.exchange is not None and not self._paused:  # else the server waits for us
            self._session.doubt(self.exchange.timing.sent, timed_out)

    def close(self) -> None:
        """Nobody wants the rest: reset the stream."""
        session = self._session
        if self.number and self.number in session._streams and not session.stream.closed():
            try:
                session.h2.reset_stream(self.number, h2.errors.ErrorCodes.CANCEL)
            except h2.exceptions.ProtocolError:
                session.flush()  # it is closed in h2's eyes, too
            session.flush()
        self._over()

    def deadline_passed(self) -> None:
        """The exchange's time is up."""
        if self.exchange is not None:
            self.exchange.deadline_passed()

    def _over(self) -> None:
        session = self._session
        session.route.pool.deadlines.forget(self)
        self.exchange = None
        self._fail_flush()
        session.ended(self)

    # As a stream.

    @property
    def pending(self) -> int:
        """Bytes of the body that wait for the server's window."""
        return self._out_size

    def closed(self) -> bool:
        """Whether the connection is closed."""
        return self._session.stream.closed()

    def send_many(self, buffers: Iterable[Any]) -> None:
        """Queue pieces of the body. Raises `StreamClosedError` on a closed connection."""
        if self.exchange is None or self.closed():
            raise StreamClosedError
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            if view.nbytes:
                self._out.append(view)
                self._out_size += view.nbytes
        self.write_some()
        self._session.flush()

    def flushed(self) -> asyncio.Future[None]:
        """Done when the body so far has been handed to the connection."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._out_size:
            future.set_result(None)
            return future
        if self._flushed is None or self._flushed.done():
            self._flushed = future
        return self._flushed

    def pause_receiving(self) -> None:
        """Acknowledge nothing more, so that the server stops when the window is full."""
        self._paused = True

    def resume_receiving(self) -> None:
        """Acknowledge what has come since."""
        self._paused = False
        taken, self._taken = self._taken, 0
        self._session.acknowledge(self, taken)

    def write_some(self) -> None:
        """Send as much of the body as the server's windows allow."""
        connection = self._session.h2
        while self._out and self._session.stream.pending <= self._session.stream.high_water:
            try:
                room = min(connection.local_flow_control_window(self.number), connection.max_outbound_frame_size)
            except h2.exceptions.ProtocolError:
                return  # the stream is over
            if room <= 0:
                return
            view = self._out[0]
            piece = view[:room]
            if piece.nbytes == view.nbytes:
                self._out.popleft()
            else:
                self._out[0] = view[room:]
            self._out_size -= piece.nbytes
            last = self._ended and not self._out
            connection.send_data(self.number, bytes(piece), end_stream=last)
            self._session.progressed()
            if last:
                self._ended = False
        if not self._out:
            if self._ended and self.exchange is not None and (self.exchange.writer is not None or self.exchange.body):
                self._ended = False
                connection.end_stream(self.number)
            if self._flushed is not None and not self._flushed.done():
                self._flushed.set_result(None)

    def _fail_flush(self) -> None:
        if self._flushed is not None and not self._flushed.done():
            self._flushed.set_exception(StreamClosedError())
            self._flushed.exception()  # whoever waits gets it; nobody need wait
        self._out.clear()
        self._out_size = 0

    # What the session tells.

    def head_received(self, event: Any) -> None:
        """A response's head, interim or final."""
        interim = isinstance(event, h2.events.InformationalResponseReceived)
        has_body = event.stream_ended is None and self.method != "HEAD" if not interim else False
        try:
            head = response_head(event.headers, interim=interim, has_body=has_body)
            if interim:
                self._interim += 1
                if self._interim > MAX_INTERIM:
                    raise HTTPInputError(f"more than {MAX_INTERIM} interim responses")
            limit = self._session.route.pool.limits.body
            if has_body and (head.content_length or 0) > limit:
                raise HTTPInputError(f"Content-Length too long: it exceeds the limit of {limit} bytes", status=413)
        except HTTPInputError as error:
            self._reset_and_report(error)
            return
        if self.exchange is not None:
            self.exchange.take((head,))

    def data_received(self, event: Any) -> None:
        """A piece of the body."""
        size = len(event.data)
        self.received += size
        self._total += size
        if self._total > self._session.route.pool.limits.body:
            self._reset_and_report(
                HTTPInputError(f"content exceeds the limit of {self._session.route.pool.limits.body} bytes", status=413)
            )
            return
        self._taken += event.flow_controlled_length
        if size and self.exchange is not None:
            self.exchange.take((Data(event.data),))
        if not self._paused:
            self.resume_receiving()

    def trailers_received(self, event: Any) -> None:
        """The fields behind the body."""
        try:
            self._trailers = trailer_block(event.headers)
        except HTTPInputError as error:
            self._reset_and_report(error)

    def end_received(self) -> None:
        """The response is complete."""
        if self.exchange is not None:
            self.exchange.take((EndOfMessage(self._trailers),))

    def reset_received(self, event: Any) -> None:
        """The server ends the stream."""
        if event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM:
            self.unprocessed()
            return
        exchange = self.exchange
        self._over()
        if exchange is not None:
            try:
                name = h2.errors.ErrorCodes(event.error_code).name
            except ValueError:
                name = str(event.error_code)
            exchange.broken(HTTPInputError(f"the server reset the stream ({name})"))

    def unprocessed(self) -> None:
        """The server has done nothing about the request."""
        exchange = self.exchange
        self._over()
        if exchange is not None:
            put_back(exchange)

    def broken(self, error: HTTPInputError) -> None:
        """The session broke."""
        exchange, self.exchange = self.exchange, None
        self._fail_flush()
        if exchange is not None:
            exchange.broken(error)

    def lost(self, error: BaseException | None) -> None:
        """The connection is gone."""
        exchange, self.exchange = self.exchange, None
        self._fail_flush()
        if exchange is not None:
            exchange.lost(error)

    def _reset_and_report(self, error: HTTPInputError) -> None:
        exchange = self.exchange
        self.close()
        if exchange is not None:
            exchange.broken(error)
