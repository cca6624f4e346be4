"""WebSocketClientConnection: a WebSocket as the client's code holds it."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, TypeAlias

from waterspout.escape import utf8
from waterspout.httpclient import HTTPClientError, HTTPRequest, HTTPTimeoutError
from waterspout.httpclient._settings import DEFAULTS, Settings
from waterspout.httpclient._shown import without_userinfo
from waterspout.httpclient._url import parse_url
from waterspout.httputil import ResponseStartLine
from waterspout.iostream import IOStream
from waterspout.log import app_log
from waterspout.netutil import Resolver
from waterspout.tcpclient import TCPClient
from waterspout.ws import Connection, DeflateOptions, Role
from waterspout.wsclient._exchange import ConnectionParameters, OpeningExchange
from waterspout.wsclient._opening import Opening
from waterspout.wsclient._route import open_stream
from waterspout.wsclient._unread import UnreadMessages
from waterspout.wsconnection import WebSocketClosedError, WebSocketConnection, compression_options

__all__ = ["MessageCallback", "WebSocketClientConnection"]

MAX_MESSAGE_SIZE = 10 * 1024 * 1024
#: Bytes of messages that wait to be read; beyond it the server is slowed down.
MAX_UNREAD = 64 * 1024
#: What each counts as beside its length: messages may be empty.
OVERHEAD = 64

MessageCallback: TypeAlias = Callable[[str | bytes | None], Any]


class WebSocketClientConnection(OpeningExchange):
    """One WebSocket to a server; made by `websocket_connect`.

    Messages are read with `read_message` or ``async for``, unless there is an *on_message_callback*. `code`, `reason`
    and `headers` are those of the opening handshake's answer.
    """

    __module__ = "waterspout.websocket"

    #: The code and reason of the server's Close frame, once it is closed; None where it gave none.
    close_code: int | None = None
    close_reason: str | None = None
    #: The connection below; None before and after it is open.
    protocol: WebSocketConnection | None = None
    #: What the callback does about the end, while it does.
    _last: asyncio.Task[Any] | None = None

    def __init__(
        self,
        request: HTTPRequest,
        on_message_callback: MessageCallback | None = None,
        compression_options: dict[str, Any] | DeflateOptions | None = None,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
        max_message_size: int = MAX_MESSAGE_SIZE,
        subprotocols: list[str] | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """Begin to connect; `connect_future` is done with this object when it is open."""
        params = ConnectionParameters(ping_interval, ping_timeout, max_message_size, compression_options)
        super().__init__(request, params, resolver)
        self._on_message_callback = on_message_callback
        self._subprotocols = list(subprotocols or ())
        self._selected: str | None = None
        self._unread: deque[str | bytes] = deque()
        self._unread_size = 0
        self._reader: Future[str | bytes | None] | None = None
        self._room: Future[None] | None = None
        self._closed = False
        self.connect_future: Future[WebSocketClientConnection] = self.io_loop.asyncio_loop.create_future()
        self._task: asyncio.Task[None] | None = self.io_loop.asyncio_loop.create_task(self.run())

    # Connecting.

    async def run(self) -> None:
        """Connect and do the opening handshake; `connect_future` has the outcome. The constructor sees to it."""
        settings = Settings(vars(self.request), DEFAULTS)
        try:
            async with asyncio.timeout(settings.connect_timeout or None):
                await self._open(settings)
        except TimeoutError as error:
            url = without_userinfo(self.request.url)
            self._fail(HTTPTimeoutError(f"Timeout connecting to {url}", url=url), error)
        except asyncio.CancelledError:
            self._closed = True
            self.connect_future.cancel()
            raise
        except Exception as error:
            self._fail(error, None)
        finally:
            self._task = None
            self.tcp_client: TCPClient | None = None

    def _fail(self, error: Exception, cause: BaseException | None) -> None:
        self._closed = True
        if cause is not None:
            error.__cause__ = cause
        if not self.connect_future.done():
            self.connect_future.set_exception(error)

    async def _open(self, settings: Settings) -> None:
        scheme, separator, rest = self.request.url.partition(":")
        scheme = {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme)
        url = parse_url(scheme + separator + rest)
        params = self.params
        options = compression_options(params.compression_options)
        limits = self.max_header_size, self.max_body_size
        opening = Opening(self.request, url, self._subprotocols, options, *limits)
        self.key: str | None = opening.key
        assert self.tcp_client is not None
        stream = await open_stream(url, settings, self.tcp_client, self.max_buffer_size)
        await opening.run(stream)
        try:
            await self._take(opening)
            opening.check()
        except BaseException:
            stream.close()
            raise
        if self.connect_future.done():  # whoever waited for it has gone
            stream.close()
            return
        self._selected = opening.subprotocol
        codec = Connection(Role.CLIENT, max_message_size=params.max_message_size, extension=opening.extension)
        self.protocol = protocol = WebSocketConnection(
            stream,
            codec,
            self,
            ping_interval=params.ping_interval,
            ping_timeout=params.ping_timeout,
            subprotocol=opening.subprotocol,
        )
        if not stream.closed():
            stream.set_nodelay(True)
        self.connect_future.set_result(self)
        protocol.start()

    async def _take(self, opening: Opening) -> None:
        """Hand the answer on to the methods that receive it; raise `HTTPClientError` if the server refuses."""
        head = opening.head
        taken = self.headers_received(ResponseStartLine(head.version, head.status, head.reason), head.headers)
        if taken is not None:
            await taken
        if opening.agrees:
            return
        for chunk in opening.page:
            taken = self.data_received(chunk)
            if taken is not None:
                await taken
        self.finish()
        if not opening.succeeds:
            raise HTTPClientError(head.status, head.reason, self._refusal(str(opening.url)))

    @property
    def selected_subprotocol(self) -> str | None:
        """The subprotocol that the server chose, or None."""
        return self._selected

    @property
    def stream(self) -> IOStream | None:
        """The stream below, while the connection is open."""
        return None if self.protocol is None else self.protocol.stream

    def get_websocket_protocol(self) -> WebSocketConnection:
        """The connection below, `protocol`. Raises `WebSocketClosedError` if the WebSocket is not open."""
        return self._connection()

    # Messages.

    @property
    def read_queue(self) -> UnreadMessages:
        """The messages that have come and wait for `read_message`."""
        return UnreadMessages(self, self._unread)

    def read_message(self, callback: Callable[[Future[str | bytes | None]], Any] | None = None) -> Future[Any]:
        """The next message, text as str, binary as bytes; None when the connection is closed and all are read.

        Only one read may wait at a time. *callback* is called with the Future when it is done.
        """
        if self._reader is not None and not self._reader.done():
            raise RuntimeError("read_message is waiting already; only one reader at a time")
        future: Future[str | bytes | None] = self.io_loop.asyncio_loop.create_future()
        if self._unread:
            message = self._unread.popleft()
            self._unread_size -= len(message) + OVERHEAD
            future.set_result(message)
            room = self._room
            if room is not None and self._unread_size <= MAX_UNREAD:
                self._room = None
                room.set_result(None)
        elif self._closed:
            future.set_result(None)
        else:
            self._reader = future
        if callback is not None:
            self.io_loop.add_future(future, callback)
        return future

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Messages until the connection is closed."""
        while (message := await self.read_message()) is not None:
            yield message

    def write_message(self, message: str | bytes | dict[str, Any], binary: bool = False) -> Future[None]:
        """Send *message*: text, or bytes if *binary*; a dictionary is sent as JSON.

        Waiting for the Future keeps memory bounded when the server is slow. Raises `WebSocketClosedError` if the
        connection is closed or closing; the Future fails with it if the connection is lost.
        """
        return self._connection().write_message(message, binary)

    def ping(self, data: str | bytes = b"") -> None:
        """Send a ping with at most 125 bytes. Raises `WebSocketClosedError` if the connection is closed."""
        self._connection().write_ping(utf8(data))

    def _connection(self) -> WebSocketConnection:
        protocol = self.protocol
        if protocol is None or protocol.is_closing():
            raise WebSocketClosedError("the WebSocket is closed, or not open yet")
        return protocol

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake, or give up connecting. Messages that are on their way can still be read."""
        if self.protocol is not None:
            self.protocol.close(code, reason)
        elif self._task is not None:
            self._task.cancel()

    # What happens; may be overridden.

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """A message has come: kept for `read_message`, or given to the callback."""
        if self._on_message_callback is not None:
            result = self._on_message_callback(message)
            return result if asyncio.iscoroutine(result) else None
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(message)
            return None
        self._unread.append(message)
        self._unread_size += len(message) + OVERHEAD
        if self._unread_size <= MAX_UNREAD:
            return None
        self._room = self.io_loop.asyncio_loop.create_future()
        return self._room

    def on_ping(self, data: bytes) -> None:
        """A ping has come; it is answered for you."""

    def on_pong(self, data: bytes) -> None:
        """A pong has come."""

    def on_ws_connection_close(self, close_code: int | None = None, close_reason: str | None = None) -> None:
        """The connection is closed (see `waterspout.wsconnection.WebSocketOwner`)."""
        self.close_code = close_code
        self.close_reason = close_reason
        self.protocol = None
        self._closed = True
        self._room = None
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)
        self.on_connection_close()
        if self._on_message_callback is not None:
            result = self._on_message_callback(None)
            if asyncio.iscoroutine(result):
                self._last = self.io_loop.asyncio_loop.create_task(result)
                self._last.add_done_callback(self._last_told)

    def _last_told(self, task: asyncio.Task[Any]) -> None:
        self._last = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.log_exception(type(error), error, error.__traceback__)

    def on_connection_close(self) -> None:
        """The connection is closed; for subclasses."""

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what a callback has raised."""
        app_log.error("Uncaught exception %s", value, exc_info=value)
