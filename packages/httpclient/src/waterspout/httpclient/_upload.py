"""A request body that is made while it is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waterspout.concurrent import convert_yielded

if TYPE_CHECKING:
    from waterspout.http1 import MessageWriter
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._request import BodyProducer
    from waterspout.iostream import IOStream


class Upload:
    """Runs a body producer against a stream. `done` says whether the body has been written completely."""

    __slots__ = ("_exchange", "_running", "_stream", "_writer", "done")

    done: bool

    def __init__(self, exchange: Exchange, stream: IOStream, writer: MessageWriter) -> None:
        self._exchange = exchange
        self._stream = stream
        self._writer = writer
        self._running: asyncio.Future[None] | None = None
        self.done = False

    def start(self, producer: BodyProducer) -> None:
        """Call *producer*; what it raises is what the fetch raises."""
        try:
            result = producer(self.write)
            if result is None:
                self._end()
                return
            self._running = convert_yielded(result)
        except Exception as error:
            self._exchange.fail(error)
            return
        self._running.add_done_callback(self._produced)

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        """Queue a piece of the body; the Future is done when the kernel has taken it.

        Raises `HTTPOutputError` for more bytes than Content-Length says, `StreamClosedError` on a lost connection.
        """
        self._stream.send_many(self._writer.data(chunk))
        return self._stream.flushed()

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
            self._stream.send(last)
        self.done = True
        self._exchange.uploaded()
