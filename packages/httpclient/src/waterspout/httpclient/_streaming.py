"""`AsyncHTTPClient.stream`: a response whose body is read while it comes."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator, Generator
from io import StringIO
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._delivery import Delivery
from waterspout.httpclient._errors import HTTPClientError, HTTPStreamClosedError, LineTooLongError, Phase
from waterspout.httpclient._response import HTTPResponse
from waterspout.httpclient._shown import without_userinfo
from waterspout.httputil import charset_of

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._incoming import Incoming

#: Longest line that `StreamedResponse.lines` collects.
MAX_LINE = 1024 * 1024
#: Bytes that may wait for the consumer before the server is held back.
BUFFER = 256 * 1024

_line_end = re.compile(r"\r\n|\n|\r")


class StreamedResponse(HTTPResponse):
    """A response whose head has arrived and whose body is still coming: iterate over it.

    What has been received and not been asked for yet is bounded; the server is held back while it waits.
    """

    __module__ = "waterspout.httpclient"

    _stream: ResponseStream

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body's pieces as they arrive, content coding removed. Raises what a fetch would."""
        return self._stream.pieces()

    async def read(self, limit: int | None = None) -> bytes:
        """The rest of the body, kept as ``body``. Raises ValueError if it is longer than *limit* bytes."""
        pieces: list[bytes] = []
        size = 0
        async for piece in self:
            pieces.append(piece)
            size += len(piece)
            if limit is not None and size > limit:
                raise ValueError(f"the body of {without_userinfo(self.effective_url)} is longer than {limit} bytes")
        self.body = b"".join(pieces)
        return self.body

    async def lines(self, max_line: int = MAX_LINE) -> AsyncIterator[str]:
        r"""The body as text, line by line, without line ends (``\n``, ``\r\n`` or ``\r``).

        Raises `LineTooLongError`, which is a ValueError, for a line of more than *max_line* characters, as soon as so
        many of it have come, whether or not its end ever does: no more of it is kept.
        """
        decoder = codecs.getincrementaldecoder(charset_of(self.headers.get("Content-Type", "")))("replace")
        begun = StringIO()  # a line whose end has not come; what is in it is not looked at again
        half_end = False  # the text so far ends with a carriage return: a line feed that follows belongs to it
        async for piece in self:
            text = decoder.decode(piece)
            if not text:
                continue
            if half_end and text[0] == "\n":
                text = text[1:]
            half_end = text.endswith("\r")
            *ended, rest = _line_end.split(text)
            for end in ended:
                line = end
                if begun.tell():
                    begun.write(end)
                    line = begun.getvalue()
                    begun = StringIO()
                self._limit_line(len(line), max_line)
                yield line
            begun.write(rest)
            self._limit_line(begun.tell(), max_line)
        begun.write(decoder.decode(b"", True))
        self._limit_line(begun.tell(), max_line)
        if begun.tell():
            yield begun.getvalue()

    def _limit_line(self, length: int, most: int) -> None:
        if length > most:
            url = without_userinfo(self.effective_url)
            raise LineTooLongError(f"a line of {url} is longer than {most} characters", url=url, phase=Phase.BODY)


class ResponseStream:
    """Between an exchange, which delivers, and a consumer, who asks: holds a bounded number of bytes."""

    __slots__ = (
        "_error",
        "_exchange",
        "_finished",
        "_head",
        "_loop",
        "_pieces",
        "_size",
        "_taken",
        "_wanted",
        "response",
    )

    def __init__(self, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        self._exchange = exchange
        self._loop = loop
        self._head: asyncio.Future[StreamedResponse] = loop.create_future()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._wanted: asyncio.Future[None] | None = None
        self._taken: asyncio.Future[None] | None = None
        self._finished = False
        self._error: BaseException | None = None
        self.response: StreamedResponse | None = None
        exchange.on_head = self._begun
        exchange.answer = self._ended

    async def head(self) -> StreamedResponse:
        """Wait for the response's head."""
        return await self._head

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                if self._taken is not None and self._size < BUFFER // 2:
                    taken, self._taken = self._taken, None
                    if not taken.done():
                        taken.set_result(None)
                yield piece
            if self._error is not None:
                raise self._error
            if self._finished:
                return
            self._wanted = self._loop.create_future()
            try:
                await self._wanted
            finally:
                self._wanted = None

    def whole(self) -> bytes | None:
        """The whole body if it has arrived already, which ends the stream; else None."""
        if not self._finished or self._error is not None:
            return None
        body = b"".join(self._pieces)
        self._pieces.clear()
        return body

    def close(self) -> None:
        """Nobody wants the rest: if there is any, the connection is closed."""
        if not self._finished:
            self._finished = True
            exchange = self._exchange
            # Who goes on reading must not take what there was for all there is.
            self._error = HTTPStreamClosedError(
                f"{exchange.name()}: the response was left before its end",
                url=exchange.shown_url(),
                phase=exchange.phase,
            )
            exchange.cancel()
            self._wake()
        self._pieces.clear()

    # What the exchange calls.

    def _begun(self, incoming: Incoming) -> None:
        exchange = self._exchange
        response = self.response = _as_streamed(incoming.response(keep_body=False))
        response._stream = self
        response.start_time = exchange.start_time
        response._timing = exchange.timing
        response.history = tuple(exchange.history or ())
        incoming.delivery = Delivery(exchange, self._arrived)
        if not self._head.done():
            self._head.set_result(response)

    def _arrived(self, piece: bytes) -> asyncio.Future[None] | None:
        """Keep *piece*; if that makes too many, more is read when they have been taken."""
        self._pieces.append(piece)
        self._size += len(piece)
        self._wake()
        if self._size < BUFFER:
            return None
        self._taken = self._loop.create_future()
        return self._taken

    def _ended(self, response: HTTPResponse) -> None:
        self._finished = True
        if response.error is not None and not response._error_is_response_code:
            self._error = response.error
            if not self._head.done():
                self._head.set_exception(response.error)
        elif self.response is not None:
            self.response.request_time = response.request_time
            self.response._end = response._end
        self._wake()

    def _wake(self) -> None:
        wanted = self._wanted
        if wanted is not None and not wanted.done():
            wanted.set_result(None)


def _as_streamed(response: HTTPResponse) -> StreamedResponse:
    made = StreamedResponse.__new__(StreamedResponse)
    vars(made).update(vars(response))
    if isinstance(made.error, HTTPClientError):
        made.error.response = made
    return made


class StreamContext:
    """What `stream` returns: ``async with`` gives the `StreamedResponse` and closes it at the end."""

    __module__ = "waterspout.httpclient"
    __slots__ = ("_exchange", "_raise_error", "_stream")

    def __init__(self, exchange: Exchange, stream: ResponseStream, raise_error: bool) -> None:
        self._exchange = exchange
        self._raise_error = raise_error
        self._stream = stream

    async def __aenter__(self) -> StreamedResponse:
        self._exchange.start()
        try:
            response = await self._stream.head()
            if self._raise_error and response.error is not None:
                with contextlib.suppress(ValueError):
                    await response.read(limit=BUFFER)
                response.rethrow()
        except BaseException:
            self._stream.close()
            raise
        return response

    async def __aexit__(self, *exc_info: object) -> None:
        self._stream.close()

    def __await__(self) -> Generator[Any, None, StreamedResponse]:
        raise TypeError("stream() is used with `async with`, so that the connection is given back")
