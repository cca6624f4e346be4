"""RequestHandler: the base class of what answers a request.

It keeps many methods because they are its public and overridable surface. Each is a few lines that call a function in
a file of its own: how a handler is run is in ``_execution.py``, how its response leaves in ``_response.py``.
"""

from __future__ import annotations

import asyncio
import datetime
import numbers
import traceback
from asyncio import CancelledError, Future, Task
from collections.abc import Awaitable, Callable
from logging import INFO
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from waterspout import escape
from waterspout.escape import utf8
from waterspout.http1 import is_safe_reason
from waterspout.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPServerRequest,
    format_timestamp,
    request_summary,
    responses,
)
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.log import access_log, app_log, gen_log
from waterspout.util import is_tornado_compat
from waterspout.web._errors import Finish, HTTPError
from waterspout.web._execution import drive, run_all
from waterspout.web._handleretag import HandlerEtag
from waterspout.web._redirect import redirect_location
from waterspout.web._requestdump import request_dump
from waterspout.web._response import flush_response, has_no_content, send_whole_response

if TYPE_CHECKING:
    from waterspout.web._application import Application
    from waterspout.web._decorators import Reading
    from waterspout.web._transform import OutputTransform

__all__ = ["RequestHandler"]

HTML_TYPE = "text/html; charset=UTF-8"
JSON_TYPE = "application/json; charset=UTF-8"
HeaderValue = bytes | str | int | numbers.Integral | datetime.datetime


