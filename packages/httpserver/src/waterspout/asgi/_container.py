"""Serving an ASGI application from an `HTTPServer`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any

from waterspout.asgi._exchange import ClientDisconnected, Exchange
from waterspout.asgi._lifespan import Lifespan
from waterspout.asgi._scope import http_scope, websocket_scope
from waterspout.asgi._websocket import WebSocketExchange, WebSocketSettings, refusal, wants_websocket
from waterspout.httputil import HTTPMessageDelegate, HTTPServerRequest
from waterspout.log import app_log
from waterspout.ws import DeflateOptions
from waterspout.wsconnection import compression_options

__all__ = ["ASGIContainer"]

ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]


class ASGIContainer:
    """Serves an ASGI 3 application: give it to an `HTTPServer`, or as a target to a router or `FallbackHandler`.

    *root_path* is the prefix that it is mounted at. Used as an async context manager it runs the application's
    lifespan around the serving; without that, lifespan is not run. What the application still does for requests then
    has *shutdown_grace* seconds before it is cancelled. Bodies are streamed both ways, each side slowed down by the
    other.

    WebSockets: messages have up to *websocket_max_message_size* bytes; the client is asked every
    *websocket_ping_interval* seconds (0: never) whether it is still there, and has *websocket_ping_timeout* (default:
    as long) to answer; *websocket_compression* (``{}`` for the defaults) offers permessage-deflate. When the server
    drains they are closed with code 1001. Handshakes that are malformed never reach the application.
    """

    __module__ = "waterspout.asgi"

    application: ASGIApplication
    root_path: str

    def __init__(
        self,
        application: ASGIApplication,
        *,
        root_path: str = "",
        websocket_max_message_size: int = 10 * 1024 * 1024,
        websocket_ping_interval: float = 30.0,
        websocket_ping_timeout: float | None = None,
        websocket_compression: dict[str, Any] | DeflateOptions | None = None,
        shutdown_grace: float = 10.0,
    ) -> None:
        self.application = application
        self._websocket = WebSocketSettings(
            websocket_max_message_size,
            websocket_ping_interval,
            websocket_ping_timeout,
            compression_options(websocket_compression),
        )
        self.root_path = root_path.rstrip("/")
        self.shutdown_grace: float = shutdown_grace
        self._lifespan = Lifespan(application)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ASGIContainer:
        await self._lifespan.startup()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._tasks:
            _, rest = await asyncio.wait(self._tasks, timeout=self.shutdown_grace)
            if rest:
                app_log.warning(
                    "%d requests' ASGI tasks did not end within %g s and are cancelled", len(rest), self.shutdown_grace
                )
                for task in rest:
                    task.cancel()
                await asyncio.wait(rest)
        await self._lifespan.shutdown()

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        """Serve a request whose body is still on its way (`waterspout.http1connection.HTTPApplication`)."""
        return self._begin(request)

    def serve_request(self, request: HTTPServerRequest) -> None:
        """Serve a whole request (`waterspout.http1connection.HTTPApplication`)."""
        if request.upgrade is not None and wants_websocket(request):
            self._begin_websocket(request)
            return
        exchange = self._begin(request)
        connection: Any = request.connection
        connection.set_close_callback(exchange.on_connection_close)

    __call__ = serve_request

    def _begin(self, request: HTTPServerRequest) -> Exchange:
        exchange = Exchange(request)
        scope = http_scope(request, self.root_path, self._lifespan.state)
        self._start(self._run(scope, exchange))
        return exchange

    def _begin_websocket(self, request: HTTPServerRequest) -> None:
        exchange = WebSocketExchange(request, self._websocket)
        refused = refusal(request)
        if refused is not None:
            exchange.deny(*refused)
            return
        scope = websocket_scope(request, self.root_path, self._lifespan.state, exchange.subprotocols)
        self._start(self._run_websocket(scope, exchange))

    def _start(self, running: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_websocket(self, scope: dict[str, Any], exchange: WebSocketExchange) -> None:
        failed = False
        try:
            await self.application(scope, exchange.receive, exchange.send)
        except ClientDisconnected:
            pass  # the client left: no fault of anybody's
        except Exception:
            failed = True
            app_log.error("Exception in ASGI application: WebSocket %s", scope["path"], exc_info=True)
        finally:
            exchange.fail(failed)

    async def _run(self, scope: dict[str, Any], exchange: Exchange) -> None:
        try:
            await self.application(scope, exchange.receive, exchange.send)
            if not exchange.finished and not exchange.left:
                app_log.error("ASGI application ended without a whole response: %s %s", scope["method"], scope["path"])
        except ClientDisconnected:
            return  # the client left while it was being answered: no fault of anybody's
        except Exception:
            app_log.error("Exception in ASGI application: %s %s", scope["method"], scope["path"], exc_info=True)
        exchange.fail()
