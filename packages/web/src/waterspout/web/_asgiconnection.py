"""What a handler answers on under an ASGI server: the same calls as on a connection of ours, made into ASGI events.

Handlers write without waiting; ASGI's ``send`` is awaited. Between the two stands a queue, emptied by `pump`, which
runs in the task that the server has made for the request. A Future of `flushed` is done when the server has taken all
that was written before, so a handler that waits for its flushes is slowed down with its client.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import Any

from waterspout.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.web._asgirequest import ASGIContext

__all__ = ["ASGIConnection", "ResponseAborted"]

Send = Callable[[dict[str, Any]], Awaitable[None]]


class ResponseAborted(ConnectionError):
    """The handler ended its response before it was whole; given to the ASGI server so that it cuts the connection."""

    __module__ = "waterspout.web"


class ASGIConnection(HTTPConnection):
    """One request's connection, as handlers see it. *server_name* is the Server field that is left to the server."""

    __slots__ = ("__weakref__", "_aborted", "_changed", "_close_callback", "_keep", "_lost", "_queue", "_server_name",
                 "_started", "_version", "_waiting", "_writing", "context", "delegate", "finished", "max_body_size",
                 "method", "stream")  # fmt: skip

    def __init__(self, context: ASGIContext, max_body_size: int, server_name: str) -> None:
        self.context = context
        self.max_body_size = max_body_size
        self.method = context.scope.get("method", "GET")
        self.stream = ASGIStream(self)
        #: Who wants the message in parts, if the application has said so by `deliver`.
        self.delegate: HTTPMessageDelegate | None = None
        #: Whether the whole response has been queued.
        self.finished = False
        self._server_name = server_name
        self._version = context.scope.get("http_version", "1.1")
        self._queue: list[dict[str, Any]] = []
        self._waiting: list[Future[None]] = []
        self._changed: Future[None] | None = None
        self._close_callback: Callable[[], None] | None = None
        self._keep = True
        self._started = self._writing = self._lost = self._aborted = False

    # What handlers call.

    def respond(self, status: int, reason: str | None, fields: str, body: bytes) -> None:
        """Queue a whole response; ASGI has no place for the *reason*."""
        if not self.closed():
            self._start(status, self._lines(fields))
            self._end(b"" if self.method == "HEAD" else body)

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """Queue the head. Informational responses are left out: ASGI cannot say them."""
        if not isinstance(start_line, ResponseStartLine):
            raise TypeError("a server connection writes responses")
        if start_line.code >= 200 and not self.closed():
            self._start(start_line.code, self._lines(headers.to_text()))
            self._put(chunk or b"")
        return self.flushed()

    def write(self, chunk: bytes) -> Future[None]:
        """Queue the next piece of content."""
        if not self.closed():
            self._put(chunk)
        return self.flushed()

    def finish(self) -> None:
        """The response is complete."""
        if not self.closed():
            self._end(b"")

    def close_after_response(self) -> None:
        """Ask the server to close the connection after the response; HTTP/2 and later have no such thing."""
        self._keep = False

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """*callback* is called once if the client leaves before the response is complete."""
        self._close_callback = callback

    def set_max_body_size(self, max_body_size: int) -> None:
        """Allow *max_body_size* bytes of content in place of the limit given to `asgi`."""
        self.max_body_size = max_body_size

    def set_body_timeout(self, timeout: float) -> None:
        """Nothing: deadlines for what clients send are the ASGI server's."""

    def deliver(self, request: HTTPServerRequest, delegate: HTTPMessageDelegate) -> None:
        """Have *delegate* get the message part by part."""
        self.delegate = delegate

    def detach(self) -> IOStream:
        """Raise `RuntimeError`: the connection is the ASGI server's, and cannot be taken over."""
        raise RuntimeError(
            "detach() is not possible under an ASGI server, which keeps the connection; serve the application with"
            " listen() or HTTPServer for handlers that take it over"
        )

    def refuse(self, error: HTTPInputError) -> None:
        """Answer what the client did wrong with the error's status."""
        body = f"{error.status} {error.reason}\n".encode("latin-1", "replace")
        if self._started:
            self.abort()
        else:
            self._keep = False
            fields = f"Content-Type: text/plain; charset=UTF-8\r\nContent-Length: {len(body)}\r\n"
            self.respond(error.status, None, fields, body)

    def closed(self) -> bool:
        """Whether nothing more can be written: the client has left, or the response has ended."""
        return self._lost or self._aborted or self.finished

    def abort(self) -> None:
        """End the response here; if it was not complete the server is told to cut it short."""
        if not self.closed():
            self._aborted = True
            self._tell()

    def flushed(self) -> Future[None]:
        """Done when the server has taken all that was written so far."""
        future: Future[None] = asyncio.get_running_loop().create_future()
        if self._lost:
            future.set_exception(StreamClosedError())
            future.exception()  # seen: who does not wait for a write hears of the loss by the close callback
        elif self._queue or self._writing:
            self._waiting.append(future)
        else:
            future.set_result(None)
        return future

    def is_lost(self) -> bool:
        """Whether the client has left, or has been cut off."""
        return self._lost or self._aborted

    # What the server's task calls.

    async def pump(self, send: Send) -> None:
        """Give *send* what is written, until the response is complete or the client has left.

        Raises `ResponseAborted` if the handler gave up.
        """
        while True:
            await self._send_queue(send)
            if self.finished or self._lost:
                return
            if self._aborted:
                raise ResponseAborted("the handler ended its response before it was complete")
            if not self._queue:
                self._changed = asyncio.get_running_loop().create_future()
                await self._changed

    async def _send_queue(self, send: Send) -> None:
        self._writing = True
        try:
            while self._queue and not self._lost:
                queue, self._queue = self._queue, []
                for event in queue:
                    await send(event)
        except OSError:  # what servers raise for a client that has left (HTTP specification 2.4)
            self.lose()
        finally:
            self._writing = False
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def lose(self) -> None:
        """The client has left."""
        if self._lost or self.finished:
            return
        self._lost = True
        self._queue = []
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(StreamClosedError())
                future.exception()
        self._tell()
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            callback()

    def _tell(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    def _put(self, chunk: bytes, more: bool = True) -> None:
        self._queue.append({"type": "http.response.body", "body": chunk, "more_body": more})
        self._tell()

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if self._started:
            raise RuntimeError("the head of this response has been written already")
        self._started = True
        self._queue.append({"type": "http.response.start", "status": status, "headers": headers})

    def _end(self, chunk: bytes) -> None:
        self._put(chunk, False)
        self.finished = True
        self._close_callback = None

    def _lines(self, text: str) -> list[tuple[bytes, bytes]]:
        """Header lines as ASGI has them, without what the server adds itself.

        Upgrade is left out where the protocol has none (RFC 9113, 8.2.2), and else named in Connection (RFC 9110, 7.8).
        """
        headers = []
        has_upgrades = self._version.startswith("1.")
        for line in text.encode("latin-1").split(b"\r\n"):
            name, found, value = line.partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            ours = name == b"server" and value.decode("latin-1") == self._server_name
            if not found or ours or name in (b"date", b"connection", b"transfer-encoding"):
                continue
            if name == b"upgrade":
                if not has_upgrades:
                    continue
                headers.append((b"connection", b"Upgrade"))
            headers.append((name, value))
        if not self._keep and has_upgrades:
            headers.append((b"connection", b"close"))
        return headers


class ASGIStream:
    """What handlers ask of a connection's stream where there is none of ours."""

    __slots__ = ("_connection", "io_loop")

    #: There is a socket, but it is the server's.
    socket = None
    error: BaseException | None = None

    def __init__(self, connection: ASGIConnection) -> None:
        self._connection = connection
        self.io_loop = IOLoop.current()

    def closed(self) -> bool:
        """Whether the client has left."""
        return self._connection.is_lost()

    def close(self) -> None:
        """Cut the response short."""
        self._connection.abort()

    def flushed(self) -> Future[None]:
        """Done when the server has taken all that was written so far."""
        return self._connection.flushed()

    def set_nodelay(self, value: bool) -> None:
        """Nothing: the socket's options are the server's."""

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """See `ASGIConnection.set_close_callback`."""
        self._connection.set_close_callback(callback)
