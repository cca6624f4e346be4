"""Watching a server: for logs, metrics, traces and status pages."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from waterspout.log import app_log

if TYPE_CHECKING:
    from waterspout.http1connection._server_connection import HTTP1ServerConnection
    from waterspout.httputil import HTTPServerRequest
    from waterspout.ioloop import Lag

__all__ = ["ObservedRequest", "ServerObserver", "ServerObservers", "enters_requests", "tell"]


class ObservedRequest:
    """One request as observers see it: the same object from its start to its end, which they may use as a key."""

    __module__ = "waterspout.http1connection"
    __slots__ = ("__weakref__", "began", "connection", "context", "ended", "first_byte", "received", "request", "sent",
                 "status")  # fmt: skip

    request: HTTPServerRequest
    connection: HTTP1ServerConnection
    #: Times of the loop, in seconds: the head was read; the response's head was queued; all is over. None until then.
    began: float
    first_byte: float | None
    ended: float | None
    #: What the request is served in, where an observer has something to set there (see `ServerObserver.enter_request`).
    context: Context | None
    #: The status of the final response, None until its head is queued.
    status: int | None
    #: Bytes of content each way, as transferred but without transfer coding; `received` is set when the request ends.
    received: int
    sent: int

    def __init__(self, request: HTTPServerRequest, connection: HTTP1ServerConnection, began: float) -> None:
        self.request = request
        self.connection = connection
        self.began = began
        self.first_byte = self.ended = self.status = self.context = None
        self.received = self.sent = 0

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        now = self.connection.stream.io_loop.time() if self.ended is None else self.ended
        return now - self.began

    @property
    def route(self) -> str | None:
        """What the path was matched by, as a template that is the same for all paths of a route (``/story/{}``).

        None if no router found anything: for a label of a metric, use this and never the path itself (OT12).
        """
        template: str | None = getattr(self.request.route, "template", None)
        return template


class ServerObserver:
    """Told what a server does: override what is of interest, ``HTTPServer(observer=...)``. Costs nothing unused.

    Called on the server's loop, in the middle of its work: be quick. An exception is logged and changes nothing.
    """

    __module__ = "waterspout.http1connection"

    #: Whether this observer writes to the access log a line for each request, so that an application need not.
    writes_access_log: bool = False

    def connection_opened(self, connection: HTTP1ServerConnection) -> None:
        """A client has connected; ``connection.context`` says who."""

    def connection_closed(self, connection: HTTP1ServerConnection) -> None:
        """It is closed, by whomever, also when another protocol had taken it over (a WebSocket).

        ``connection.stream.statistics()`` has the bytes ``received`` and ``sent``.
        """

    def connection_shed(self, address: Any, why: str) -> None:
        """A client at *address* (as the socket gives it) was turned away at once, because of a limit."""

    def request_started(self, observed: ObservedRequest) -> None:
        """The head of a request is there, and nobody has seen it yet. Its address is already the one that a trusted
        proxy names."""

    def enter_request(self, observed: ObservedRequest) -> None:
        """Called after `request_started`, inside the context (`contextvars`) that the request is served in.

        Variables that are set here are seen by the handler, across its awaits and in tasks and threads that it starts,
        and by no other request. Only observers that define it have each request served in a context of its own making.
        """

    def head_sent(self, observed: ObservedRequest) -> None:
        """The head of the final response is queued: ``observed.status`` is known."""

    def request_finished(self, observed: ObservedRequest) -> None:
        """The response is complete, whatever its status; or the connection was handed over to another protocol."""

    def request_failed(self, observed: ObservedRequest, error: BaseException) -> None:
        """There will be no complete response.

        *error* is `HTTPInputError` for a malformed or late body, which was answered with ``observed.status``; else a
        `StreamClosedError`: the client left, or the connection was closed under the response.
        """

    def request_refused(self, connection: HTTP1ServerConnection, error: BaseException) -> None:
        """What came was no request: it was answered with the status of *error* (`HTTPInputError`), then closed."""

    def loop_lagged(self, lag: Lag) -> None:
        """A callback has held the loop up: ``LagMonitor(io_loop, report=observer.loop_lagged).start()``."""


class ServerObservers(ServerObserver):
    """Several observers as one, told in their order; one that raises does not keep the others from being told."""

    __module__ = "waterspout.http1connection"

    observers: tuple[ServerObserver, ...]

    def __init__(self, *observers: ServerObserver) -> None:
        self.observers = observers
        self.writes_access_log: bool = any(observer.writes_access_log for observer in observers)

    def connection_opened(self, connection: HTTP1ServerConnection) -> None:
        """See `ServerObserver`; so for all others."""
        for observer in self.observers:
            tell(observer.connection_opened, connection)

    def connection_closed(self, connection: HTTP1ServerConnection) -> None:
        for observer in self.observers:
            tell(observer.connection_closed, connection)

    def connection_shed(self, address: Any, why: str) -> None:
        for observer in self.observers:
            tell(observer.connection_shed, address, why)

    def request_started(self, observed: ObservedRequest) -> None:
        for observer in self.observers:
            tell(observer.request_started, observed)

    def enter_request(self, observed: ObservedRequest) -> None:
        for observer in self.observers:
            tell(observer.enter_request, observed)

    def head_sent(self, observed: ObservedRequest) -> None:
        for observer in self.observers:
            tell(observer.head_sent, observed)

    def request_finished(self, observed: ObservedRequest) -> None:
        for observer in self.observers:
            tell(observer.request_finished, observed)

    def request_failed(self, observed: ObservedRequest, error: BaseException) -> None:
        for observer in self.observers:
            tell(observer.request_failed, observed, error)

    def request_refused(self, connection: HTTP1ServerConnection, error: BaseException) -> None:
        for observer in self.observers:
            tell(observer.request_refused, connection, error)

    def loop_lagged(self, lag: Lag) -> None:
        for observer in self.observers:
            tell(observer.loop_lagged, lag)


def enters_requests(observer: ServerObserver) -> bool:
    """Whether *observer*, or one of those in it, has defined `ServerObserver.enter_request`."""
    if type(observer) is ServerObservers:
        return any(map(enters_requests, observer.observers))
    return type(observer).enter_request is not ServerObserver.enter_request


def tell(method: Callable[..., object], *args: Any) -> None:
    """Call the *method* of one of several that are told the same; what it raises reaches neither the others nor the
    request."""
    try:
        method(*args)
    except Exception:
        app_log.error("Exception in %r", method, exc_info=True)
