"""Server-sent events (HTML standard, 9.2): an endless response of events, and coming back after it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple

from waterspout.httpclient._controls import has_controls
from waterspout.httpclient._errors import (
    ConnectError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    ProtocolError,
    ResponseTooLargeError,
)
from waterspout.httpclient._shown import without_userinfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from waterspout.httpclient._streaming import StreamedResponse

#: Characters of one event, and so of one line: an endless one would fill the memory (CL17).
MAX_EVENT = 1024 * 1024
#: Seconds between tries: what a server may ask for at most, and what is waited if it asks for nothing.
MAX_RETRY, DEFAULT_RETRY = 60.0, 3.0


class ServerSentEvent(NamedTuple):
    """One event. `type` is "message" unless the server says otherwise; `id` the last one that it gave."""

    data: str
    type: str = "message"
    id: str = ""


ServerSentEvent.__module__ = "waterspout.httpclient"


class EventParser:
    """Lines in, events out: pure. `retry` holds the server's wish, in seconds, once it has one."""

    __slots__ = ("_data", "_size", "_type", "last_id", "retry", "url")

    def __init__(self, url: str = "", last_id: str = "", retry: float | None = None) -> None:
        self.url = url
        self.last_id = last_id
        self.retry = retry
        self._type = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, line: str) -> Iterator[ServerSentEvent]:
        """Take a line without its end. Raises `ResponseTooLargeError` for an event over `MAX_EVENT`."""
        if not line:
            if self._data:
                yield ServerSentEvent("\n".join(self._data), self._type or "message", self.last_id)
            self._type, self._size = "", 0
            self._data.clear()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._size += len(value) + 1
            if self._size > MAX_EVENT:
                raise ResponseTooLargeError(f"An event of {self.url} exceeds {MAX_EVENT} characters", url=self.url)
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id":
            # The standard ignores one with a NUL. Other controls cannot be said in a header field either.
            if not has_controls(value):
                self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = min(float(value[:12]) / 1000, MAX_RETRY)


async def events(
    connect: Callable[[dict[str, str]], AbstractAsyncContextManager[StreamedResponse]], url: str, last_id: str
) -> AsyncIterator[ServerSentEvent]:
    """The events of *url*, for ever: when the connection ends, *connect* is called again with Last-Event-ID.

    Ends when the server answers 204, as the standard says. Raises `HTTPClientError` for other answers that are no
    success, `ProtocolError` for one that is no event stream, `ResponseTooLargeError` for an event over the limit, and
    whatever keeps the first connection from being made.
    """
    shown = without_userinfo(url)
    parser = EventParser(shown, last_id)
    answered = False
    while True:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if parser.last_id:
            # UTF-8, as the standard says; header fields are text with a character for each byte.
            headers["Last-Event-Id"] = parser.last_id.encode("utf-8").decode("latin-1")
        try:
            async with connect(headers) as response:
                answered = True
                if response.code == 204:
                    return
                kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                if kind != "text/event-stream":
                    raise ProtocolError(f"{shown} is no event stream: its Content-Type is {kind!r}", url=shown)
                first = True
                async for line in response.lines(MAX_EVENT):
                    for event in parser.feed(line.removeprefix("\ufeff") if first else line):
                        yield event
                    first = False
        except ProtocolError:
            raise
        except (ConnectError, HTTPStreamClosedError, HTTPTimeoutError):
            if not answered:
                raise
            # Else: what the standard calls "reestablish the connection".
        parser = EventParser(shown, parser.last_id, parser.retry)
        await asyncio.sleep(DEFAULT_RETRY if parser.retry is None else parser.retry)
