"""The server connection that tells an observer; the plain one knows nothing of observers and pays nothing for them.

Where a request begins is where the application gets it (`ObservedApplication`); the rest is noticed where the
connection's own methods are passed through.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from waterspout.http1connection._application import HTTPApplication
from waterspout.http1connection._observer import ObservedRequest, ServerObserver, tell
from waterspout.http1connection._params import HTTP1ConnectionParameters
from waterspout.http1connection._server_connection import HTTP1ServerConnection
from waterspout.http1connection._slow_heads import SlowHeads
from waterspout.http1connection._upgraded import UpgradedConnections
from waterspout.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from waterspout.ioloop import Deadlines
from waterspout.iostream import IOStream, StreamClosedError

__all__ = ["EnteredApplication", "ObservedApplication", "ObservedServerConnection"]


class ObservedServerConnection(HTTP1ServerConnection):
    """An `HTTP1ServerConnection` whose `observer` is told what happens.

    The application that it serves must be wrapped in an `ObservedApplication`, at the place where requests are ready
    to be seen: behind what corrects their addresses.
    """

    __module__ = "waterspout.http1connection"
    __slots__ = ("observed", "observer")

    observer: ServerObserver
    #: The request being read or answered, as observers see it.
    observed: ObservedRequest | None

    def __init__(
        self,
        stream: IOStream,
        params: HTTP1ConnectionParameters | None = None,
        context: object | None = None,
        *,
        observer: ServerObserver,
        deadlines: Deadlines | None = None,
        on_lost: Callable[[HTTP1ServerConnection], None] | None = None,
        upgraded: UpgradedConnections | None = None,
        slow_heads: SlowHeads | None = None,
    ) -> None:
        super().__init__(stream, params, context, deadlines, on_lost, upgraded, slow_heads)
        self.observer = observer
        self.observed = None

    def serve_application(self, application: HTTPApplication, look_first: bool) -> bool:
        """See `HTTP1ServerConnection`."""
        tell(self.observer.connection_opened, self)
        return super().serve_application(application, look_first)

    def request_begins(self, request: HTTPServerRequest) -> None:
        """The application is about to see *request*, for the first time unless its body has been collected."""
        if self.observed is None:
            self.observed = observed = ObservedRequest(request, self, self.stream.io_loop.time())
            if request.complete:
                self._received = request.content_length or 0
            tell(self.observer.request_started, observed)

    # What goes out.

    def respond(self, status: int, reason: str | None, fields: str, body: bytes) -> None:
        """See `HTTP1ServerConnection`."""
        observed = self.observed
        if observed is not None and not self.stream.closed():
            observed.sent = 0 if observed.request.method == "HEAD" else len(body)
            self._head_goes(observed, status)
        super().respond(status, reason, fields, body)

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """See `HTTP1ServerConnection`."""
        future = super().write_headers(start_line, headers, chunk)
        observed = self.observed
        if observed is not None and isinstance(start_line, ResponseStartLine):
            code = start_line.code
            if code >= 200 or code == 101:
                observed.sent += len(chunk or b"")
                self._head_goes(observed, code)
        return future

    def write(self, chunk: bytes) -> Future[None]:
        """See `HTTP1ServerConnection`."""
        if self.observed is not None:
            self.observed.sent += len(chunk)
        return super().write(chunk)

    async def write_file(self, file: Any, offset: int, count: int) -> None:
        """See `HTTP1Connection`."""
        observed = self.observed
        await super().write_file(file, offset, count)
        if observed is not None:
            observed.sent += count

    def _head_goes(self, observed: ObservedRequest, status: int) -> None:
        observed.status = status
        observed.first_byte = self.stream.io_loop.time()
        tell(self.observer.head_sent, observed)

    # Ends.

    def _answered(self) -> None:
        observed = self._end()
        if observed is not None:
            tell(self.observer.request_finished, observed)
        super()._answered()

    def refuse(self, error: HTTPInputError) -> None:
        """See `HTTP1ServerConnection`."""
        started = self._writer is not None
        observed = self._end()
        super().refuse(error)
        if observed is None:
            tell(self.observer.request_refused, self, error)
            return
        if not started:
            observed.status = error.status
        tell(self.observer.request_failed, observed, error)

    def connection_lost(self, error: BaseException | None = None) -> None:
        """See `HTTP1ServerConnection`."""
        observed = self._end()
        super().connection_lost(error)
        if observed is not None:
            tell(self.observer.request_failed, observed, StreamClosedError(real_error=error))
        tell(self.observer.connection_closed, self)

    def detach(self) -> IOStream:
        """See `HTTP1ServerConnection`."""
        observed = self._end()
        stream = super().detach()
        if observed is not None:
            tell(self.observer.request_finished, observed)
        stream.watch_close(self._closed_elsewhere)
        return stream

    def _closed_elsewhere(self) -> None:
        tell(self.observer.connection_closed, self)

    def _end(self) -> ObservedRequest | None:
        observed, self.observed = self.observed, None
        if observed is not None:
            observed.ended = self.stream.io_loop.time()
            observed.received = self._received
            if observed.request.method == "HEAD":
                observed.sent = 0  # what was written of content was not sent
        return observed


class ObservedApplication:
    """Passes requests on to *application*, and says so to their connection."""

    __module__ = "waterspout.http1connection"
    __slots__ = ("_application",)

    def __init__(self, application: HTTPApplication) -> None:
        self._application = application

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        """See `HTTPApplication`."""
        _begin(request)
        return self._application.open_request(request)

    def serve_request(self, request: HTTPServerRequest) -> None:
        """See `HTTPApplication`."""
        _begin(request)
        self._application.serve_request(request)

    def on_close(self, server_connection: object) -> None:
        """See `HTTPServerConnectionDelegate`."""
        on_close = getattr(self._application, "on_close", None)
        if on_close is not None:
            on_close(server_connection)


class EnteredApplication(ObservedApplication):
    """The same for observers that want something set in what a request is served in (a trace's span, mostly).

    An application whose handlers do not simply run in the context of their caller (`waterspout.web`'s do not: variables
    of one request must not leak into the next) says which one they get by ``request_context()``, and is told by
    ``serve_in_context(context, request)`` to use it.
    """

    __module__ = "waterspout.http1connection"
    __slots__ = ()

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        """See `HTTPApplication`."""
        return self._context_of(request).run(self._application.open_request, request)

    def serve_request(self, request: HTTPServerRequest) -> None:
        """See `HTTPApplication`."""
        context = self._context_of(request)
        serve_in_context = getattr(self._application, "serve_in_context", None)
        if serve_in_context is None:
            context.run(self._application.serve_request, request)
        else:
            serve_in_context(context, request)

    def _context_of(self, request: HTTPServerRequest) -> Context:
        observed = _begin(request)
        if observed is None:
            return copy_context()
        if observed.context is None:
            make: Callable[[], Context] = getattr(self._application, "request_context", copy_context)
            observed.context = make()
            observed.context.run(tell, observed.connection.observer.enter_request, observed)  # type: ignore[attr-defined]
        return observed.context


def _begin(request: HTTPServerRequest) -> ObservedRequest | None:
    connection = request.connection
    if isinstance(connection, ObservedServerConnection):
        connection.request_begins(request)
        return connection.observed
    return None
