"""A client's connection as the server holds it: requests in, answers out, one at a time.

Theory of operation. The stream pushes what it receives; the codec makes events of it; a whole request goes to the
application in the same call, and its answer joins the stream's output for the one flush at the end of the turn. No
task, no timer and no future belong to a connection: deadlines sit in the server's coarse wheel, and `phase` says what
the connection is waiting for. While a request is being answered, further bytes are kept, and reading pauses when they
become many, so that a pipelining client is served in order and cannot fill our memory.
"""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import Callable
from math import inf
from typing import Any

from waterspout.http1 import JOIN_LIMIT, Data, EndOfMessage, Framing, MessageWriter, RequestReader, status_line
from waterspout.http1._content import check_length
from waterspout.http1._writer import STATUS_LINES
from waterspout.http1connection._application import HTTPApplication, as_application
from waterspout.http1connection._connection import HTTP1Connection
from waterspout.http1connection._decompress import DecompressingDelegate, decompress_whole
from waterspout.http1connection._delivery import Delivery
from waterspout.http1connection._draining import another_has_come, close_if_idle, drain
from waterspout.http1connection._heads import make_response_head
from waterspout.http1connection._observer import tell
from waterspout.http1connection._params import (
    BODY_GRACE,
    BODY_RATE,
    HEADER_TIMEOUT,
    LINGER_BYTES,
    LINGER_TIMEOUT,
    WRITE_TIMEOUT,
    HTTP1ConnectionParameters,
)
from waterspout.http1connection._phase import Phase
from waterspout.http1connection._pipelining import AT_ONCE, OUTPUT_LIMIT, PIPELINE_LIMIT, go_on, go_on_when_flushed
from waterspout.http1connection._slow_heads import SlowHeads
from waterspout.http1connection._upgraded import Upgraded, UpgradedConnections
from waterspout.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPOutputError,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
    format_timestamp,
)
from waterspout.ioloop import Deadlines
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.log import app_log, gen_log

__all__ = ["HTTP1ServerConnection", "Phase"]

#: Bytes of a response in pieces that go to the kernel as they are written, with nothing queued before them: their
#: futures are done at once. The next piece waits for the end of the turn, so that others have theirs.
STRAIGHT_LIMIT = 64 * 1024

# On the way of each request: Python 3.11 looks for a member in an Enum by a detour through its metaclass.
_IDLE, _HEAD, _BODY = Phase.IDLE, Phase.HEAD, Phase.BODY
_ANSWERING, _LINGERING, _CLOSED = Phase.ANSWERING, Phase.LINGERING, Phase.CLOSED

#: Bytes that a client gets without having confirmed any (RFC 6928: ten segments). Where a connection had no more than
#: these, all is on its way when we close; else the kernel may still have some, which a reset would destroy.
FIRST_WINDOW = 14 * 1024


