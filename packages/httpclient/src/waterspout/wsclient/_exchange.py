"""A WebSocket's opening handshake as the HTTP exchange that it is, under the names that Tornado's class has for it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Awaitable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit

from waterspout.httpclient import HTTPRequest, HTTPResponse
from waterspout.httpclient._shown import without_userinfo
from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from waterspout.ioloop import IOLoop
from waterspout.netutil import Resolver
from waterspout.tcpclient import TCPClient
from waterspout.ws import DeflateOptions

__all__ = ["ConnectionParameters", "OpeningExchange"]


@dataclass(slots=True)
class ConnectionParameters:
    """How a WebSocket behaves once it is open: the arguments of `websocket_connect`, with their meaning."""

    ping_interval: float | None
    ping_timeout: float | None
    max_message_size: int
    compression_options: dict[str, Any] | DeflateOptions | None


class OpeningExchange(HTTPMessageDelegate):
    """What a `WebSocketClientConnection` knows of the request that opens it, and of the answer.

    It is the delegate of that answer: `headers_received` is called with its head; if it refuses the WebSocket,
    `data_received` and `finish` follow. Subclasses may override them, plainly or with coroutine functions; what they
    raise gives up connecting and is what `connect_future` fails with. What belongs to Tornado's HTTP client alone
    raises AttributeError and says what to use.
    """

    #: The request; its URL may be ``http:`` or ``ws:``, ``https:`` or ``wss:``.
    request: HTTPRequest
    io_loop: IOLoop
    #: When connecting began: by the loop's clock, and in seconds since the epoch.
    start_time: float
    start_wall_time: float
    #: What resolves and connects, until that is done; then None. A subclass's ``__init__`` may put in another.
    tcp_client: TCPClient | None
    #: What was asked for; of no effect once the WebSocket is open.
    params: ConnectionParameters
    #: Sec-WebSocket-Key, as it is sent (RFC 6455, 4.1); None before.
    key: str | None = None
    #: The answer's status and fields; None and empty before.
    code: int | None = None
    reason: str | None = None
    headers: HTTPHeaders

    #: The `AsyncHTTPClient` that it belongs to: to none.
    client: None = None
    #: Bytes of the answer's head, beyond which it is an error, and of a refusal's page, beyond which it is cut.
    max_header_size: int = 32 * 1024
    max_body_size: int = 64 * 1024
    #: Bytes that the stream holds for a reader (see `waterspout.iostream.IOStream`); frames never wait there.
    max_buffer_size: int = 1024 * 1024

    _chunks: list[bytes] | None = None
    #: Whether nothing is open, and nothing will be.
    _closed = True

    def __init__(self, request: HTTPRequest, params: ConnectionParameters, resolver: Resolver | None) -> None:
        self.request = request
        self.params = params
        self.headers = HTTPHeaders()
        self.io_loop = IOLoop.current()
        self.start_time = self.io_loop.time()
        self.start_wall_time = time.time()
        self.tcp_client = TCPClient(resolver=resolver)

    def __del__(self) -> None:
        """Warn of a WebSocket that was never closed: while its loop lives, the loop keeps it open for nobody."""
        if not self._closed:
            message = f"unclosed WebSocket to {without_userinfo(self.request.url)}: call close()"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)

    # The answer.

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """The answer's head is there: 101 if the server agrees. Sets `code`, `reason` and `headers`."""
        assert isinstance(start_line, ResponseStartLine)
        self.code = start_line.code
        self.reason = start_line.reason
        self.headers = headers
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of a refusal's page: kept for the error's response."""
        if self._chunks is None:
            self._chunks = []
        self._chunks.append(chunk)
        return None

    def finish(self) -> None:
        """A refusal has come to its end; `connect_future` fails with it next."""

    @property
    def chunks(self) -> list[bytes]:
        """The pieces of a refusal's page; none for a WebSocket that is open."""
        return [] if self._chunks is None else self._chunks

    def _refusal(self, url: str) -> HTTPResponse:
        """The answer as a response, of a server that refuses."""
        assert self.code is not None
        return HTTPResponse(
            self.request,
            self.code,
            self.headers,
            BytesIO(b"".join(self.chunks)),
            url,
            request_time=self.io_loop.time() - self.start_time,
            reason=self.reason,
            start_time=self.start_wall_time,
        )

    # The request.

    @property
    def parsed(self) -> SplitResult:
        """The request's URL, split."""
        return urlsplit(self.request.url)

    @property
    def parsed_hostname(self) -> str | None:
        """The host of the URL, in lower case and without the brackets of an IPv6 address."""
        return self.parsed.hostname

    # What has no counterpart.

    @property
    def connection(self) -> NoReturn:
        """AttributeError: the handshake needs no `HTTP1Connection`. Frames travel on `stream`, by `protocol`."""
        raise AttributeError("a WebSocket has no HTTP/1 connection: use its stream, or its protocol")

    @property
    def final_callback(self) -> NoReturn:
        """AttributeError: the outcome is that of `connect_future`."""
        raise AttributeError("a WebSocket has no final_callback: its connect_future has the outcome of the handshake")

    @property
    def release_callback(self) -> NoReturn:
        """AttributeError: no client waits for the connection to be free again."""
        raise AttributeError("a WebSocket has no release_callback: it takes no place in a client's pool")
