"""WebSockets under an ASGI server (ASGI WebSocket specification 2.5): what handlers hold, and who serves it.

The server speaks the protocol: frames, pings, compression and its own limits are its business. A handler's
``ws_connection`` has the calls of `waterspout.wsconnection.WebSocketConnection` nevertheless. `serve_websocket` runs in
the task that the server has made for the connection and sends what is queued; a second task receives, one message
after the other, each when what ``on_message`` returned for the one before is done, so that the server can slow the
client down.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from waterspout.concurrent import convert_yielded
from waterspout.escape import json_encode
from waterspout.httputil import HTTPInputError
from waterspout.log import app_log, gen_log
from waterspout.web._asgiconnection import ASGIConnection, ResponseAborted
from waterspout.web._asgirequest import ASGIContext, request_of
from waterspout.ws import CloseCode
from waterspout.wsconnection import Overflow, WebSocketClosedError, WebSocketOwner

if TYPE_CHECKING:
    from waterspout.web._application import Application

__all__ = ["serve_websocket"]

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

#: Seconds that the server has to tell of the end after our close.
CLOSE_TIMEOUT: Final = 5.0
#: Codes that only stand for what happened (RFC 6455, 7.1.5 and 7.4.1).
NO_CODE: Final = frozenset((None, CloseCode.NO_STATUS, CloseCode.ABNORMAL))


async def serve_websocket(
    serve: Callable[[Any], None], application: Application, scope: Event, receive: Receive, send: Send
) -> None:
    """Have *serve* answer the opening handshake of *scope*, and carry the WebSocket that a handler makes of it."""
    if (await receive())["type"] != "websocket.connect":  # the client has left already
        return
    context = ASGIContext(scope)
    handshake = Handshake(context, 0, application._server_name)
    try:
        request = request_of(scope, handshake)
    except HTTPInputError as error:
        gen_log.info("Malformed HTTP message from %s: %s", context, error)
        handshake.refuse(error)
    else:
        request.complete = True
        serve(request)
    follower = asyncio.create_task(handshake.follow(receive))
    try:
        with suppress(ResponseAborted):  # a handler that gave up: the server refuses what is not accepted
            await handshake.pump(_Refusal(scope, send))
        if handshake.socket is not None:
            await handshake.socket.run(send, follower)
    finally:
        follower.cancel()
        handshake.lose()
        if handshake.socket is not None:
            handshake.socket.end(CloseCode.ABNORMAL, None)


class _Refusal:
    """Sends a response in place of a WebSocket; where the server cannot do that, it closes, which is a 403."""

    def __init__(self, scope: Event, send: Send) -> None:
        self._can_respond = "websocket.http.response" in (scope.get("extensions") or {})
        self._send = send

    async def __call__(self, event: Event) -> None:
        if self._can_respond:
            await self._send({**event, "type": "websocket." + event["type"]})
        elif event["type"] == "http.response.start":
            await self._send({"type": "websocket.close"})


class Handshake(ASGIConnection):
    """The connection of a request that may become a WebSocket; all else about it is a response that refuses."""

    __slots__ = ("socket",)

    def __init__(self, context: ASGIContext, max_body_size: int, server_name: str) -> None:
        super().__init__(context, max_body_size, server_name)
        self.socket: ASGIWebSocket | None = None

    @property
    def subprotocols(self) -> list[str]:
        """Those that the client offers, in its order."""
        return list(self.context.scope.get("subprotocols") or ())

    def accept_websocket(
        self, owner: WebSocketOwner, subprotocol: str | None, fields: str, high_water: int, overflow: Overflow
    ) -> ASGIWebSocket:
        """Accept, with further header *fields*; what is done with the result is sent after that."""
        accept: Event = {"type": "websocket.accept", "subprotocol": subprotocol}
        headers = self._lines(fields)
        if headers:
            accept["headers"] = headers
        self.socket = ASGIWebSocket(self, owner, subprotocol, accept, high_water, overflow)
        self.finished = True
        self._close_callback = None
        self._tell()
        return self.socket

    async def follow(self, receive: Receive) -> None:
        """Tell the owner what comes, until the connection has ended."""
        while True:
            event = await receive()
            kind, socket = event["type"], self.socket
            if kind == "websocket.disconnect":
                if socket is None:
                    self.lose()
                else:
                    socket.end(event.get("code"), event.get("reason"))
                return
            if kind == "websocket.receive" and socket is not None:
                text = event.get("text")
                await socket.deliver(event["bytes"] if text is None else text)


class ASGIWebSocket:
    """What a handler holds as its ``ws_connection``; see `waterspout.wsconnection.WebSocketConnection`."""

    def __init__(
        self,
        handshake: Handshake,
        owner: WebSocketOwner,
        subprotocol: str | None,
        accept: Event,
        high_water: int,
        overflow: Overflow,
    ) -> None:
        self.stream = handshake.stream
        self.high_water = high_water
        self.overflow = overflow
        self.selected_subprotocol = subprotocol
        #: Number of messages that were not sent, by the policy `Overflow.DROP`.
        self.dropped = 0
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self._owner: WebSocketOwner | None = owner
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[int, Event]] = deque([(0, accept)])
        self._pending = 0
        self._waiting: list[Future[None]] = []
        self._work = asyncio.Event()
        self._ended = asyncio.Event()
        self._ready: Future[Any] | None = None
        self._closing = self._deaf = False

    # For the handler.

    def start(self, first: Awaitable[Any] | None = None, *, registry: object = None) -> None:
        """Messages wait until *first*, if given, is done."""
        if first is not None:
            self._ready = convert_yielded(first)

    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]:
        """Send *message*: text, or bytes if *binary*; a dictionary is sent as JSON.

        The Future is done when the server has taken what was queued, or at once while that is little.
        """
        if self.is_closing():
            raise WebSocketClosedError("the WebSocket is closed, or closing")
        if self.overflow is not Overflow.WAIT and self._pending > self.high_water:
            self._overflowed()
            return self._taken()
        if isinstance(message, dict):
            message = json_encode(message)
        data: str | bytes
        if isinstance(message, str):
            data = message.encode() if binary else message
        else:
            payload = bytes(memoryview(message))  # not bytes(message): of a number that would be so many zeros
            data = payload if binary else payload.decode()
        self._put({"type": "websocket.send", "bytes" if binary else "text": data}, len(data))
        return self._taken()

    def send_message(self, message: str | bytes, binary: bool) -> bool:
        """`write_message` without waiting; false if it is not sent."""
        dropped = self.dropped
        if self.is_closing():
            return False
        self.write_message(message, binary)
        return dropped == self.dropped

    def write_ping(self, data: bytes = b"") -> None:
        """Raise `RuntimeError`: ASGI has no pings; the server sends its own."""
        raise RuntimeError("pings cannot be sent under an ASGI server, which sends its own: see its settings for them")

    def set_nodelay(self, value: bool) -> None:
        """Nothing: the socket's options are the server's."""

    def close(self, code: int | None = None, reason: str | None = None, *, timeout: float | None = None) -> None:
        """Have the server begin the closing handshake; nothing happens if that was done before."""
        if self.is_closing():
            return
        if code is not None and not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise ValueError(f"close code {int(code)} must not be sent; use 1000, or one from 3000 to 4999")
        self._closing = True
        self._put({"type": "websocket.close", "code": int(code or CloseCode.NORMAL), "reason": reason or ""}, 0)
        self._loop.call_later(CLOSE_TIMEOUT if timeout is None else timeout, self.end, None, None)

    def abort(self) -> None:
        """End here; the server closes the connection."""
        self._deaf = True
        self.close(CloseCode.INTERNAL_ERROR)

    async def wait_closed(self) -> None:
        """Return when the connection is closed and the owner has been told."""
        await self._ended.wait()

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._closing or self._owner is None

    client_terminated = property(lambda self: self._owner is None)
    server_terminated = property(is_closing)

    def owner_failed(self, error: BaseException) -> None:
        """Log what the owner raised, and close with 1011."""
        self._deaf = True
        if self._owner is not None:
            try:
                self._owner.log_exception(type(error), error, error.__traceback__)
            except Exception:
                app_log.error("Error in exception logger", exc_info=True)
        self.close(CloseCode.INTERNAL_ERROR)

    # For the server's tasks.

    async def run(self, send: Send, follower: asyncio.Task[None]) -> None:
        """Send what is queued until the connection has ended; *follower* hears of that, unless it breaks down."""
        follower.add_done_callback(lambda done: self.end(CloseCode.ABNORMAL, None))
        try:
            while not self._ended.is_set():
                self._work.clear()
                while self._queue:
                    size, event = self._queue.popleft()
                    await send(event)
                    self._pending -= size
                self._release()
                if not self._ended.is_set():
                    await self._work.wait()
        except OSError:  # what servers raise for a client that has left
            self.end(CloseCode.ABNORMAL, None)
        if follower.done() and not follower.cancelled() and (error := follower.exception()) is not None:
            raise error

    async def deliver(self, message: str | bytes) -> None:
        """Give *message* to the owner, and wait for what it returns."""
        try:
            ready, self._ready = self._ready, None
            if ready is not None:
                await ready
            if self._owner is not None and not self._deaf:
                result = self._owner.on_message(message)
                if result is not None:
                    await convert_yielded(result)
        except Exception as error:
            self.owner_failed(error)

    def end(self, code: int | None, reason: str | None) -> None:
        """The connection is closed: the owner, and everybody who waits, hears of it once."""
        owner, self._owner = self._owner, None
        if owner is None:
            return
        self._closing = self._deaf = True
        self._queue.clear()
        if code not in NO_CODE:
            self.close_code, self.close_reason = code, reason or None
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(WebSocketClosedError("the connection was lost before the message was sent"))
                future.exception()  # seen: who does not wait for a write hears of the loss by on_close
        try:
            owner.on_ws_connection_close(self.close_code, self.close_reason)
        except Exception as raised:
            owner.log_exception(type(raised), raised, raised.__traceback__)
        self._ended.set()
        self._work.set()

    def _put(self, event: Event, size: int) -> None:
        self._pending += size
        self._queue.append((size, event))
        self._work.set()

    def _overflowed(self) -> None:
        self.dropped += 1
        if self.overflow is Overflow.CLOSE:
            self.close(CloseCode.POLICY_VIOLATION, "messages are not read fast enough")

    def _taken(self) -> Future[None]:
        future: Future[None] = self._loop.create_future()
        if self._pending > self.high_water and self.overflow is Overflow.WAIT:
            self._waiting.append(future)
        else:
            future.set_result(None)
        return future

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
