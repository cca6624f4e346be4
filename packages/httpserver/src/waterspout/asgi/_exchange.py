"""One request as an ASGI application sees it: `receive` and `send`."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from waterspout.asgi._change import Change
from waterspout.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
    responses,
)
from waterspout.iostream import StreamClosedError

__all__ = ["ClientDisconnected", "Exchange"]

#: Bytes of body that wait for the application before the client is slowed down.
HIGH_WATER = 64 * 1024


class ClientDisconnected(OSError):
    """The application sent something after its client had left (ASGI, HTTP specification 2.4)."""

    __module__ = "waterspout.asgi"


class Exchange(HTTPMessageDelegate):
    """Takes the body as it comes, gives it to `receive`, and writes what `send` is given.

    States of the response: not started, started, finished.
    """

    def __init__(self, request: HTTPServerRequest) -> None:
        self._connection: Any = request.connection
        self._method = request.method
        self._parts: deque[bytes] = deque([request.body] if request.body else ())
        self._waiting_bytes = len(request.body)
        self._more = not request.complete
        self._told_end = False
        self.left = False
        self._change = Change()
        self._room: asyncio.Future[None] | None = None
        self._expects = request.expect_continue and not request.complete
        self._wanted: asyncio.Future[None] | None = None
        self._head: tuple[ResponseStartLine, HTTPHeaders] | None = None
        self.started = False
        self.finished = False

    # The body, from the connection.

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> asyncio.Future[None] | None:
        """A client that waits for ``100 Continue`` gets it when the application asks for the body, or never."""
        if self._expects:
            self._wanted = asyncio.get_running_loop().create_future()
        return self._wanted

    def data_received(self, chunk: bytes) -> asyncio.Future[None] | None:
        """A piece of the body; the future is done when the application has taken enough for more to come."""
        self._parts.append(chunk)
        self._waiting_bytes += len(chunk)
        self._change.tell()
        if self._waiting_bytes <= HIGH_WATER:
            return None
        self._room = asyncio.get_running_loop().create_future()
        return self._room

    def finish(self) -> None:
        """The body is whole."""
        self._more = False
        self._connection.set_close_callback(self.on_connection_close)
        self._change.tell()

    def on_connection_close(self) -> None:
        """The client left."""
        self.left = True
        self._change.tell()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._want()

    def _want(self) -> None:
        """The body may come, or will not be waited for any more."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and not wanted.done():
            wanted.set_result(None)

    # What the application calls.

    async def receive(self) -> dict[str, Any]:
        """The next event: pieces of the body, then, once the client or the response is gone, ``http.disconnect``."""
        while True:
            if self._parts and not self._told_end:
                body = b"".join(self._parts)
                self._parts.clear()
                self._waiting_bytes = 0
                if self._room is not None and not self._room.done():
                    self._room.set_result(None)
                self._told_end = not self._more
                return {"type": "http.request", "body": body, "more_body": self._more}
            if self.left or self.finished:
                return {"type": "http.disconnect"}
            if not self._more and not self._told_end:
                self._told_end = True
                return {"type": "http.request", "body": b"", "more_body": False}
            self._want()
            await self._change.wait()

    async def send(self, message: dict[str, Any]) -> None:
        """Take an event of the response. Waits while the client is slow.

        Raises `ClientDisconnected` when nobody is there, `RuntimeError` for events in the wrong order.
        """
        kind = message["type"]
        if kind == "http.response.start" and self._head is None:
            status = message["status"]
            headers = HTTPHeaders.from_pairs(
                (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                for name, value in message.get("headers", ())
            )
            self._head = (ResponseStartLine("", status, responses.get(status, "Unknown")), headers)
        elif kind == "http.response.body" and self._head is not None and not self.finished:
            await self._send_body(bytes(message.get("body", b"")), bool(message.get("more_body", False)))
        else:
            raise RuntimeError(f"the application sent {kind!r}, which is not expected now")

    async def _send_body(self, body: bytes, more: bool) -> None:
        assert self._head is not None
        if self.left:
            raise ClientDisconnected("the client has left")
        try:
            if not self.started:
                line, headers = self._head
                if line.code < 200:
                    raise RuntimeError(f"status {line.code} is no answer, but announces one (RFC 9110, 15.2)")
                headers.pop("Transfer-Encoding", None)  # how the body is framed is the server's to say
                if not more and "Content-Length" not in headers and line.code not in (204, 304):
                    headers["Content-Length"] = str(len(body))
                written = self._connection.write_headers(line, headers, body)
                self.started = True
            else:
                written = self._connection.write(body)
            if more:
                await written
            else:
                self.finished = True
                self._connection.finish()
                self._change.tell()
                self._want()
        except StreamClosedError as error:
            self.left = True
            raise ClientDisconnected("the client has left") from error

    def fail(self) -> None:
        """The application ended without a whole response: 500 if nothing has left, else the connection is cut."""
        if self.finished or self.left:
            return
        self.finished = True
        self._want()
        if self.started:
            self._connection.close()
        else:
            line = ResponseStartLine("", 500, "Internal Server Error")
            self._connection.write_headers(line, HTTPHeaders({"Content-Length": "0"}))
            self._connection.finish()