class HTTP1ServerConnection(HTTP1Connection):
    """Serves the requests of one client.

    It is at once what Tornado calls the server connection and, for each request, its ``request.connection``.
    `start_serving` must be called once. A *deadlines* wheel shared by many connections is watched for them.
    """

    __module__ = "waterspout.http1connection"
    __slots__ = ("_application", "_closed", "_deadlines", "_keep", "_linger_left", "_on_lost",
                 "_paced_from", "_parts", "_pipelined", "_pumping", "_received", "_sent_seen", "_slow_heads",
                 "_started", "_straight", "_upgraded", "deadline", "draining", "phase", "request")  # fmt: skip

    phase: Phase

    _reader: RequestReader
    #: The request being read or answered.
    request: HTTPServerRequest | None
    deadline: float
    #: Whether the server wants the connection to end after what has been asked on it.
    draining: bool

    def __init__(
        self,
        stream: IOStream,
        params: HTTP1ConnectionParameters | None = None,
        context: object | None = None,
        deadlines: Deadlines | None = None,
        on_lost: Callable[[HTTP1ServerConnection], None] | None = None,
        upgraded: UpgradedConnections | None = None,
        slow_heads: SlowHeads | None = None,
    ) -> None:
        """*on_lost* is called once when the connection is closed or handed over, and is to tell the application if that
        wants to know (``on_close``); *upgraded* notes the latter.
        *slow_heads* has the connection read now and then while its head comes a few bytes at a time."""
        HTTP1Connection.__init__(self, stream, False, params, context)  # super() takes its time on Python 3.11
        self.phase = _IDLE
        self.request = None
        self._deadlines = Deadlines(stream.io_loop) if deadlines is None else deadlines
        self._on_lost = on_lost
        self._slow_heads = slow_heads
        self._pumping = False
        self._keep = False
        self._pipelined = b""
        self._parts: list[bytes] | None = None
        self._received = self._straight = self._linger_left = 0
        self._started = self._paced_from = 0.0
        self._sent_seen = -1
        self._closed: Future[None] | None = None
        self._upgraded = upgraded
        self.draining = False

    def start_serving(
        self, delegate: HTTPServerConnectionDelegate | HTTPApplication | Callable[..., Any], *, look_first: bool = False
    ) -> bool:
        """Serve requests with *delegate* until the connection ends; returns at once.

        *look_first* serves inside this call what the client has sent already, as clients mostly have that waited to be
        accepted; returns whether something had come.
        """
        return self.serve_application(as_application(delegate), look_first)

    def serve_application(self, application: HTTPApplication, look_first: bool) -> bool:
        """`start_serving` for an owner of many connections, who knows what *application* is."""
        self._application = application
        self._deadlines.watch_for(self, self.params.first_byte_timeout)
        try:
            if look_first and isinstance(self.stream, IOStream):
                return self.stream.receive_first(self)
            self.stream.set_receiver(self)
        except StreamClosedError as error:
            self.connection_lost(error)
        return False

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Bytes from the client: read them, and serve what is whole."""
        phase = self.phase
        if phase is not _IDLE or self._delivery is not None:
            if phase is _ANSWERING or (self._delivery is not None and self._delivery.waiting is not None):
                self._pipelined += data
                if len(self._pipelined) > PIPELINE_LIMIT:
                    self.stream.pause_receiving()
                return
            if phase is _LINGERING or phase is _CLOSED:
                self._throw_away(data)
                return
        reader = self._reader
        served = 0
        self._pumping = True
        try:
            while True:
                events = reader.receive(data)
                if not events:
                    break
                request = self.request
                if request is None:
                    self.request = request = events[0]
                    request.connection = self
                    if request.complete:
                        self.phase = _ANSWERING
                        self._keep = request.keep_alive and not self.params.no_keep_alive
                        if request.body and self.params.decompress:
                            decompress_whole(request, reader.max_body)
                        self._application.serve_request(request)
                    else:
                        self._open(request)
                else:
                    self._take_body(events)
                phase = self.phase
                if not (reader._held or self._pipelined) or (phase is not _IDLE and phase is not _BODY):
                    return
                if self._delivery is not None and self._delivery.waiting is not None:
                    self.stream.pause_receiving()
                    break
                if phase is _IDLE:
                    served += 1
                    if served == AT_ONCE or self.stream.pending > OUTPUT_LIMIT:
                        go_on_when_flushed(self)
                        return
                data, self._pipelined = self._pipelined, b""
        except HTTPInputError as error:
            self.refuse(error)
        except Exception as error:
            self._application_failed(error)
        finally:
            self._pumping = False
        if self.phase is _IDLE and reader._held:
            timeout = self.params.header_timeout
            self._wait(_HEAD, HEADER_TIMEOUT if timeout is None else timeout)
            self._started = self._deadlines.coarse_now
        elif self.phase is _HEAD and self._slow_heads is not None:
            self._slow_heads.consider(self, len(data), self._deadlines.coarse_now - self._started)

    def _open(self, request: HTTPServerRequest) -> None:
        """A request whose body is still coming: ask who wants it, and in what way."""
        self._keep = request.keep_alive and not self.params.no_keep_alive
        self._received = 0
        self._started = self._paced_from = self._deadlines.now
        self._wait(_BODY, min(BODY_GRACE, self.params.body_timeout or BODY_GRACE))
        delegate = self._application.open_request(request)
        if self.request is not request or self.phase is not _BODY:
            return  # answered from inside open_request
        if delegate is None:
            self._parts = []
            if request.content_length is not None:
                check_length(request.content_length, self._reader.max_body)
            self._welcome_body(request)
            return
        if self.params.decompress:
            delegate = DecompressingDelegate(delegate, lambda: self._reader.max_body, self.params.chunk_size)
        delivery = self._start_delivery(delegate)
        delivery.deliver((request,))
        if delivery.waiting is None:
            self._welcome_body(request)

    def _welcome_body(self, request: HTTPServerRequest) -> None:
        """The head has been seen by whoever may change the limit, and its length is within that: have the body come."""
        if self.request is not request or self.phase is not _BODY:
            return
        if (
            request.expect_continue
            and request.version == "HTTP/1.1"
            and not (self._received or self._reader.held or self._pipelined)
            and self._writer is None  # the client would take it for content of the answer that has begun
        ):
            self.stream.send(b"HTTP/1.1 100 (Continue)\r\n\r\n")
            request.expect_continue = False

    def _resume_reading(self) -> None:
        """The delegate has taken what it was given: go on with what has arrived meanwhile."""
        request = self.request
        if self.stream.closed():
            return
        if request is None:
            if self.phase is _IDLE:  # it was answered while the delegate was still busy with it
                go_on(self)
            return
        self._welcome_body(request)
        if self.phase is Phase.BODY and (self._pipelined or self._reader._held):
            data, self._pipelined = self._pipelined, b""
            self.data_received(data)
        if self._delivery is None or self._delivery.waiting is None:
            self.stream.resume_receiving()

    def _start_delivery(self, delegate: HTTPMessageDelegate) -> Delivery:
        self._delivery = Delivery(
            delegate, self.params.chunk_size, self._check_size, self._message_delivered, self._resume_reading
        )
        return self._delivery

    def _check_size(self, size: int, announced: bool) -> None:
        if self.request is not None:  # else it is answered, and there is nothing left to refuse
            super()._check_size(size, announced)

    def _take_body(self, events: Any) -> None:
        request = self.request
        assert request is not None
        parts, delivery = self._parts, self._delivery
        ended = False
        for event in events:
            if type(event) is Data:
                self._received += len(event.data)
                if parts is not None:
                    parts.append(event.data)
            elif type(event) is EndOfMessage:
                ended = True
        if ended:
            self.phase = _ANSWERING
            request.complete = True
        if delivery is not None:
            delivery.deliver(events)
            if delivery.waiting is not None and not ended:
                self.stream.pause_receiving()
        elif parts is not None:
            if ended:
                self._parts = None
                request.body = parts[0] if len(parts) == 1 else b"".join(parts)
                if self.params.decompress and request.body:
                    decompress_whole(request, self._reader.max_body)
                self._application.serve_request(request)
        elif ended:  # the answer went out before the body was whole, and all of it has now been thrown away
            self._answered()

    def deliver(self, request: HTTPServerRequest, delegate: HTTPMessageDelegate) -> None:
        """Hand a whole *request* to *delegate* part by part."""
        self._start_delivery(delegate).deliver((request,))

    def _message_delivered(self, error: BaseException | None) -> None:
        self._delivery = None
        if isinstance(error, HTTPInputError) and self.request is not None:  # else it has its answer already
            self.refuse(error)
        elif error is not None:
            self._application_failed(error)

    def _application_failed(self, error: BaseException) -> None:
        """It raised: nobody knows what it would have written. What it has answered completely still goes out."""
        app_log.error("Uncaught exception", exc_info=error)
        if self.request is not None:
            self.stream.close()
        elif self.phase is _IDLE:
            self._linger()

    def _throw_away(self, data: bytes) -> None:
        self._linger_left -= len(data)
        if self._linger_left < 0:  # the client keeps the rest, and has until the deadline to look at our answer
            self.stream.pause_receiving()

    def eof_received(self) -> bool:
        """The client has sent all it will: what was asked is still answered if that takes no further waiting."""
        if self.phase is Phase.BODY or self.phase is Phase.HEAD:
            try:
                self._reader.receive_eof()
            except HTTPInputError as error:
                gen_log.debug("%s: %s", self.context, error)
        return False

    def connection_lost(self, error: BaseException | None = None) -> None:
        """The stream is closed: whoever is answering or reading a body hears of it, once."""
        self._leave()
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            tell(delivery.abandon)
        self._parts = None
        self.request = None
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            tell(callback)

    def _leave(self) -> None:
        if self.phase is _HEAD and self._slow_heads is not None:
            self._slow_heads.leave(self)
        self.phase = _CLOSED
        self.deadline = inf
        self._deadlines.forget(self)
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(self)
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    # Answering.

    def respond(self, status: int, reason: str | None, fields: str, body: bytes) -> None:
        """Send a whole response and be done with the request.

        *fields* are the header lines with their CRLF, Content-Length among them where there is one; *reason* None
        takes the registered phrase. A body to HEAD is not sent. If the client is gone nothing happens: who wants
        to know sets a close callback. Raises `HTTPOutputError` for what HTTP cannot carry, and closes.
        """
        request = self.request
        if request is None:
            return
        first = STATUS_LINES.get(status)
        if first is None or reason is not None:
            first = status_line(status, reason)
        keep = self._keep and request.complete
        if keep and request.version == "HTTP/1.1":
            head = f"{first}{fields}\r\n"
        else:
            keep = self._keep = keep or (self.draining and another_has_come(self) and request.complete)
            connection = "Keep-Alive" if keep else "close"
            line = "" if request.version == "HTTP/1.0" and not keep else f"Connection: {connection}\r\n"
            head = f"{first}{fields}{line}\r\n"
        try:
            data = head.encode("latin-1")
            if not body or request.method == "HEAD":
                self.stream.send(data)
            elif len(body) <= JOIN_LIMIT:
                self.stream.send(data + body)
            else:
                self.stream.send_many((data, body))
        except UnicodeEncodeError as error:
            self.stream.close()
            raise HTTPOutputError(f"a header holds {error.object[error.start]!r}, which is not Latin-1") from error
        except StreamClosedError:
            return
        self._answered()

    def close_after_response(self) -> None:
        """Do not keep the connection after the response that comes next."""
        self._keep = self.draining = False

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """Write the head of a response, with *chunk* as its first content; see `HTTP1Connection.write_headers`."""
        if not isinstance(start_line, ResponseStartLine):
            raise TypeError("a server connection writes responses")
        request = self.request
        if request is None or self.stream.closed():
            return self._send([])
        if start_line.code < 200 and request.version == "HTTP/1.0":
            return self._send([])  # it knows no interim responses (RFC 9110, 15.2)
        head, writer, keep = make_response_head(
            start_line, headers, request.method, request.version,
            (self._keep or another_has_come(self)) and request.complete, request.keep_alive,
        )  # fmt: skip
        if start_line.code >= 200 or start_line.code == 101:
            self._writer = writer
            self._keep = keep
        return self._send([head, *writer.data(chunk or b"")])

    def write(self, chunk: bytes) -> Future[None]:
        """Write the next piece of content; see `HTTP1Connection.write`.

        Without a head before it, *chunk* is taken for a part of a response that the caller frames itself; the
        connection is closed after that.
        """
        writer = self._writer
        if writer is None:
            self._writer = writer = MessageWriter(Framing.UNTIL_CLOSE)
            self._keep = False
        stream = self.stream
        if stream.closed():
            return self._send([])
        buffers = writer.data(chunk)
        if len(buffers) == 1 and not stream.pending and stream.max_write_buffer_size is None:
            data = buffers[0]
            self._straight += len(data)
            if self._straight <= STRAIGHT_LIMIT:
                return stream.write(data)
            self._straight = 0
        return self._send(buffers)

    def finish(self) -> None:
        """End the response. Raises `HTTPOutputError`, and closes, if its head or a part of its content is missing."""
        writer, self._writer = self._writer, None
        if self.request is None or self.stream.closed():
            return
        if writer is None:
            self.stream.close()  # the client would take the next answer for this one
            raise HTTPOutputError("the response was finished before its head was written")
        self._finish_content(writer)
        self._answered()

    def _finish_content(self, writer: MessageWriter) -> None:
        if self.stream.closed():
            return
        super()._finish_content(writer)

    def _answered(self) -> None:
        """The response is queued completely: make ready for the next request, or close."""
        request, self.request = self.request, None
        assert request is not None
        self._close_callback = None
        if not request.complete:
            self._delivery = self._parts = None
            self._linger()
            return
        if not self._keep:
            stream = self.stream
            plain = type(stream) is IOStream
            # Who is told while a server drains may be sending its next request. (Over TLS the end must be said by TLS,
            # which takes both directions.)
            if self._reader._held or self._pipelined or (plain and self.draining) or stream.written > FIRST_WINDOW:
                self._linger()
                return
            self.phase = _LINGERING
            self.deadline = self._deadlines.coarse_now + WRITE_TIMEOUT
            if plain:  # what still comes is for nobody: the kernel may keep it
                stream.close_after_flush(self.connection_lost)
            else:
                self._linger_left = LINGER_BYTES
                stream.close_after_flush()
            return
        self.phase = _IDLE
        self.deadline = self._deadlines.coarse_now + self.params.next_request_timeout
        if self._delivery is not None and not self._pumping:
            return  # answered by a delegate that has not had all of its request: `_resume_reading` goes on when it has
        if not self._pumping and (self._reader._held or self._pipelined):
            if self.stream.pending > OUTPUT_LIMIT:
                go_on_when_flushed(self)
            else:
                go_on(self)

    def refuse(self, error: HTTPInputError) -> None:
        """Answer a malformed or excessive request with the error's status, and close once it has been seen."""
        if not self.params.log_limit.allows(str(self.context)):
            pass  # this peer has been heard of often enough (LG3)
        elif error.status in (414, 431):
            gen_log.warning("Unsatisfiable read, closing connection of %s: %s", self.context, error)
        elif error.status == 408:
            gen_log.info("%s (%s)", error, self.context)
        else:
            gen_log.info("Malformed HTTP message from %s: %s", self.context, error)
        started = self._writer is not None
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            tell(delivery.abandon)
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            tell(callback)
        self._parts = None
        self.request = None
        if self.stream.closed():
            return
        if started:
            self.stream.close()
            return
        if self.params.lenient:  # no more than Tornado says
            if error.status == 408:
                self.stream.close()
                return
            status = error.status if error.status in (414, 431) else 400
            self.stream.send(f"{status_line(status, None)}\r\n".encode())
            self._linger()
            return
        body = f"{error.status} {error.reason}\n".encode("latin-1", "replace")
        self.stream.send(
            f"{status_line(error.status, error.reason)}Date: {format_timestamp(time.time())}\r\n"
            f"Content-Type: text/plain; charset=UTF-8\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode("latin-1")
            + body
        )
        self._linger()

    def _linger(self) -> None:
        """Close after the flush; as the client may still be sending, without a reset that would eat our answer.

        RFC 9112, 9.6: shut down our side, and read on for a while.
        """
        self._pipelined = b""
        self._linger_left = LINGER_BYTES
        self._wait(Phase.LINGERING, LINGER_TIMEOUT)
        self.stream.resume_receiving()
        self.stream.flushed().add_done_callback(self._shut_down_output)

    def _shut_down_output(self, flushed: Future[None]) -> None:
        if flushed.cancelled() or flushed.exception() is not None or self.stream.closed():
            return
        self._wait(Phase.LINGERING, LINGER_TIMEOUT)  # from now on: the answer itself may have taken long
        try:
            self.stream.end_output()
        except OSError:  # the client has reset the connection meanwhile
            self.stream.close()

    # Deadlines.

    def _wait(self, phase: Phase, seconds: float) -> None:
        self.phase = phase
        self._deadlines.watch_for(self, seconds)

    def deadline_passed(self) -> None:
        """The wheel found that `deadline` has passed: by phase, end what took too long or look again later."""
        pending = self.stream.pending
        sent = self.stream.statistics()["sent"] if pending else -1
        if pending and sent == self._sent_seen:
            gen_log.info("%s takes nothing of its response; closing", self.context)
            self.stream.close()
            return
        self._sent_seen = sent
        if pending:
            self._deadlines.watch_for(self, WRITE_TIMEOUT)
        elif self.phase is Phase.ANSWERING:  # not longer than it may be idle afterwards: that is not watched anew
            self._deadlines.watch_for(self, min(WRITE_TIMEOUT, self.params.next_request_timeout))
        elif self.phase is Phase.BODY:
            self._check_body_rate()
        elif self.phase is Phase.HEAD:
            if self._slow_heads is not None:
                self._slow_heads.leave(self)
            self.refuse(HTTPInputError("Timeout reading the request head", status=408))
        else:
            self.stream.close()

    def _check_body_rate(self) -> None:
        elapsed = self._deadlines.now - self._started
        limit = self.params.body_timeout
        if limit is not None and elapsed >= limit:
            self.refuse(HTTPInputError(f"Timeout reading body: it took longer than {limit} s", status=408))
        elif self._delivery is None or self._delivery.waiting is None:
            if self._received < (self._deadlines.now - self._paced_from - BODY_GRACE) * BODY_RATE:
                self.refuse(HTTPInputError(f"Timeout reading body: less than {BODY_RATE} bytes/s came", status=408))
                return
            self._wait(Phase.BODY, min(BODY_GRACE, inf if limit is None else limit - elapsed))
        else:  # it is the application that does not take it: its time is not counted as the client's
            self._paced_from = max(self._paced_from, self._deadlines.now - self._received / BODY_RATE)
            self._wait(Phase.BODY, BODY_GRACE)

    def set_body_timeout(self, timeout: float) -> None:
        """Give the body of the request being read *timeout* seconds in all, from its head on."""
        super().set_body_timeout(timeout)
        if self.phase is Phase.BODY and timeout < BODY_GRACE:
            # Shorter than the wheel's ticks serve: such a deadline is rare, and gets a timer.
            self.stream.io_loop.call_later(timeout, self._body_timed_out, self.request, timeout)

    def _body_timed_out(self, request: HTTPServerRequest, limit: float) -> None:
        if self.request is request and self.phase is Phase.BODY:
            self.refuse(HTTPInputError(f"Timeout reading body: it took longer than {limit} s", status=408))

    # The end.

    def is_busy(self) -> bool:
        """Whether a request is being read or answered, or an answer is still on its way out, or further requests wait
        for that."""
        if self.request is not None or self.stream.pending > 0:
            return True
        return self.phase is _IDLE and bool(self._pipelined or self._reader.held)

    def detach(self) -> IOStream:
        """Give the stream up, for another protocol; see `HTTP1Connection.detach`."""
        rest, self._pipelined = self._pipelined, b""
        self.request = None
        self._writer = None
        self.stream.set_receiver(None)
        if rest:  # it came after what the reader holds, which goes in front of it
            self.stream.unread(rest)
        detached = super().detach()
        self._leave()
        return detached

    def hand_over(self, owner: Upgraded) -> tuple[IOStream, UpgradedConnections | None]:
        """`detach`, for an *owner* whom the server tells when it drains.

        Returns the stream, and whose ``forget(owner)`` must be called when the stream is closed, if there is a server.
        """
        upgraded = self._upgraded
        stream = self.detach()
        if upgraded is not None:
            upgraded.add(owner, stream)
        return stream, upgraded

    async def wait_closed(self) -> None:
        """Return when the connection is closed or handed over."""
        if self.phase is not Phase.CLOSED:
            if self._closed is None:
                self._closed = self.stream.io_loop.asyncio_loop.create_future()
            await self._closed

    # Draining (see `_draining.py`).

    def drain(self) -> None:
        """End after the requests that have arrived: the last response says ``Connection: close``.

        An idle connection stays open for a request that is on its way; `close_if_idle` ends it.
        """
        drain(self)

    def close_if_idle(self) -> bool:
        """Close if no request is under way and nothing of one has arrived, not even in the kernel; whether it did."""
        return close_if_idle(self)
