"""WebSocketHandler: a request handler whose request becomes a WebSocket."""

from __future__ import annotations

import functools
from asyncio import Future
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, cast

from waterspout.escape import utf8
from waterspout.http1 import response_head
from waterspout.http1connection import UpgradedConnections
from waterspout.httputil import HTTPHeaders
from waterspout.log import gen_log
from waterspout.web import RequestHandler
from waterspout.websocket._protocol import WebSocketProtocol, WebSocketProtocol13
from waterspout.websocket._upgrade import is_same_host, refusal
from waterspout.ws import (
    WEBSOCKET_VERSION,
    Connection,
    DeflateOptions,
    PerMessageDeflate,
    Role,
    accept_key,
    negotiate,
    parse_offers,
    parse_subprotocols,
)
from waterspout.wsconnection import Overflow, WebSocketClosedError, WebSocketConnection, compression_options

__all__ = ["WebSocketHandler"]

#: The setting ``websocket_max_message_size`` where it is not set, in bytes.
MAX_MESSAGE_SIZE = 10 * 1024 * 1024


class WebSocketHandler(RequestHandler):
    """Base class for WebSockets; one object serves one connection.

    Override `on_message`, and `open` and `on_close` where they are of use; send with `write_message`. ``prepare`` and
    what it sets, cookies among it, belong to the opening handshake. Requests that other origins' pages make are
    refused: see `check_origin`.
    """

    __module__ = "waterspout.websocket"

    #: The connection from `open` on until it is closed; None before and after.
    ws_connection: WebSocketConnection | None = None
    #: The code and reason of the client's Close frame, from `on_close` on; None where it gave none.
    close_code: int | None = None
    close_reason: str | None = None
    #: The URL's groups, as `open` gets them.
    open_args: Any
    open_kwargs: Any = MappingProxyType({})

    #: What happens to messages for a client that does not read them: see `Overflow`.
    overflow: Overflow = Overflow.WAIT
    #: How many bytes may wait for the client before `overflow` applies.
    high_water: int = 64 * 1024

    _upgraded = False
    _closed_told = False
    _subprotocol: str | None = None

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Do the opening handshake, or refuse it; then `open` is called with the URL's groups."""
        self.open_args = args
        if kwargs:
            self.open_kwargs = kwargs
        if type(self).get_websocket_protocol is WebSocketHandler.get_websocket_protocol:
            self.shake_hands()
        elif (protocol := self.get_websocket_protocol()) is None:
            self._refuse(426, "Upgrade Required")
        else:
            await protocol.accept_connection(self)

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Override it to choose who does the handshake, by the request; None refuses it with 426."""
        return WebSocketProtocol13(self, False, None)

    def shake_hands(self) -> None:
        """Accept the request as a WebSocket, and begin with it; or refuse it, where something is wrong with it.

        `get` calls it, and so does ``accept_connection`` of a `WebSocketProtocol13`.
        """
        # An ASGI server has seen to the handshake itself.
        accept: Callable[..., Any] | None = getattr(self.request.connection, "accept_websocket", None)
        wrong = refusal(self.request) if accept is None else None
        if wrong is not None:
            self._refuse(wrong.status, wrong.message)
        elif not self._origin_is_welcome():
            self._refuse(403, "Cross origin websockets not allowed")
        elif accept is None:
            self._accept()
        else:
            self._accept_by_server(accept)

    # Settings.

    @property
    def ping_interval(self) -> float | None:
        """Seconds between pings, from the setting ``websocket_ping_interval``; None or 0 sends none."""
        return cast("float | None", self.settings.get("websocket_ping_interval"))

    @property
    def ping_timeout(self) -> float | None:
        """Seconds that the client has to answer a ping: ``websocket_ping_timeout``; None: as long as the interval."""
        return cast("float | None", self.settings.get("websocket_ping_timeout"))

    @property
    def max_message_size(self) -> int:
        """Bytes of the longest message that is taken, decompressed: ``websocket_max_message_size`` (10 MiB)."""
        return cast(int, self.settings.get("websocket_max_message_size", MAX_MESSAGE_SIZE))

    def get_compression_options(self) -> dict[str, Any] | DeflateOptions | None:
        """Override it to return options, ``{}`` for the defaults, if messages may be compressed.

        Tornado's ``compression_level`` and ``mem_level``, or the names of `waterspout.ws.DeflateOptions`, or one of
        these. Compression costs time and up to 300 KB for each connection.
        """
        return None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Override it to return one of the *subprotocols* that the client offers, or None; called once."""
        return None

    @property
    def selected_subprotocol(self) -> str | None:
        """What `select_subprotocol` returned."""
        return self._subprotocol

    def check_origin(self, origin: str) -> bool:
        """Whether pages of *origin* may connect: those of this very host, and of the setting ``trusted_origins``.

        Any page of the web can make a browser open a WebSocket, with the user's cookies. Override it to allow more.
        Not called for clients that are no browsers and send no origin; a request that says that it comes from another
        site, and hides from which, is asked about as ``null``.
        """
        if self.check_trusted_origin(origin):
            return True
        # What the browser itself says comes first: a proxy may have changed Host.
        site = self.request.headers.get("Sec-Fetch-Site")
        if site == "same-origin" or site == "cross-site":
            return site == "same-origin"
        return is_same_host(origin, self.request.headers.get("Host", ""))

    # What happens.

    def open(self, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        """The connection is open. May be ``async``: messages wait until it is done."""
        return None

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """A message has come: text as str, binary as bytes. May be ``async``: the next one waits until it is done."""
        raise NotImplementedError

    def on_ping(self, data: bytes) -> Awaitable[None] | None:
        """A ping has come; it is answered for you. May be ``async``: it is run in turn with `on_message`."""
        return None

    def on_pong(self, data: bytes) -> Awaitable[None] | None:
        """A pong has come, mostly to one of our pings. May be ``async``, as `on_ping`."""
        return None

    def on_close(self) -> None:
        """The connection is closed: called once after `open`, in every case. See `close_code`, `close_reason`."""

    # What can be done.

    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]:
        """Send *message*: text, or bytes if *binary*; a dictionary is sent as JSON.

        Waiting for the Future keeps memory bounded when the client is slow. Raises `WebSocketClosedError` if the
        connection is closed or closing; the Future fails with it if the connection is lost.
        """
        connection = self.ws_connection
        if connection is None:
            raise WebSocketClosedError("the WebSocket is closed, or not open yet")
        return connection.write_message(message, binary)

    def ping(self, data: str | bytes = b"") -> None:
        """Send a ping with at most 125 bytes. Raises `WebSocketClosedError` if the connection is closed."""
        self._connection().write_ping(utf8(data))

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake; `on_close` follows within seconds.

        *code* is 1000, or 3000-4999 for what the application means; *reason* has up to 123 bytes. Nothing happens on a
        connection that is closed. Raises ValueError for others, and the connection stays open.
        """
        connection = self.ws_connection
        if connection is not None:
            connection.close(code, reason)
            self.ws_connection = None

    def set_nodelay(self, value: bool) -> None:
        """Send small messages at once, which is the default, or (false) let the system collect them."""
        self._connection().set_nodelay(value)

    def _connection(self) -> WebSocketConnection:
        connection = self.ws_connection
        if connection is None or connection.is_closing():
            raise WebSocketClosedError("the WebSocket is closed, or not open yet")
        return connection

    # The end.

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        """The WebSocket is closed (see `waterspout.wsconnection.WebSocketOwner`)."""
        self.close_code = close_code
        self.close_reason = close_reason
        self.on_connection_close()

    def on_connection_close(self) -> None:
        """The client is gone, before or after the handshake."""
        super().on_connection_close()
        self.ws_connection = None
        if self._upgraded and not self._closed_told:
            self._closed_told = True
            self.on_close()

    # The handshake.

    def _origin_is_welcome(self) -> bool:
        headers = self.request.headers
        origin = headers.get("Origin", headers.get("Sec-WebSocket-Origin"))
        if origin is None and headers.get("Sec-Fetch-Site") == "cross-site":
            origin = "null"
        return origin is None or self.check_origin(origin)

    def _refuse(self, status: int, message: str) -> None:
        gen_log.debug("%s: %s", self._request_summary(), message)
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        if status == 426:  # the connection names the upgrade in Connection, too
            self.set_header("Sec-WebSocket-Version", WEBSOCKET_VERSION)
            self.set_header("Upgrade", "websocket")
        self.finish(message)

    def _accept(self) -> None:
        extension = self._make_headers()
        fields = self._fields()
        server_connection: Any = self.request.connection
        connection = WebSocketConnection(
            server_connection.stream,
            Connection(Role.SERVER, max_message_size=self.max_message_size, extension=extension),
            self,
            ping_interval=self.ping_interval,
            ping_timeout=self.ping_timeout,
            high_water=self.high_water,
            overflow=self.overflow,
            subprotocol=self._subprotocol,
        )
        # The server tells the connection when it drains.
        stream, upgraded = server_connection.hand_over(connection)
        if not stream.closed():  # else the connection tells of it once it is started
            stream.send(response_head(101, self._own_reason or "Switching Protocols", fields))
            stream.set_nodelay(True)
        self._begin(connection, upgraded)

    def _accept_by_server(self, accept: Callable[..., Any]) -> None:
        """Accept under an ASGI server: what it holds for us has the calls of a connection of ours."""
        connection: Any = self.request.connection
        self._subprotocol = self._choose(connection.subprotocols)
        for name in ("Content-Type", "Content-Length", "Transfer-Encoding"):
            self.clear_header(name)
        self.set_status(101)
        accepted: WebSocketConnection = accept(self, self._subprotocol, self._fields(), self.high_water, self.overflow)
        self._begin(accepted, None)

    def _begin(self, connection: WebSocketConnection, registry: UpgradedConnections | None) -> None:
        """The handshake is over, and the request counts as finished."""
        self._finished = self._detached = True
        self._headers_written = True
        self._upgraded = True
        self._log()
        self.on_finish()
        # What only the handshake needed: connections may be many, and last long. The request's fields are read anew
        # where somebody asks for them.
        self._header_map = None
        if self.request.field_block:
            vars(self.request).pop("headers", None)
        self.ws_connection = connection
        first = None
        try:
            first = self.open(*self.open_args, **self.open_kwargs)
        except Exception as error:
            connection.owner_failed(error)
        connection.start(first, registry=registry)

    def _make_headers(self) -> PerMessageDeflate | None:
        """Set the headers of the answer; returns the extension that they agree to."""
        offered = self.request.headers
        chosen = self._choose(parse_subprotocols(offered.get("Sec-WebSocket-Protocol", "")))
        options = compression_options(self.get_compression_options())
        agreed = None
        if options is not None:
            agreed = negotiate(parse_offers(offered.get("Sec-WebSocket-Extensions", "")), options)
        self.set_status(101)
        for name in ("Content-Type", "Content-Length", "Transfer-Encoding"):
            self.clear_header(name)
        self.set_header("Upgrade", "websocket")
        self.set_header("Connection", "Upgrade")
        self.set_header("Sec-WebSocket-Accept", accept_key(offered["Sec-WebSocket-Key"]))
        if chosen is not None:
            self.set_header("Sec-WebSocket-Protocol", chosen)
            self._subprotocol = chosen
        if agreed is None:
            return None
        extension, header = agreed
        self.set_header("Sec-WebSocket-Extensions", header)
        return extension

    def _choose(self, subprotocols: list[str]) -> str | None:
        chosen = self.select_subprotocol(subprotocols)
        if chosen is not None and chosen not in subprotocols:
            raise ValueError(f"select_subprotocol returned {chosen!r}, which is not among the offered {subprotocols}")
        return chosen

    def _fields(self) -> str:
        """The header lines of the answer, cookies among them."""
        headers: HTTPHeaders = self._headers
        for cookie in (self._new_cookie or {}).values():
            headers.add("Set-Cookie", cookie)
        return headers.to_text()


def _only_before_upgrade(name: str) -> Callable[..., Any]:
    method = getattr(RequestHandler, name)

    @functools.wraps(method)
    def guarded(self: WebSocketHandler, *args: Any, **kwargs: Any) -> Any:
        if self._upgraded:
            raise RuntimeError(f"{name}() is not supported on a WebSocket; the response was its opening handshake")
        return method(self, *args, **kwargs)

    return guarded


# Nothing of an HTTP response can be sent once the protocol has been switched.
for _name in ("write", "redirect", "set_header", "set_cookie", "set_status", "flush", "finish"):
    setattr(WebSocketHandler, _name, _only_before_upgrade(_name))
del _name
WebSocketHandler._flush_of_ours = staticmethod(WebSocketHandler.flush)
