"""One easy handle and what it receives.

A handle is used again and again. What a request asks for beyond its URL is a key; as long as the key stays the same,
only the URL is set anew. When it changes the handle is reset completely: an option that were left behind, a client
certificate or a proxy's password, would be used for somebody else's request.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from waterspout.curl_httpclient._library import pycurl
from waterspout.curl_httpclient._times import CurlTimes
from waterspout.httpclient import HTTPRequest, HTTPResponse
from waterspout.httputil import HTTPHeaders, HTTPInputError

if TYPE_CHECKING:
    from waterspout.httpclient._settings import Settings

    Answer = Callable[[HTTPResponse], object]

_status_line = re.compile(rb"HTTP/([0-9.]+) ([0-9]{3})(?: ([^\r\n]*))?")


class CurlHead:
    """A response's status and fields, from lines as libcurl gives them: those of all responses on the way."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self.status = 0

    @cached_property
    def _begin(self) -> int:
        """Where the last response's status line is; trailers follow an empty line, but no status line."""
        lines = self._lines
        if lines.count(b"\r\n") < 2:
            return 0
        return max((index for index, line in enumerate(lines) if line.startswith(b"HTTP/")), default=0)

    @cached_property
    def _found(self) -> re.Match[bytes] | None:
        return _status_line.match(self._lines[self._begin]) if self._lines else None

    @cached_property
    def version(self) -> str:
        """``HTTP/1.1``, ``HTTP/2``, ..."""
        return "" if self._found is None else f"HTTP/{self._found[1].decode('ascii')}"

    @cached_property
    def reason(self) -> str:
        """The reason phrase, empty in HTTP/2."""
        return "" if self._found is None else (self._found[3] or b"").decode("latin-1")

    @cached_property
    def headers(self) -> HTTPHeaders:
        """The fields of the last response."""
        headers = HTTPHeaders()
        for line in self._lines[self._begin + 1 :]:
            name, colon, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            if colon:
                try:
                    headers.add(name, value.strip(" \t"))
                except (HTTPInputError, ValueError):
                    continue  # libcurl lets through what the grammar forbids; such a field is nobody's
        return headers


class Transfer:
    """A handle with its request."""

    __slots__ = (
        "_times", "answer", "begun", "body_source", "chunks", "client", "error", "handle", "head_lines", "key",
        "queued", "request", "settings", "size", "start_time", "too_large",
    )  # fmt: skip

    request: HTTPRequest
    settings: Settings

    def __init__(self, client: Any) -> None:
        self.client = client
        self.handle: Any = pycurl.Curl()
        self.handle.transfer = self
        self.key: Hashable = None
        #: Always the same list: the handle keeps its `append`.
        self.head_lines: list[bytes] = []
        self.answer: Answer | None = None
        self.body_source: Any = None
        #: The times of the last transfer, as long as its response is there.
        self._times: weakref.ref[CurlTimes] | None = None

    def begin(self, request: HTTPRequest, settings: Settings, answer: Answer, queued: float) -> None:
        """Take on *request*; the handle is configured next."""
        if self._times is not None:
            self.keep_times()
        self.request = request
        self.settings = settings
        self.answer = answer
        self.queued = queued
        self.begun = self.client.time()
        self.start_time = time.time()
        self.head_lines.clear()
        self.chunks: list[bytes] = []
        self.size = 0
        self.too_large = False
        self.error: BaseException | None = None

    def times(self) -> CurlTimes:
        """The times of the transfer that has just ended."""
        made = CurlTimes(self.handle, self.begun - self.queued)
        self._times = weakref.ref(made)
        return made

    def keep_times(self) -> None:
        """The handle goes on to something else: its times are read if anybody might want them."""
        times = None if self._times is None else self._times()
        self._times = None
        if times is not None:
            times.keep()

    def callbacks(self) -> None:
        """Have the handle call us; needed once after each reset."""
        header = self.head_lines.append if self.settings.header_callback is None else self._header
        self.handle.setopt(pycurl.HEADERFUNCTION, header)
        self.handle.setopt(pycurl.WRITEFUNCTION, self._write)

    def finish(self) -> None:
        """Forget the request; the handle keeps its configuration."""
        self.answer = None
        self.chunks = []
        self.body_source = None
        del self.request, self.settings

    # What libcurl calls, always from inside `socket_action`; an exception must not pass through it.

    def _header(self, line: bytes) -> int | None:
        self.head_lines.append(line)
        callback = self.settings.header_callback
        return None if callback is None else self._call(callback, line.decode("latin-1"))

    def _write(self, data: bytes) -> int | None:
        self.size += len(data)
        if self.size > self.client.max_body_size:
            self.too_large = True
            return -1
        callback = self.settings.streaming_callback
        if callback is None:
            self.chunks.append(data)
            return None
        return self._call(callback, data)

    def _call(self, callback: Callable[[Any], object], data: Any) -> int | None:
        try:
            callback(data)
        except Exception as error:
            if self.client.is_compat:  # Tornado goes on as if nothing had happened
                self.client.handle_callback_exception(callback)
                return None
            self.error = error
            return -1
        return None
