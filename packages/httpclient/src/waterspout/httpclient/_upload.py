"""A request body that is made while it is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waterspout.concurrent import convert_yielded
from waterspout.httputil import HTTPOutputError

if TYPE_CHECKING:
    from waterspout.httpclient._connection import Connection
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._h2_stream import RequestStream
    from waterspout.httpclient._request import BodyProducer


class Upload:
    """Runs a body producer against a connection. `done` says whether the body has been written completely."""

    __slots__ = ("_connection", "_exchange", "_running", "_writer", "done")

    done: bool

    def __init__(self, exchange: Exchange, connection: Connection | RequestStream) -> None:
        assert exchange.writer is not None
        self._exchange = exchange
        self._connection = connection
        self._writer = connection.body_writer(exchange.writer)
        self._running: asyncio.Future[None] | None = None
        self.done = False

    def start(self, producer: BodyProducer) -> None:
        """Call *producer*; what it raises is what the fetch raises."""
        try:
            self._running = self._exchange.run(self._begin, producer)
            if self._running is None:
                self._end()
                return
        except Exception as error:
            self._exchange.fail(error)
            return
        self._running.add_done_callback(self._produced)

    def _begin(self, producer: BodyProducer) -> asyncio.Future[None] | None:
        result = producer(self.write)
        # A coroutine becomes a task here, in the caller's context.
        return None if result is None else convert_yielded(result)

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        """Queue a piece of the body; the Future is done when the kernel has taken it.

        Raises `HTTPOutputError` for more bytes than Content-Length says, and once the producer has returned: the
        connection may be another request's by then. `StreamClosedError` on a lost connection.
        """
        if self.done:
            raise HTTPOutputError("write() after the body_producer has returned: the body is complete")
        stream = self._connection.stream
        stream.send_many(self._writer.data(chunk))
        return stream.flushed()

    def cancel(self) -> None:
        """The body is not wanted any more."""
        running, self._running = self._running, None
        if running is not None and not running.done():
            running.cancel()

    def _produced(self, running: asyncio.Future[None]) -> None:
        if running is not self._running:
            if not running.cancelled():
                running.exception()  # it was cancelled by us and may have ended with an error of its own: nobody asks
            return
        self._running = None
        if running.cancelled():
            self._exchange.callback_failed(asyncio.CancelledError())
            return
        failure = running.exception()
        if failure is not None:
            self._exchange.upload_failed(failure)
            return
        try:
            self._end()
        except Exception as error:
            self._exchange.fail(error)

    def _end(self) -> None:
        last = self._writer.end()
        if last:
            self._connection.stream.send(last)
        self._connection.end_body()
        self.done = True
        self._exchange.uploaded()
