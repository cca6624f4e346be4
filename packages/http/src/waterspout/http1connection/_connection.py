"""One HTTP/1.x connection with Tornado's interface: what both roles share."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from waterspout.concurrent import future_set_result_unless_cancelled
from waterspout.http1 import MessageReader, MessageWriter, Reading, RequestReader, ResponseReader
from waterspout.http1._content import check_length
from waterspout.http1connection._delivery import Delivery
from waterspout.http1connection._heads import make_request_head, make_response_head
from waterspout.http1connection._observer import tell
from waterspout.http1connection._params import HTTP1ConnectionParameters
from waterspout.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.log import app_log, gen_log

__all__ = ["HTTP1Connection"]


class HTTP1Connection(HTTPConnection):
    """An HTTP/1.x connection over a stream, for one message each way at a time.

    A client writes a request (`write_headers`, `write`, `finish`) and reads the answer with `read_response`; a
    server is better served by `HTTP1ServerConnection`. The connection takes the stream over: nobody else may read
    from it until `detach`.
    """

    __module__ = "waterspout.http1connection"
    __slots__ = ("__dict__", "__weakref__", "_close_callback", "_delivery", "_method", "_read_done",
                 "_reader", "_writer", "context", "is_client", "params", "stream")  # fmt: skip

    params: HTTP1ConnectionParameters
    is_client: bool

    stream: IOStream
    context: Any

    def __init__(
        self,
        stream: IOStream,
        is_client: bool,
        params: HTTP1ConnectionParameters | None = None,
        context: object | None = None,
    ) -> None:
        """*context* is kept as `context` for the layers above: who the peer is."""
        self.stream = stream
        self.is_client = is_client
        self.params = params = params or HTTP1ConnectionParameters()
        self.context = context
        self._reader: MessageReader = (
            ResponseReader(params.limits, lenient=params.lenient)
            if is_client
            else RequestReader(params.limits, params.lenient, params.hosts)
        )
        self._writer: MessageWriter | None = None
        self._close_callback: Callable[[], None] | None = None
        self._delivery: Delivery | None = None
        self._read_done: Future[bool] | None = None
        self._method = "GET"

    # Reading one message.

    def read_response(self, delegate: HTTPMessageDelegate) -> Future[bool]:
        """Read one message and hand it to *delegate*.

        The Future is done when the message has ended: true if the connection can be used for another one, false if
        it was closed or broken, in which case the delegate's ``on_connection_close`` was called.
        """
        if self._read_done is not None:
            raise RuntimeError("a message is being read already")
        done: Future[bool] = asyncio.get_running_loop().create_future()
        self._read_done = done
        self._delivery = Delivery(
            delegate, self.params.chunk_size, self._check_size, self._message_delivered, self._resume_reading
        )
        if isinstance(self._reader, ResponseReader):
            self._reader.expect(self._method)
        try:
            self.stream.set_receiver(self)
        except StreamClosedError as error:
            self.connection_lost(error)
            return done
        if self._reader.held:
            self.data_received(b"")
        return done

    def data_received(self, data: bytes) -> None:
        """A chunk from the stream (see `waterspout.iostream.StreamReceiver`)."""
        delivery = self._delivery
        if delivery is None:
            return
        try:
            while True:
                events = self._reader.receive(data)
                delivery.deliver(events)
                data = b""
                if not events or not self._reader.held or self._reader.state is Reading.DONE:
                    break
        except HTTPInputError as error:
            self._malformed(error)
            return
        if delivery.waiting is not None:
            self.stream.pause_receiving()

    def eof_received(self) -> bool:
        """The peer sends no more: content that lasts until close ends here."""
        delivery = self._delivery
        if delivery is not None:
            try:
                delivery.deliver(self._reader.receive_eof())
            except HTTPInputError as error:
                self._malformed(error)
        return False

    def connection_lost(self, error: BaseException | None) -> None:
        """The stream is closed."""
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            tell(delivery.abandon)
        self._end_reading(False)
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            tell(callback)

    def writable(self) -> None:
        """Queued output has drained."""

    def _malformed(self, error: HTTPInputError) -> None:
        gen_log.info("Malformed HTTP message from %s: %s", self.context, error)
        self.close()

    def _message_delivered(self, error: BaseException | None) -> None:
        self._delivery = None
        if isinstance(error, HTTPInputError):
            self._malformed(error)
        elif error is not None:
            app_log.error("Uncaught exception", exc_info=error)
            self.close()
        self._end_reading(error is None)

    def _resume_reading(self) -> None:
        if not self.stream.closed():
            self.stream.resume_receiving()

    def _end_reading(self, usable: bool) -> None:
        done, self._read_done = self._read_done, None
        if done is not None:
            future_set_result_unless_cancelled(done, usable)

    # Writing one message.

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """Write the head, with *chunk* as the first content. Framing fields are added to *headers* where missing.

        Raises `HTTPOutputError` for fields that contradict each other or *chunk*. The Future fails with
        `StreamClosedError` if the peer is gone.
        """
        if isinstance(start_line, RequestStartLine):
            self._method = start_line.method
            head, self._writer = make_request_head(start_line, headers)
        else:
            head, self._writer, _ = make_response_head(start_line, headers, self._method, "HTTP/1.1", True, False)
        return self._send([head, *self._writer.data(chunk or b"")])

    def write(self, chunk: bytes) -> Future[None]:
        """Write the next piece of content; framing is put around it."""
        if self._writer is None:
            raise RuntimeError("write_headers must be called before write")
        return self._send(self._writer.data(chunk))

    async def write_file(self, file: Any, offset: int, count: int) -> None:
        """Write *count* bytes of *file*, an open regular file with a ``fileno``, from *offset* on as the next content.

        Returns when they are in the kernel, which copies them itself where the stream is not TLS; nothing may be
        written meanwhile. A message without content (an answer to HEAD) gets none. Raises `HTTPOutputError` as `write`
        does, `StreamClosedError` if the peer is gone, and EOFError, with the connection closed, if the file is shorter:
        less than was promised must not look complete.
        """
        if self._writer is None:
            raise RuntimeError("write_headers must be called before write_file")
        around = self._writer.around(count)
        if around is None:
            return
        before, after = around
        if before and not self.stream.closed():
            self.stream.send(before)
        try:
            await self.stream.sendfile(file, offset, count)
        except EOFError:
            self.stream.close()
            raise
        if after and not self.stream.closed():
            self.stream.send(after)

    def finish(self) -> None:
        """End the message. Raises `HTTPOutputError`, and closes, when content is missing."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._finish_content(writer)

    def _finish_content(self, writer: MessageWriter) -> None:
        try:
            end = writer.end()
        except Exception:
            self.stream.close()
            raise
        if end and not self.stream.closed():
            self.stream.send(end)

    def _send(self, buffers: list[Any]) -> Future[None]:
        stream = self.stream
        if stream.closed():
            future: Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(StreamClosedError(real_error=stream.error))
            future.exception()  # seen: whoever does not wait for a write hears of the loss by the close callback
            return future
        stream.send_many(buffers)
        return stream.flushed()

    # The connection as a whole.

    @property
    def no_keep_alive(self) -> bool:
        """Whether the connection is closed after one message each way."""
        return self.params.no_keep_alive

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """*callback* is called once when the connection is lost before its message was finished."""
        self._close_callback = callback

    def set_max_body_size(self, max_body_size: int) -> None:
        """Allow *max_body_size* bytes of content in the message being read, in place of the connection's limit."""
        self._reader.max_body = max_body_size

    def _check_size(self, size: int, announced: bool) -> None:
        limit = self._reader.max_body
        if announced:
            check_length(size, limit)
        elif size > limit:
            raise HTTPInputError(f"content of {size} bytes exceeds the limit of {limit} bytes", status=413)

    def set_body_timeout(self, timeout: float) -> None:
        """Give the body of the message being read *timeout* seconds in all."""
        self.params = replace(self.params, body_timeout=timeout)

    def detach(self) -> IOStream:
        """Give the stream up, for another protocol. Bytes that came after the message are put back first."""
        self._close_callback = None
        self._delivery = None
        stream = self.stream
        stream.set_receiver(None)
        rest = self._reader.upgrade()
        if rest:
            stream.unread(rest)
        self._end_reading(False)
        return stream

    def close(self) -> None:
        """Close the stream at once."""
        self.stream.close()

    def deliver(self, request: HTTPServerRequest, delegate: HTTPMessageDelegate) -> None:
        """Hand a whole *request* to *delegate* part by part."""
        delivery = Delivery(
            delegate, self.params.chunk_size, self._check_size, self._message_delivered, self._resume_reading
        )
        self._delivery = delivery
        delivery.deliver((request,))
