"""A response while it arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from waterspout.httpclient._again import go_on
from waterspout.httpclient._decode import Decoder, decoder_for
from waterspout.httpclient._errors import FetchError
from waterspout.httpclient._following import step_after
from waterspout.httpclient._giving_back import drop_connection, give_back_connection
from waterspout.httpclient._response import HTTPResponse

if TYPE_CHECKING:
    from waterspout.http1 import EndOfMessage, ResponseHead
    from waterspout.httpclient._delivery import Delivery
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._following import Step

#: Bytes of a body nobody wants that are read so that the connection can be used again; of a longer one the rest is
#: left, and the connection closed.
DRAIN_LIMIT = 64 * 1024


class Incoming:
    """One response's head and what there is of its body: kept, delivered piece by piece, or thrown away."""

    __slots__ = ("chunks", "decoder", "delivery", "drained", "exchange", "head", "step")

    exchange: Exchange
    head: ResponseHead
    drained: int

    def __init__(self, exchange: Exchange, head: ResponseHead) -> None:
        self.exchange = exchange
        self.head = head
        self.chunks: list[bytes] = []
        self.decoder: Decoder | None = None
        self.delivery: Delivery | None = None
        #: What follows a response that is not the answer; its body is of no interest and never decoded.
        self.step: Step | None = None
        self.drained = 0

    def begin(self) -> None:
        """The head is there: decide what becomes of the body."""
        exchange = self.exchange
        head = self.head
        settings = exchange.settings
        if head.status >= 300:
            self.step = step_after(exchange, head)
            if self.step is not None:
                if (head.content_length or 0) > DRAIN_LIMIT:
                    self._leave_rest()
                return
        if settings.header_callback is not None and not self._tell_headers(settings.header_callback):
            return
        if head.has_body and head.content_encoding is not None and settings.decompress_response:
            try:
                self.decoder = decoder_for(head.content_encoding, exchange.client.max_body_size, exchange.shown_url())
            except FetchError as error:
                exchange.fail(error)
                return
        if settings.streaming_callback is not None:
            from waterspout.httpclient._delivery import Delivery  # few stream

            self.delivery = Delivery(exchange, settings.streaming_callback)
        if exchange.on_head is not None:
            exchange.on_head(self)

    def data(self, data: bytes) -> None:
        """A piece of the body."""
        if self.step is not None:
            self.drained += len(data)
            if self.drained > DRAIN_LIMIT:
                self._leave_rest()
        elif self.delivery is not None:
            self.delivery.feed((data,) if self.decoder is None else self.decoder.decode(data))
        elif self.decoder is not None:
            try:
                self.chunks.extend(self.decoder.decode(data))
            except FetchError as error:
                self.exchange.fail(error)
        else:
            self.chunks.append(data)

    def end(self, event: EndOfMessage) -> None:
        """The body is complete."""
        exchange = self.exchange
        if self.delivery is not None and not self.delivery.is_done():
            self.delivery.when_done(lambda: self.end(event))
            return
        if self.decoder is not None:
            try:
                self.decoder.finish()
            except FetchError as error:
                exchange.fail(error)
                return
        give_back_connection(exchange, self.head)
        if self.step is not None:
            go_on(exchange, self.step, self.head)
            return
        response = self.response()
        if event.trailer_block:
            response._end = event
        exchange.deliver(response)

    def response(self, *, keep_body: bool = True) -> HTTPResponse:
        """What has arrived, as a response."""
        exchange = self.exchange
        chunks = self.chunks if keep_body else ()
        response = HTTPResponse.received(exchange.original, self.head, chunks, exchange.effective_url)
        if self.decoder is not None:
            response._decoded = True
        return response

    def cancel(self) -> None:
        """Nobody wants the response any more."""
        if self.delivery is not None:
            self.delivery.cancel()

    def _leave_rest(self) -> None:
        exchange = self.exchange
        step = self.step
        drop_connection(exchange)
        if step is not None:
            go_on(exchange, step, self.head)

    def _tell_headers(self, callback: Callable[[str], None]) -> bool:
        head = self.head
        lines = [f"{head.version} {head.status} {head.reason}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in head.headers.get_all()]
        lines.append("\r\n")
        return all(self.exchange.call(callback, line) for line in lines)
