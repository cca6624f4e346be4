"""A handler's response: its status, its headers, its content, and its end.

How it leaves is in ``_response.py``.
"""

from __future__ import annotations

import asyncio
import datetime
import numbers
from asyncio import Future
from collections.abc import Callable
from logging import INFO
from typing import TYPE_CHECKING, Any, ClassVar, cast

from waterspout import escape
from waterspout.escape import utf8
from waterspout.http1 import is_safe_reason
from waterspout.httputil import HTTPHeaders, format_timestamp, responses
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.log import access_log
from waterspout.web._handlerhooks import HandlerHooks
from waterspout.web._redirect import redirect_location
from waterspout.web._response import flush_response, send_whole_response

if TYPE_CHECKING:
    from waterspout.web._cors import CORSPolicy
    from waterspout.web._transform import OutputTransform

__all__ = ["HTML_TYPE", "JSON_TYPE", "HandlerResponse"]

HTML_TYPE = "text/html; charset=UTF-8"
JSON_TYPE = "application/json; charset=UTF-8"
HeaderValue = bytes | str | int | numbers.Integral | datetime.datetime


class HandlerResponse(HandlerHooks):
    """A part of `RequestHandler`; see there."""

    _status_code: int
    _own_reason: str | None  # None: that of the status
    _header_map: HTTPHeaders | None
    # Whether the default Content-Type has become that of JSON, as long as there is no `_header_map`.
    _writes_json: bool
    # What most requests never ask for stays here, off the instance; what each asks for is found sooner on it.
    _headers_written = False
    _finished = False
    _transforms: list[OutputTransform] | None = None
    _detached = False
    # False where the handler itself has decided what the request's conditions come to.
    _asks_conditions = True
    # `flush` as this package defines it for the class: another one is the application's own, and is called.
    _flush_of_ours: ClassVar[Callable[..., Future[None]]]
    # Of a class under `stream_request_body`, and what such a handler waits with for its body.
    _streams_body = False
    _body_complete: Future[None] | None = None
    # Of a class under `cors`.
    _cors_policy: CORSPolicy | None = None

    # Status and headers of the response.

    def clear(self) -> None:
        """Forget status, headers and content that were set for this response."""
        self._header_map = None
        self._writes_json = False
        self.set_default_headers()
        self._write_buffer: list[bytes] = []
        self._status_code = 200
        self._own_reason = None

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        """Set the status. A *reason* that the status line cannot carry becomes ``Unknown``.

        Raises `ValueError` for what is no status code: three digits, 100 to 999 (RFC 9110, 15).
        """
        if not 100 <= status_code <= 999:
            raise ValueError(f"{status_code} is no HTTP status code (100-999)")
        self._status_code = status_code
        if reason is not None:
            reason = escape.native_str(reason)
            if not is_safe_reason(reason):
                reason = "Unknown"
        self._own_reason = reason

    def get_status(self) -> int:
        """The status of the response."""
        return self._status_code

    @property
    def _reason(self) -> str:
        """The reason phrase of the response, for the many programs whose `write_error` writes it."""
        return self._own_reason or responses.get(self._status_code, "Unknown")

    @_reason.setter
    def _reason(self, reason: str) -> None:
        self._own_reason = reason

    @property
    def _headers(self) -> HTTPHeaders:
        """The response's headers, made from the defaults when first asked for."""
        headers = self._header_map
        if headers is None:
            headers = self._header_map = self.application._default_headers(self.request)
            if self._writes_json:
                headers["Content-Type"] = JSON_TYPE
        return headers

    @_headers.setter
    def _headers(self, headers: HTTPHeaders) -> None:
        self._header_map = headers

    def set_header(self, name: str, value: HeaderValue) -> None:
        """Set a header, replacing those of that name. Numbers and datetimes are formatted. ``Vary`` keeps ``Origin``
        where a `CORSPolicy` makes the answer depend on it: a cache would give one site's answer to another.

        Raises `ValueError` for a name that is no token or a value with control characters or with characters that
        are not Latin-1, `TypeError` for other types.
        """
        try:
            text = self._convert_header_value(value)
            if not text.isascii():
                text.encode("latin-1")  # refused now, while an error page can still be sent
            if len(name) == 4 and name.lower() == "vary":
                policy = self._cors_policy or self.application._cors
                if policy is not None:
                    text = policy.with_vary(text)
            self._headers[name] = text
        except ValueError as error:
            raise _unsafe_header(name, value, error) from None

    def add_header(self, name: str, value: HeaderValue) -> None:
        """Add a header beside those of that name; raises as `set_header` does."""
        try:
            self._headers.add(name, self._convert_header_value(value))
        except ValueError as error:
            raise _unsafe_header(name, value, error) from None

    def clear_header(self, name: str) -> None:
        """Remove a header; nothing happens if it is not there."""
        headers = self._headers
        if name in headers:
            del headers[name]

    def _convert_header_value(self, value: HeaderValue) -> str:
        if type(value) is str:
            return value
        if isinstance(value, bytes):
            return value.decode("latin-1")
        if isinstance(value, str):
            return str(value)
        if isinstance(value, numbers.Integral):
            return str(value)
        if isinstance(value, datetime.datetime):
            return format_timestamp(value)
        raise TypeError(f"Unsupported header value {value!r}")

    # Content of the response.

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Add *chunk* to the response: bytes, text (sent as UTF-8) or a dictionary (sent as JSON).

        Nothing leaves before `flush` or the end. A list is refused, because some browsers could be tricked into
        running one as a script. Raises `RuntimeError` after `finish`. A coroutine is closed: an await is missing.
        """
        if self._finished:
            raise RuntimeError("Cannot write() after finish()")
        if type(chunk) is bytes:
            self._write_buffer.append(chunk)
        elif type(chunk) is str:
            self._write_buffer.append(chunk.encode())
        elif isinstance(chunk, dict):
            if self._header_map is None:
                self._writes_json = True
            else:
                self._header_map["Content-Type"] = JSON_TYPE
            self._write_buffer.append(escape.json_encode(chunk).encode())
        elif isinstance(chunk, bytes | str):
            self._write_buffer.append(utf8(chunk))
        else:
            from waterspout.web._mistakes import unwritable  # only when it has happened

            raise TypeError(unwritable(chunk))

    def flush(self, include_footers: bool = False) -> Future[None]:
        """Send what has been written so far, headers first.

        The Future is done when it has reached the kernel; waiting for it is what keeps memory bounded. It fails
        with `StreamClosedError` if the client is gone. After `finish` there is nothing left to send.
        """
        if self._finished:
            return self._flushed()
        return flush_response(self, include_footers)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        """Send the rest, with *chunk* added, and end the response.

        Called for you when the method returns. The Future is as that of `flush`. Raises `RuntimeError` if called
        twice.
        """
        if self._finished:
            raise RuntimeError("finish() called twice")
        if chunk is not None:
            self.write(chunk)
        send_whole_response(self, type(self).flush is not self._flush_of_ours)
        self._sent()
        return self._flushed()

    def send_event(
        self, data: str | bytes | None = None, *, event: str | None = None, id: str | None = None,
        retry: int | None = None,
    ) -> Future[None]:  # fmt: skip
        """Send a server-sent event, with the headers of an event stream before the first one.

        *event* is its type, *id* comes back as ``Last-Event-ID`` when the browser reconnects, *retry* milliseconds
        later. Wait for the Future, which is that of `flush`. Raises `ValueError` for line breaks in *event* and *id*.
        """
        from waterspout.web import _sse  # only where events are sent

        if not self._headers_written:
            for name, value in _sse.HEADERS:
                self.set_header(name, value)
        self.write(_sse.format_event(data, event=event, id=id, retry=retry))
        return self.flush()

    def _flushed(self) -> Future[None]:
        """Done when all that was sent is in the kernel."""
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            return cast("Future[None]", stream.flushed())
        future: Future[None] = Future()  # a connection without a stream: it has no kernel to wait for
        future.set_result(None)
        return future

    def _finish_unasked(self) -> None:
        """`finish` where nobody takes its Future, unless a subclass has its own."""
        if type(self).finish is _finish:
            send_whole_response(self, type(self).flush is not self._flush_of_ours)
            self._sent()
        else:
            self.finish()

    def _sent(self) -> None:
        """The response is sent: what is done after it."""
        self._finished = True
        if self._streams_body:
            self._end_body()
        self._log()
        awaitable = self.on_finish()
        if awaitable is not None:
            self._end_in_background(awaitable)

    def _end_body(self) -> None:
        """No more of the body will come, or matter: nobody shall wait for it any longer."""
        if self._body_reader is not None:
            self._body_reader.lost()
        elif (body := self._body_complete) is not None and not body.done():
            body.set_exception(StreamClosedError())
            body.exception()

    def _tell_finished(self) -> None:
        awaitable = self.on_finish()
        if awaitable is not None:
            self._end_in_background(awaitable)

    def _end_in_background(self, awaitable: Any) -> None:
        if asyncio.iscoroutine(awaitable):
            self.application.spawn(awaitable, f"on_finish of {type(self).__name__}")

    def _log(self) -> None:
        application = self.application
        if (
            "log_function" in application.settings
            or self._status_code >= 400
            or access_log.isEnabledFor(INFO)
            or type(application).log_request is not type(application)._plain_log_request
        ):  # otherwise it would do nothing
            application.log_request(self)  # type: ignore[arg-type]  # the whole handler

    def detach(self) -> IOStream:
        """Take the connection over for another protocol; the request counts as finished, and nothing is sent."""
        self._detached = True
        self._finished = True
        connection: Any = self.request.connection
        return cast(IOStream, connection.detach())

    def redirect(self, url: str, permanent: bool = False, status: int | None = None) -> None:
        """Send the client to *url*, relative or absolute, and finish: 302, 301 if *permanent*, or *status* (3xx).

        Raises an exception once headers have been sent.
        """
        if self._headers_written:
            raise Exception("Cannot redirect after headers have been written")
        if status is None:
            status = 301 if permanent else 302
        elif not 300 <= status <= 399:
            raise ValueError(f"{status} is no status of a redirection (300-399)")
        self.set_status(status)
        self.set_header("Location", redirect_location(url, compat=self._compat()))
        self.finish()


def _unsafe_header(name: str, value: HeaderValue, error: ValueError) -> ValueError:
    return ValueError(f"Unsafe header value {value!r}, or name {name!r}: {error}")


# The class's own method, to be compared with what a subclass has.
_finish = HandlerResponse.finish
HandlerResponse._flush_of_ours = staticmethod(HandlerResponse.flush)
