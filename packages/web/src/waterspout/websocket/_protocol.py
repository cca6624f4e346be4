"""WebSocketProtocol and WebSocketProtocol13: the connection under the names and in the shape that Tornado gives it.

`WebSocketHandler` does not need them: it opens a `waterspout.wsconnection.WebSocketConnection` itself. They are for
applications that override `WebSocketHandler.get_websocket_protocol`, or look for these classes.
"""

from __future__ import annotations

import abc
from asyncio import Future
from typing import TYPE_CHECKING, Any

from waterspout.iostream import IOStream
from waterspout.ws import accept_key
from waterspout.wsconnection import WebSocketClosedError, WebSocketConnection

if TYPE_CHECKING:
    from waterspout.websocket._handler import WebSocketHandler

__all__ = ["WebSocketProtocol", "WebSocketProtocol13"]


class WebSocketProtocol(abc.ABC):
    """What a handler's connection can be asked for. ``handler.ws_connection`` passes for one (`isinstance`)."""

    __module__ = "waterspout.websocket"

    def __init__(self, handler: WebSocketHandler) -> None:
        self.handler = handler

    @property
    def stream(self) -> IOStream | None:
        """The connection's stream; None while there is no connection."""
        connection = self.handler.ws_connection
        return None if connection is None else connection.stream

    @property
    def client_terminated(self) -> bool:
        """Whether the client has closed its side, or there is no connection any more."""
        connection = self.handler.ws_connection
        return connection is None or connection.client_terminated

    @property
    def server_terminated(self) -> bool:
        """Whether this side has closed, or there is no connection any more."""
        connection = self.handler.ws_connection
        return connection is None or connection.server_terminated

    @abc.abstractmethod
    async def accept_connection(self, handler: WebSocketHandler) -> None:
        """Do the opening handshake for ``handler``, or refuse it."""

    @abc.abstractmethod
    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]:
        """Send a message."""

    @property
    @abc.abstractmethod
    def selected_subprotocol(self) -> str | None:
        """The subprotocol that was agreed on."""

    @abc.abstractmethod
    def write_ping(self, data: bytes) -> None:
        """Send a ping."""

    @abc.abstractmethod
    def start_pinging(self) -> None:
        """Begin to send pings, if the settings ask for them."""

    @abc.abstractmethod
    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake."""

    @abc.abstractmethod
    def is_closing(self) -> bool:
        """Whether either side has begun to close."""

    @abc.abstractmethod
    def set_nodelay(self, x: bool) -> None:
        """Whether small messages are sent at once."""

    def on_connection_close(self) -> None:  # noqa: B027 - no duty of those that inherit
        """The client is gone. Nothing is left to do here: the connection has told the handler."""


WebSocketProtocol.register(WebSocketConnection)


class WebSocketProtocol13(WebSocketProtocol):
    """RFC 6455, by the connection that the handler has once `accept_connection` has accepted it.

    ``mask_outgoing`` and ``params`` are kept and not looked at: a server does not mask, and what Tornado passes in
    ``params`` is in the handler's settings.
    """

    __module__ = "waterspout.websocket"

    # The bits of a frame's first byte (RFC 6455, 5.2).
    FIN, RSV1, RSV2, RSV3 = (1 << bit for bit in (7, 6, 5, 4))
    RSV_MASK, OPCODE_MASK = 0b0111_0000, 0b0000_1111

    def __init__(self, handler: WebSocketHandler, mask_outgoing: bool, params: Any) -> None:
        super().__init__(handler)
        self.mask_outgoing = mask_outgoing
        self.params = params

    def _connection(self) -> WebSocketConnection:
        connection = self.handler.ws_connection
        if connection is None:
            raise WebSocketClosedError("the WebSocket is closed, or not open yet")
        return connection

    async def accept_connection(self, handler: WebSocketHandler) -> None:
        """Do what `WebSocketHandler.get` does: the opening handshake, or a refusal."""
        handler.shake_hands()

    @staticmethod
    def compute_accept_value(key: str | bytes) -> str:
        """The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, 4.2.2)."""
        return accept_key(key if isinstance(key, str) else key.decode("latin-1"))

    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]:
        """Send a message, as `WebSocketHandler.write_message`; WebSocketClosedError without a connection."""
        return self._connection().write_message(message, binary)

    @property
    def selected_subprotocol(self) -> str | None:
        """The subprotocol that was agreed on; None for none."""
        return self.handler.selected_subprotocol

    @property
    def close_code(self) -> int | None:
        """The code of the client's Close frame, once there was one."""
        return self.handler.close_code

    @property
    def close_reason(self) -> str | None:
        """The reason in the client's Close frame, once there was one."""
        return self.handler.close_reason

    @property
    def ping_interval(self) -> float | None:
        """Seconds between pings: the handler's."""
        return self.handler.ping_interval

    @property
    def ping_timeout(self) -> float | None:
        """Seconds that the client has to answer a ping: the handler's."""
        return self.handler.ping_timeout

    def write_ping(self, data: bytes) -> None:
        """Send a ping; WebSocketClosedError without a connection."""
        self._connection().write_ping(data)

    def start_pinging(self) -> None:
        """Nothing: the connection sends its pings from the handshake on, by a clock that all connections share."""

    async def periodic_ping(self) -> None:
        """Return when the connection has ended; the pings are sent meanwhile, as the settings ask."""
        connection = self.handler.ws_connection
        if connection is not None:
            await connection.wait_closed()

    @staticmethod
    def ping_sleep_time(*, last_ping_time: float, interval: float, now: float) -> float:
        """Seconds from ``now`` until the next ping is due, ``interval`` seconds after the last one; never negative."""
        return max(0.0, last_ping_time + interval - now)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake; nothing if there is no connection."""
        connection = self.handler.ws_connection
        if connection is not None:
            connection.close(code, reason)

    def is_closing(self) -> bool:
        """Whether either side has begun to close, or there is no connection."""
        connection = self.handler.ws_connection
        return connection is None or connection.is_closing()

    def set_nodelay(self, x: bool) -> None:
        """Send small messages at once, or let the system collect them."""
        self._connection().set_nodelay(x)
