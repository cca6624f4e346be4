"""HTTPResponse: what came back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from waterspout.httpclient._errors import HTTPClientError
from waterspout.httpclient._shown import without_userinfo
from waterspout.httputil import HTTPHeaders, responses

if TYPE_CHECKING:
    from waterspout.http1 import EndOfMessage, ResponseHead
    from waterspout.httpclient._request import HTTPRequest

    class HasTimes(Protocol):
        """What knows when the phases of a fetch ended."""

        def as_dict(self) -> dict[str, float]:
            """Seconds by the names of `HTTPResponse.time_info`."""


_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class HTTPResponse:
    """The response to an `HTTPRequest`.

    * ``request``: the `HTTPRequest`; ``effective_url``: where the response came from, after redirects;
      ``history``: the redirects on the way, oldest first.
    * ``code``, ``reason``; ``error``: the exception of an unsuccessful fetch, or None.
    * ``headers``: `HTTPHeaders`; ``trailers``: those that followed the body.
    * ``body``: bytes, its content coding removed; ``buffer``: the same as a `BytesIO`; `text`, `json`.
    * ``start_time``: when it was sent, seconds since the epoch, or None if it never was; ``request_time``: seconds
      from then to the response's end, of the last request only if there were redirects.
    * ``time_info``: seconds from the start to each phase: ``queue``, ``namelookup``, ``connect``, ``appconnect``,
      ``pretransfer``, ``starttransfer``, ``total``; those that did not happen are missing.

    What is seldom asked for (headers, buffer, time_info) is made when it is.
    """

    __module__ = "waterspout.httpclient"

    request: HTTPRequest
    code: int
    reason: str
    effective_url: str
    error: BaseException | None
    request_time: float | None
    start_time: float | None

    _head: ResponseHead | None = None
    _chunks: Sequence[bytes] = ()
    _end: EndOfMessage | None = None
    _timing: HasTimes | None = None
    _decoded = False
    _error_is_response_code = False
    history: tuple[HTTPResponse, ...] = ()

    def __init__(
        self,
        request: HTTPRequest,
        code: int,
        headers: HTTPHeaders | None = None,
        buffer: BytesIO | None = None,
        effective_url: str | None = None,
        error: BaseException | None = None,
        request_time: float | None = None,
        time_info: dict[str, float] | None = None,
        reason: str | None = None,
        start_time: float | None = None,
    ) -> None:
        """A response made by hand, for other implementations and for tests."""
        self.request = request
        self.code = code
        self.reason = responses.get(code, "Unknown") if not reason else reason
        self.headers = HTTPHeaders() if headers is None else headers
        self.buffer = buffer
        self.effective_url = request.url if effective_url is None else effective_url
        self.start_time = start_time
        self.request_time = request_time
        self.time_info = time_info or {}
        self._judge(error)

    @classmethod
    def received(
        cls, request: HTTPRequest, head: ResponseHead, chunks: Sequence[bytes], effective_url: str
    ) -> HTTPResponse:
        """The response that *head* and a body in *chunks* make; the caller adds times, trailers and history."""
        self = cls.__new__(cls)
        self.request = request
        self.code = code = head.status
        self.reason = head.reason or responses.get(code, "Unknown")
        self._head = head
        if len(chunks) == 1:
            self.body = chunks[0]
        else:
            self._chunks = chunks
        self.effective_url = effective_url
        if 200 <= code < 300:
            self.error = None
        else:
            self._judge(None)
        return self

    def _judge(self, error: BaseException | None) -> None:
        if error is None and not 200 <= self.code < 300:
            self._error_is_response_code = True
            error = HTTPClientError(self.code, self.reason, self)
        self.error = error

    @cached_property
    def headers(self) -> HTTPHeaders:
        """The header fields. A content coding that was removed is found under ``X-Consumed-Content-Encoding``."""
        if self._head is None:
            return HTTPHeaders()
        headers = self._head.headers
        if self._decoded and "Content-Encoding" in headers:
            headers["X-Consumed-Content-Encoding"] = headers.pop("Content-Encoding")
        return headers

    @cached_property
    def trailers(self) -> HTTPHeaders:
        """The fields after a chunked body (RFC 9110, 6.5); not part of ``headers``."""
        return HTTPHeaders() if self._end is None else self._end.trailers()

    @cached_property
    def body(self) -> bytes:
        """The body as bytes; empty for one that a streaming callback received."""
        if self._head is None:
            return b"" if self.buffer is None else self.buffer.getvalue()
        chunks, self._chunks = self._chunks, ()
        return b"".join(chunks)

    @cached_property
    def buffer(self) -> BytesIO | None:
        """The body as a file in memory; None for a response that never came."""
        return None if self._head is None else BytesIO(self.body)

    @cached_property
    def time_info(self) -> dict[str, float]:
        """Seconds from the start of the fetch to each of its phases."""
        return {} if self._timing is None else self._timing.as_dict()

    @property
    def http_version(self) -> str | None:
        """``"HTTP/1.1"``, ``"HTTP/1.0"`` or ``"HTTP/2"``; None for a response that never came."""
        return None if self._head is None else self._head.version

    @cached_property
    def text(self) -> str:
        """The body as text, in the charset that its Content-Type names, else UTF-8.

        Never raises: what does not fit becomes U+FFFD, and a charset that is not an encoding of text on the web is
        taken for UTF-8 (CL13). A byte order mark decides over the charset.
        """
        body = self.body
        for mark, encoding in _BYTE_ORDER_MARKS:
            if body.startswith(mark):
                return body.decode(encoding, "replace")
        from waterspout.httputil import charset_of  # for text only

        return body.decode(charset_of(self.headers.get("Content-Type", "")), "replace")

    def json(self, **kwargs: Any) -> Any:
        """The body as JSON (RFC 8259: UTF-8, UTF-16 or UTF-32); *kwargs* go to `json.loads`.

        Raises ValueError if it is none, with the URL and the body's beginning in a note.
        """
        import json  # not needed by those who fetch something else

        try:
            return json.loads(self.body, **kwargs)
        except ValueError as error:
            error.add_note(f"in the body of {without_userinfo(self.effective_url)}: {self.body[:80]!r}")
            raise

    def rethrow(self) -> None:
        """Raise `error` if there is one."""
        if self.error is not None:
            raise self.error

    def __repr__(self) -> str:
        url = without_userinfo(self.effective_url)
        shown = f"code={self.code},reason={self.reason!r},effective_url={url!r},error={self.error!r}"
        return f"{type(self).__name__}({shown},body={len(self.body)} bytes)"
