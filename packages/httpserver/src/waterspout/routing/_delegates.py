"""Delegates for targets that are not delegates themselves."""

from __future__ import annotations

import inspect
from typing import Any, cast

from waterspout.http1connection import HTTPApplication
from waterspout.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

__all__ = ["NotFoundDelegate", "WholeRequestDelegate", "open_request"]


class NotFoundDelegate(HTTPMessageDelegate):
    """Answers 404 without a body, for routers that found nothing."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def finish(self) -> None:
        self._connection.write_headers(
            ResponseStartLine("HTTP/1.1", 404, "Not Found"), HTTPHeaders({"Content-Length": "0"})
        )
        self._connection.finish()


class WholeRequestDelegate(HTTPMessageDelegate):
    """Collects the body, then calls a target that takes whole requests, with the route's parameters if it wants any."""

    def __init__(self, application: HTTPApplication, request: HTTPServerRequest, parameters: dict[str, Any]) -> None:
        self._serve: Any = application.serve_request
        self._request = request
        self._parameters = parameters
        self._parts: list[bytes] = []

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        self._request.method, self._request.uri, self._request.version = cast(RequestStartLine, start_line)

    def data_received(self, chunk: bytes) -> None:
        self._parts.append(chunk)

    def finish(self) -> None:
        if self._parts:
            self._request.body = b"".join(self._parts)
        self._serve(self._request, **_accepted(self._serve, self._parameters))


def open_request(
    application: HTTPApplication, request: HTTPServerRequest, parameters: dict[str, Any]
) -> HTTPMessageDelegate | None:
    """Ask *application* for a delegate of its own for a *request* whose body is still on its way; None: it takes whole
    requests. It gets the route's parameters if it wants any."""
    ask: Any = application.open_request
    delegate: HTTPMessageDelegate | None = ask(request, **_accepted(ask, parameters))
    return delegate


def _accepted(function: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Those *parameters* that *function* has names for."""
    if not parameters:
        return {}
    try:
        names = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    if any(p.kind is p.VAR_KEYWORD for p in names.values()):
        return parameters
    return {name: value for name, value in parameters.items() if name in names}
