"""What a server connection asks of the application above it.

Tornado's interface (`HTTPServerConnectionDelegate`) makes an object per request and hands it the message in parts.
`HTTPApplication` is the straight way: one call with a whole request. A connection speaks only the latter;
`as_application` puts an adapter in front of the former, and of a plain callable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from waterspout.httputil import HTTPMessageDelegate, HTTPServerConnectionDelegate, HTTPServerRequest

__all__ = ["HTTPApplication", "as_application"]


class HTTPApplication(Protocol):
    """Serves requests that `HTTP1ServerConnection` has read."""

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        """A head has come whose body is still on its way.

        Return a delegate to get the message in parts, or None to have it collected in ``request.body`` and served
        whole. May lower or raise the limit by ``request.connection.set_max_body_size``.
        """

    def serve_request(self, request: HTTPServerRequest) -> None:
        """Answer the whole *request* on ``request.connection``, now or later."""


HTTPApplication.__module__ = "waterspout.http1connection"


class DelegateApplication:
    """An `HTTPServerConnectionDelegate` as an `HTTPApplication`."""

    __slots__ = ("_delegate",)

    def __init__(self, delegate: HTTPServerConnectionDelegate) -> None:
        self._delegate = delegate

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        return self._delegate.start_request(request.server_connection or request.connection, request.connection)

    def serve_request(self, request: HTTPServerRequest) -> None:
        connection: Any = request.connection
        connection.deliver(request, self.open_request(request))

    def on_close(self, server_connection: object) -> None:
        self._delegate.on_close(server_connection)


class CallbackApplication:
    """A function of one request as an `HTTPApplication`."""

    __slots__ = ("serve_request",)

    def __init__(self, callback: Callable[[HTTPServerRequest], None]) -> None:
        self.serve_request = callback

    def open_request(self, request: HTTPServerRequest) -> None:
        return None


def as_application(target: object) -> HTTPApplication:
    """*target* if it is an `HTTPApplication`, else an adapter for a delegate or a callable; `TypeError` otherwise."""
    # Looked up by name: isinstance() of a protocol costs some 20 microseconds, and this runs for each connection.
    if hasattr(target, "serve_request") and hasattr(target, "open_request"):
        return target
    if isinstance(target, HTTPServerConnectionDelegate):
        return DelegateApplication(target)
    if callable(target):
        return CallbackApplication(target)
    raise TypeError(
        f"cannot serve requests with {target!r}: give an Application, an HTTPServerConnectionDelegate or a callable"
    )