class RequestHandler(HandlerEtag):
    """Base class for HTTP request handlers; one object serves one request.

    Subclasses define methods named for the HTTP methods they support. Each may be plain or ``async``; the order is
    `initialize`, `prepare`, the method, `on_finish`. What `write` collects is sent when the method is done.
    """

    __module__ = "waterspout.web"

    #: Whether a waiting handler is cancelled when its client leaves; None leaves it to the setting of this name.
    cancel_on_disconnect: bool | None = None

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    _status_code: int
    _reason: str | None
    _header_map: HTTPHeaders | None
    # Whether the default Content-Type has become that of JSON, as long as there is no `_header_map`.
    _writes_json: bool
    # What most requests never ask for stays here, off the instance; what each asks for is found sooner on it.
    _headers_written = False
    _finished = False
    _auto_finish = True
    _transforms: list[OutputTransform] | None = None
    _task: Task[None] | None = None
    _body_complete: Future[None] | None = None
    _prepared: Future[None] | None = None
    _detached = False
    _client_left = False
    _streams_body = False
    _reads_body: Reading | None = None
    _took_too_long = False

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        self._set_up(application, request)
        self.initialize(**kwargs)

    def _set_up(self, application: Application, request: HTTPServerRequest) -> None:
        """What is done for each request before `initialize`."""
        self.application = application
        self.request = request
        self._headers_written = self._finished = False
        self._auto_finish = True
        self._transforms = self._new_cookie = None
        self.clear()

    # What subclasses fill in.

    def _initialize(self) -> None:
        """Take what the route's dictionary gives, as keyword arguments; called first. Must not be ``async``."""

    initialize: Callable[..., None] = _initialize

    def prepare(self) -> Awaitable[None] | None:
        """Called before the method, for every method. May be ``async``; the method is not called if it finishes."""
        return None

    def on_finish(self) -> Any:
        """Called when the response has been handed to the connection, for clean-up and logging; cannot answer.

        May be ``async``: it goes on in the background then, see `Application.spawn`.
        """

    def on_connection_close(self) -> None:
        """The client left while the handler was waiting. Not called after the response was finished.

        The place to cancel what a long poll waits for. See `cancel_on_disconnect` for cancelling the handler itself.
        """

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of the body, for classes under `stream_request_body`; may be ``async``, which slows the client."""
        raise NotImplementedError

    def set_default_headers(self) -> None:
        """Set headers that every response of the class has, errors included."""

    def _unimplemented(self, *args: str, **kwargs: str) -> None:
        raise HTTPError(405)

    head: Callable[..., Awaitable[None] | None] = _unimplemented
    get: Callable[..., Awaitable[None] | None] = _unimplemented
    post: Callable[..., Awaitable[None] | None] = _unimplemented
    delete: Callable[..., Awaitable[None] | None] = _unimplemented
    patch: Callable[..., Awaitable[None] | None] = _unimplemented
    put: Callable[..., Awaitable[None] | None] = _unimplemented
    options: Callable[..., Awaitable[None] | None] = _unimplemented
    _unimplemented_method = _unimplemented  # Jupyter Server compares methods with this name

    # Status and headers of the response.

    def clear(self) -> None:
        """Forget status, headers and content that were set for this response."""
        self._header_map = None
        self._writes_json = False
        self.set_default_headers()
        self._write_buffer: list[bytes] = []
        self._status_code = 200
        self._reason = None

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        """Set the status. A *reason* that the status line cannot carry becomes ``Unknown``."""
        self._status_code = status_code
        if reason is not None:
            reason = escape.native_str(reason)
            if not is_safe_reason(reason):
                reason = "Unknown"
        self._reason = reason

    def get_status(self) -> int:
        """The status of the response."""
        return self._status_code

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
        """Set a header, replacing those of that name. Numbers and datetimes are formatted.

        Raises `ValueError` for a name that is no token or a value with control characters, `TypeError` for other
        types.
        """
        try:
            self._headers[name] = self._convert_header_value(value)
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
        running one as a script. Raises `RuntimeError` after `finish`.
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
            message = "write() only accepts bytes, unicode, and dict objects"
            if isinstance(chunk, list):
                message += ". Lists not accepted for security reasons; see RequestHandler.write"
            raise TypeError(message)

    def flush(self, include_footers: bool = False) -> Future[None]:
        """Send what has been written so far, headers first.

        The Future is done when it has reached the kernel; waiting for it is what keeps memory bounded. It fails
        with `StreamClosedError` if the client is gone.
        """
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
        send_whole_response(self)
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
            send_whole_response(self)
            self._sent()
        else:
            self.finish()

    def _sent(self) -> None:
        """The response is sent: what is done after it."""
        self._finished = True
        self._log()
        awaitable = self.on_finish()
        if awaitable is not None:
            self._end_in_background(awaitable)

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
            application.log_request(self)

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

    # Errors.

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error page and finish. What was written and not flushed is dropped.

        *kwargs* are given to `write_error`. Once the head has left, the connection is closed instead.
        """
        if self._headers_written:
            gen_log.error("Cannot send error response after headers written")
            if not self._finished:
                self._abort_response()
            return
        self.clear()
        raised = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        own_reason = raised.reason if isinstance(raised, HTTPError) else None
        self.set_status(status_code, own_reason or kwargs.get("reason"))
        if isinstance(raised, HTTPError) and raised.headers:
            for name, value in raised.headers.items():
                self.set_header(name, value)
        try:
            self.write_error(status_code, **kwargs)
        except Exception:
            app_log.error("Uncaught exception in write_error", exc_info=True)
        if not self._finished:
            self._finish_unasked()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error page: override it for your own. ``exc_info`` in *kwargs* is what was raised, if anything.

        With the setting ``serve_traceback`` clients on this machine get the debug page: source, variables, request and
        routes, as HTML, JSON or text. (With ``compat="tornado"`` everybody gets the traceback as text.)
        """
        if "exc_info" in kwargs and self._shows_errors():
            if is_tornado_compat(self._compat()):
                self.set_header("Content-Type", "text/plain")
                self.write("".join(traceback.format_exception(*kwargs["exc_info"])))
            else:
                from waterspout.web._debugpage import write_debug_page  # only while something is developed

                write_debug_page(self, status_code, kwargs["exc_info"][1])
            self._finish_unasked()
        elif has_no_content(status_code):
            self._finish_unasked()
        elif self._writes_problems(kwargs):
            self._finish_unasked()
        else:
            phrase = escape.xhtml_escape(self._reason or responses.get(status_code, "Unknown"))
            title = f"{status_code}: {phrase}"
            self.write(f"<html><title>{title}</title><body>{title}</body></html>")
            self._finish_unasked()

    def _writes_problems(self, kwargs: dict[str, Any]) -> bool:
        """Write a problem document, where one was raised or the setting ``problem_json`` is on; whether it did."""
        raised = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if not isinstance(raised, HTTPError) or raised.document is None:
            if not self.settings.get("problem_json"):
                return False
        from waterspout.web._problem import write_problem  # only where it is asked for

        return write_problem(self, raised)

    def _shows_errors(self) -> bool:
        if not self.settings.get("serve_traceback"):
            return False
        if is_tornado_compat(self._compat()):
            return True
        from waterspout.web._debugpage import may_see  # only while something is developed

        return may_see(self)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what was raised: HTTPErrors with a message as warnings, without traceback; anything else as an error.

        Where the debug page has it all (see `write_error`), the log has a few lines: the error and where it came from.
        """
        where = self._request_summary()
        if not isinstance(value, HTTPError):
            if value is not None and self._shows_errors() and not is_tornado_compat(self._compat()):
                from waterspout.web._debugpage import short_report  # only while something is developed

                app_log.error("Uncaught exception %s", short_report(self, value))
                return
            exc_info: Any = (typ, value, tb)
            app_log.error(
                "Uncaught exception %s\n%s", where, request_dump(self.request, self.request.uri), exc_info=exc_info
            )
        elif message := value.get_message():
            gen_log.warning("%d %s: %s", value.status_code, where, message)

    def _request_summary(self) -> str:
        """Method, target and client on one line, without the secrets that a query may hold."""
        request = self.request
        return request_summary(request.method, request.uri, request.remote_ip)

    def _handle_request_exception(self, error: Exception) -> None:
        """Turn what a method raised into an answer; called in the ``except`` clause."""
        if isinstance(error, Finish):
            if not self._finished:
                self.finish(*error.args)
            return
        if isinstance(error, HTTPInputError):  # arguments that are read late are refused late
            error = HTTPError(error.status, "%s", error)
        if isinstance(error, StreamClosedError) and self._client_is_gone():
            self._end_quietly()
            return
        exc_info = (type(error), error, error.__traceback__)
        try:
            self.log_exception(*exc_info)
        except Exception:
            app_log.error("Error in exception logger", exc_info=True)
        if self._finished:
            return
        self.send_error(error.status_code if isinstance(error, HTTPError) else 500, exc_info=exc_info)

    def _handle_cancellation(self, error: CancelledError) -> None:
        """Answer 500 where cancellation ended the handler: quietly if the client has left, which is the usual reason.

        Something that the handler waited for and that was cancelled is an error like others. A cancelled task is not,
        and it stays cancelled: *error* is raised again.
        """
        task = asyncio.current_task()
        wanted = task is not None and task.cancelling() > 0
        status = 503 if self._took_too_long else 500
        if not self._finished:
            if self._client_is_gone():
                self._end_quietly()
            else:
                exc_info = (type(error), error, error.__traceback__)
                if not wanted:
                    self.log_exception(*exc_info)
                self.send_error(status, exc_info=exc_info)
        if wanted:
            raise error

    def _time_out(self, task: Task[None]) -> None:
        """The setting ``handler_timeout`` has passed."""
        if not self._finished and not task.done():
            self._took_too_long = True
            gen_log.warning("503 %s: the handler takes longer than handler_timeout", self._request_summary())
            task.cancel()

    def _client_is_gone(self) -> bool:
        if self._client_left:
            return True
        stream = getattr(self.request.connection, "stream", None)
        return stream is not None and stream.closed()

    def _end_quietly(self) -> None:
        """Nobody is there to answer: count the request as finished, without a line in the log."""
        if not self._finished:
            self._tell_client_left()  # who waited for a flush hears of it first
            self._finished = True
            self._tell_finished()

    def _abort_response(self) -> None:
        """The response cannot be completed: close, so that the client sees that it is cut short (RW8)."""
        self._finished = True
        connection: Any = self.request.connection
        stream = getattr(connection, "stream", None)
        if stream is not None:
            self._client_left = True  # it is not the client that leaves: nobody is told
            stream.close()
        self._log()
        self._tell_finished()

    # Running. The straight way is in _execution.py; this is for classes, and instruments, that put their own around it.

    async def _execute(self, transforms: list[OutputTransform], *args: Any, **kwargs: Any) -> None:
        """Run the whole request in the current task."""
        self._transforms = transforms
        await drive(self, run_all(self, self.application._plan_of(type(self)), args, kwargs))

    def _execute_in_task(self, args: Any, kwargs: dict[str, Any]) -> None:
        """For classes whose `_execute` is not ours."""
        coroutine: Any = self._execute(self.application._make_transforms(self.request), *args, **kwargs)
        self._watch_connection()
        self._task = task = asyncio.ensure_future(coroutine)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: Task[None]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            app_log.error("Uncaught exception in _execute of %r", type(self), exc_info=task.exception())

    def _body_wanted(self) -> None:
        """`prepare` is done: let the pieces of a streamed body come."""
        prepared = self._prepared
        if prepared is not None and not prepared.done():
            prepared.set_result(None)

    def _watch_connection(self) -> None:
        """Hear of it when the client leaves: from now on the handler waits."""
        connection: Any = self.request.connection
        set_close_callback = getattr(connection, "set_close_callback", None)
        if set_close_callback is not None and not self._finished:
            set_close_callback(self._connection_closed)

    def _connection_closed(self) -> None:
        """The client left before it had the response: the connection forgets its callback with the last of it.

        So this is also called where the handler has taken the loss for the end (a `flush` that failed) and finished.
        """
        if self._finished:
            self._tell_client_left()
        else:
            self._connection_lost()

    def _tell_client_left(self) -> None:
        if self._client_left:
            return
        self._client_left = True
        try:
            self.on_connection_close()
        except Exception:
            app_log.error("Exception in on_connection_close of %r", type(self), exc_info=True)

    def _connection_lost(self) -> None:
        """The client left. Heard both from the connection and from the body's delivery, told once."""
        if self._finished or self._client_left:
            return
        self._tell_client_left()
        if self._body_reader is not None:
            self._body_reader.lost()
        elif (body := self._body_complete) is not None and not body.done():
            body.set_exception(StreamClosedError())
            body.exception()
        wanted = self.cancel_on_disconnect
        task = self._task
        if task is not None and (self.settings.get("cancel_on_disconnect") if wanted is None else wanted):
            task.cancel()


def _unsafe_header(name: str, value: HeaderValue, error: ValueError) -> ValueError:
    return ValueError(f"Unsafe header value {value!r}, or name {name!r}: {error}")


# The base class's own methods, to be compared with what a subclass has.
_finish = RequestHandler.finish
plain_init = RequestHandler.__init__
