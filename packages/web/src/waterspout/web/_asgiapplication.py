"""ASGI out: an application of ours as an ASGI 3 application, for uvicorn, hypercorn, granian and others.

The server's task for a request reads the body, has the application serve the request, and sends what the handler
writes (see ``_asgiconnection.py``). A second task, only where a response is not complete at once, waits for the client
to leave. WebSockets are served by ``_asgiwebsocket.py``. Handlers run as they do under a server of ours: in a context
of their own, which here is a copy of that of the server's task, and ``async`` methods in a task of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import convert_yielded
from waterspout.http1connection import HTTP1ConnectionParameters
from waterspout.httputil import HTTPInputError, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine
from waterspout.log import app_log, gen_log
from waterspout.web._asgiconnection import ASGIConnection
from waterspout.web._asgilifespan import run_lifespan
from waterspout.web._asgirequest import ASGIContext, may_have_body, request_of
from waterspout.web._asgiwebsocket import serve_websocket

if TYPE_CHECKING:
    from waterspout.web._application import Application

__all__ = ["ASGIApplication"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _ClientLeft(Exception):
    """The client left before its body was whole."""


class ASGIApplication:
    """What `asgi` returns: a callable with ``(scope, receive, send)``."""

    __module__ = "waterspout.web"

    application: Application
    max_body_size: int

    def __init__(self, application: Application, max_body_size: int | None = None) -> None:
        self.application = application
        params = HTTP1ConnectionParameters(max_body_size=max_body_size, compat=application.compat)
        self.max_body_size = params.limits.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket, or the lifespan; raises `ValueError` for a scope of another type."""
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "websocket":
            await serve_websocket(self._start, self.application, scope, receive, send)
        elif kind == "lifespan":
            await run_lifespan(self.application, scope, receive, send)
        else:
            raise ValueError(f"no ASGI scopes of type {kind!r} are served here, only http, websocket and lifespan")

    def _start(self, request: HTTPServerRequest) -> None:
        with _request_context(self.application):
            self.application.serve_request(request)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = ASGIContext(scope)
        connection = ASGIConnection(context, self.max_body_size, self.application._server_name)
        body = _Body(receive, connection)
        follower: asyncio.Task[None] | None = None
        try:
            request = request_of(scope, connection)
            follower = await self._begin(request, connection, body)
        except HTTPInputError as error:
            gen_log.info("Malformed HTTP message from %s: %s", context, error)
            connection.refuse(error)
        except _ClientLeft:
            return
        try:
            await connection.pump(send)
        finally:
            if follower is not None:
                follower.cancel()
            connection.lose()  # the server has ended the request early, if the response is not complete

    async def _begin(
        self, request: HTTPServerRequest, connection: ASGIConnection, body: _Body
    ) -> asyncio.Task[None] | None:
        """Have the application serve *request*; the task that follows the client, if it is of use."""
        application = self.application
        if may_have_body(request):
            body.expect(request.content_length)
            with _request_context(application):
                delegate = application.open_request(request)
            if delegate is not None:
                return asyncio.create_task(_feed(application, request, connection, delegate, body.pieces(), body))
            if connection.finished:
                return None
            request.body = b"".join([piece async for piece in body.pieces()])
        request.complete = True
        with _request_context(application):
            application.serve_request(request)
        if connection.delegate is not None:
            pieces = _pieces_of(request.body)
            return asyncio.create_task(_feed(application, request, connection, connection.delegate, pieces, body))
        return None if connection.finished else asyncio.create_task(body.until_client_leaves())


class _Body:
    """The events that come from the client: pieces of the body, then that it has left."""

    def __init__(self, receive: Receive, connection: ASGIConnection) -> None:
        self._receive = receive
        self._connection = connection
        self._received = 0

    def expect(self, content_length: int | None) -> None:
        """Refuse (413) a body that says itself that it is too long, before it is read."""
        if content_length is not None:
            self._check(content_length)

    def _check(self, size: int) -> None:
        limit = self._connection.max_body_size
        if size > limit:
            raise HTTPInputError(f"the body is longer than {limit} bytes", status=413)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `HTTPInputError` (413) when it is too long."""
        more = True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise _ClientLeft
            piece = event.get("body", b"")
            more = event.get("more_body", False)
            self._received += len(piece)
            self._check(self._received)
            if piece:
                yield bytes(piece)

    async def until_client_leaves(self) -> None:
        """Tell the connection when the client leaves."""
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                break
            await asyncio.sleep(0)  # a server may repeat itself; the loop must go on all the same
        self._connection.lose()


async def _pieces_of(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _feed(
    application: Application,
    request: HTTPServerRequest,
    connection: ASGIConnection,
    delegate: HTTPMessageDelegate,
    pieces: AsyncIterator[bytes],
    body: _Body,
) -> None:
    """Hand the message to *delegate* part by part, at its pace, and then wait for the client to leave."""
    try:
        with _request_context(application):
            start_line = RequestStartLine(request.method, request.uri, request.version)
            prepared = delegate.headers_received(start_line, request.headers)
        await _done(prepared)
        body.expect(request.content_length)
        async for piece in pieces:
            await _done(delegate.data_received(piece))
        request.complete = True
        with _request_context(application):
            delegate.finish()
        await body.until_client_leaves()
    except HTTPInputError as error:
        gen_log.info("Malformed HTTP message from %s: %s", connection.context, error)
        connection.refuse(error)
        delegate.on_connection_close()
    except _ClientLeft:
        connection.lose()
        delegate.on_connection_close()
    except Exception:
        app_log.error("Uncaught exception in %s %s", request.method, request.path, exc_info=True)
        connection.abort()


async def _done(awaitable: Any) -> None:
    if awaitable is not None:
        await (awaitable if hasattr(awaitable, "__await__") else convert_yielded(awaitable))


@contextmanager
def _request_context(application: Application) -> Iterator[None]:
    """Have handlers that are started in here run in copies of the context of now, which is the request's own."""
    before = application._context
    application._context = copy_context()
    try:
        yield
    finally:
        application._context = before
