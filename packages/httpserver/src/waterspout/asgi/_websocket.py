"""One WebSocket as an ASGI application sees it (ASGI, WebSocket specification 2.4)."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any

from waterspout.asgi._change import Change
from waterspout.asgi._exchange import ClientDisconnected
from waterspout.http1 import response_head
from waterspout.http1connection import HTTP1ServerConnection, UpgradedConnections
from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, ResponseStartLine, responses
from waterspout.iostream import StreamClosedError
from waterspout.log import app_log
from waterspout.ws import (
    WEBSOCKET_VERSION,
    CloseCode,
    Connection,
    DeflateOptions,
    PerMessageDeflate,
    Role,
    accept_key,
    check_key,
    negotiate,
    parse_offers,
    parse_subprotocols,
)
from waterspout.ws import State as CodecState
from waterspout.wsconnection import WebSocketClosedError, WebSocketConnection

__all__ = ["WebSocketExchange", "WebSocketSettings", "refusal", "wants_websocket"]

#: Messages that wait for the application before the client is slowed down.
MESSAGES_AHEAD = 16


@dataclass(frozen=True, slots=True)
class WebSocketSettings:
    """How WebSockets behave: sizes in bytes, times in seconds, compression as for `negotiate`, None for none."""

    max_message_size: int
    ping_interval: float
    ping_timeout: float | None
    compression: DeflateOptions | None


#: In these the peer has sent no Close frame.
_UNANSWERED = (CodecState.OPEN, CodecState.CLOSING)


class State(Enum):
    """Of one WebSocket."""

    CONNECTING = "the application has not decided"
    DENYING = "the application sends a response in place of the handshake"
    OPEN = "messages"
    CLOSED = "over"


def wants_websocket(request: HTTPServerRequest) -> bool:
    """Whether *request* asks for a WebSocket, well or badly."""
    return (
        request.upgrade is not None
        and request.method == "GET"
        and request.headers.get("Upgrade", "").strip().lower() == "websocket"
    )


def refusal(request: HTTPServerRequest) -> tuple[int, str] | None:
    """What is wrong with the opening handshake in *request* (RFC 6455, 4.2.1), as status and words."""
    headers = request.headers
    if request.version == "HTTP/1.0":
        return 400, "WebSockets need HTTP/1.1."
    if "upgrade" not in [token.strip().lower() for token in headers.get("Connection", "").split(",")]:
        return 400, '"Connection" must be "Upgrade".'
    if headers.get("Sec-WebSocket-Version") != WEBSOCKET_VERSION:
        return 426, f"The only WebSocket version here is {WEBSOCKET_VERSION}."
    if not check_key(headers.get("Sec-WebSocket-Key")):
        return 400, "Sec-WebSocket-Key must be sixteen bytes in base64."
    return None


class WebSocketExchange:
    """The owner of a WebSocket, and the `receive` and `send` of its application."""

    def __init__(self, request: HTTPServerRequest, settings: WebSocketSettings) -> None:
        self._request = request
        self._connection: HTTP1ServerConnection = request.connection  # type: ignore[assignment]
        self._settings = settings
        self._state = State.CONNECTING
        self._events: deque[dict[str, Any]] = deque([{"type": "websocket.connect"}])
        self._change = Change()
        self._room: asyncio.Future[None] | None = None
        self._socket: WebSocketConnection | None = None
        self._codec: Connection | None = None
        self._upgraded: UpgradedConnections | None = None
        self._denial: tuple[ResponseStartLine, HTTPHeaders] | None = None
        self.subprotocols = parse_subprotocols(request.headers.get("Sec-WebSocket-Protocol", ""))
        self._connection.set_close_callback(self._lost_early)

    # What the application calls.

    async def receive(self) -> dict[str, Any]:
        """The next event; after ``websocket.disconnect`` always that one again."""
        while not self._events:
            await self._change.wait()
        event = self._events[0]
        if event["type"] != "websocket.disconnect":
            self._events.popleft()
        if self._room is not None and not self._room.done() and len(self._events) < MESSAGES_AHEAD:
            self._room.set_result(None)
        return event

    async def send(self, message: dict[str, Any]) -> None:
        """Take an event. Waits while the client is slow.

        Raises `ClientDisconnected` when nobody is there, `RuntimeError` for events in the wrong order.
        """
        kind = message["type"]
        if self._state is State.CLOSED:
            raise ClientDisconnected("the WebSocket is closed")
        if self._state is State.CONNECTING and kind == "websocket.accept":
            self._accept(message)
        elif self._state is State.CONNECTING and kind == "websocket.close":
            self.deny(403)
        elif self._state is State.CONNECTING and kind == "websocket.http.response.start":
            self._state = State.DENYING
            status = message["status"]
            self._denial = (ResponseStartLine("", status, responses.get(status, "Unknown")), _headers(message))
        elif self._state is State.DENYING and kind == "websocket.http.response.body":
            await self._deny_with(bytes(message.get("body", b"")), bool(message.get("more_body", False)))
        elif self._state is State.OPEN and kind == "websocket.send":
            await self._send(message)
        elif self._state is State.OPEN and kind == "websocket.close":
            self.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            raise RuntimeError(f"the application sent {kind!r}, which is not expected now")

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None
        data, text = message.get("bytes"), message.get("text")
        if data is None and text is None:
            raise RuntimeError("websocket.send needs 'bytes' or 'text'")
        try:
            if data is not None:
                await self._socket.write_message(bytes(data), binary=True)
            else:
                await self._socket.write_message(str(text))
        except WebSocketClosedError as error:
            raise ClientDisconnected("the client has left") from error

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        assert self._socket is not None
        self._state = State.CLOSED
        self._socket.close(code, reason)

    # Beginning.

    def _accept(self, message: dict[str, Any]) -> None:
        headers = _headers(message)
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            if subprotocol not in self.subprotocols:
                raise RuntimeError(f"the subprotocol {subprotocol!r} was not offered: {self.subprotocols}")
            headers["Sec-WebSocket-Protocol"] = subprotocol
        agreed = self._agree()
        if agreed is not None:
            headers["Sec-WebSocket-Extensions"] = agreed[1]
        headers["Upgrade"] = "websocket"
        headers["Connection"] = "Upgrade"
        headers["Sec-WebSocket-Accept"] = accept_key(self._request.headers["Sec-WebSocket-Key"])
        head = response_head(101, None, headers.to_text())
        self._connection.set_close_callback(None)
        stream, self._upgraded = self._connection.hand_over(self)
        self._state = State.OPEN
        if not stream.closed():
            stream.send(head)
            stream.set_nodelay(True)
        self._codec = Connection(
            Role.SERVER,
            max_message_size=self._settings.max_message_size,
            extension=None if agreed is None else agreed[0],
        )
        self._socket = WebSocketConnection(
            stream,
            self._codec,
            self,
            ping_interval=self._settings.ping_interval,
            ping_timeout=self._settings.ping_timeout,
            subprotocol=subprotocol,
        )
        self._socket.start()

    def _agree(self) -> tuple[PerMessageDeflate, str] | None:
        if self._settings.compression is None:
            return None
        try:
            offers = parse_offers(self._request.headers.get("Sec-WebSocket-Extensions", ""))
        except HTTPInputError:
            return None  # it is served without what it may have wanted
        return negotiate(offers, self._settings.compression)

    def deny(self, status: int, words: str = "") -> None:
        """Answer with *status* in place of the handshake."""
        if self._state is not State.CONNECTING:
            return
        body = (words or responses.get(status, "")).encode() + b"\n"
        headers = HTTPHeaders({"Content-Length": str(len(body)), "Content-Type": "text/plain; charset=UTF-8"})
        if status == 426:  # the connection names the upgrade in Connection, too
            headers["Upgrade"] = "websocket"
            headers["Sec-WebSocket-Version"] = WEBSOCKET_VERSION
        self._connection.write_headers(ResponseStartLine("", status, responses.get(status, "Unknown")), headers, body)
        self._over()
        self._connection.finish()

    async def _deny_with(self, body: bytes, more: bool) -> None:
        try:
            if self._denial is not None:
                line, headers = self._denial
                self._denial = None
                if not more and "Content-Length" not in headers:
                    headers["Content-Length"] = str(len(body))
                written = self._connection.write_headers(line, headers, body)
            else:
                written = self._connection.write(body)
            if more:
                await written
            else:
                self._over()
                self._connection.finish()
        except StreamClosedError as error:
            raise ClientDisconnected("the client has left") from error

    def fail(self, failed: bool) -> None:
        """The application has ended, by an exception if *failed*: so does the WebSocket."""
        if self._state is State.CONNECTING:
            self.deny(500)
        elif self._state is State.DENYING:
            self._connection.close()
        elif self._state is State.OPEN and failed:
            self.close(CloseCode.INTERNAL_ERROR, "")
        elif self._state is State.OPEN:
            self.close(1000, "")

    # What the connection calls (`waterspout.wsconnection.WebSocketOwner`).

    def on_message(self, message: str | bytes) -> asyncio.Future[None] | None:
        """See `WebSocketOwner`."""
        key = "text" if isinstance(message, str) else "bytes"
        self._tell({"type": "websocket.receive", key: message})
        if len(self._events) < MESSAGES_AHEAD:
            return None
        self._room = asyncio.get_running_loop().create_future()
        return self._room

    def on_ping(self, data: bytes) -> None:
        """See `WebSocketOwner`."""

    def on_pong(self, data: bytes) -> None:
        """See `WebSocketOwner`."""

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        """See `WebSocketOwner`."""
        if close_code is None:  # a Close frame without one, or none at all (RFC 6455, 7.1.5)
            close_code = 1006 if self._codec is None or self._codec.state in _UNANSWERED else 1005
        self._over(close_code, close_reason or "")
        if self._upgraded is not None:
            self._upgraded.forget(self)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """See `WebSocketOwner`."""
        app_log.error("Exception in an ASGI WebSocket: %s", self._request.path, exc_info=value)

    def drain(self, until: float) -> None:
        """The server stops (`waterspout.http1connection.Upgraded`): the client may come back, to another one."""
        if self._socket is not None:
            self._socket.close(CloseCode.GOING_AWAY, "the server stops")

    def _lost_early(self) -> None:
        self._over(1006, "")

    def _over(self, code: int = 1006, reason: str = "") -> None:
        self._state = State.CLOSED
        self._tell({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _tell(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        self._change.tell()


def _headers(message: dict[str, Any]) -> HTTPHeaders:
    return HTTPHeaders.from_pairs(
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in message.get("headers", ())
    )
