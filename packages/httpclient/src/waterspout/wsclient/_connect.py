"""websocket_connect: the one call that opens a WebSocket."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import Any

from waterspout.httpclient import HTTPRequest
from waterspout.httputil import HTTPHeaders
from waterspout.ioloop import IOLoop
from waterspout.netutil import Resolver
from waterspout.ws import DeflateOptions
from waterspout.wsclient._client import MAX_MESSAGE_SIZE, MessageCallback, WebSocketClientConnection

__all__ = ["websocket_connect"]


def websocket_connect(
    url: str | HTTPRequest,
    callback: Callable[[Future[WebSocketClientConnection]], Any] | None = None,
    connect_timeout: float | None = None,
    on_message_callback: MessageCallback | None = None,
    compression_options: dict[str, Any] | DeflateOptions | None = None,
    ping_interval: float | None = None,
    ping_timeout: float | None = None,
    max_message_size: int = MAX_MESSAGE_SIZE,
    subprotocols: list[str] | None = None,
    resolver: Resolver | None = None,
) -> Future[WebSocketClientConnection]:
    """Open a WebSocket to *url* (``ws:`` or ``wss:``) and return a Future of the connection.

    * An `HTTPRequest` in place of the URL brings headers, credentials, TLS options, a proxy, a UNIX socket.
    * *connect_timeout*: seconds for all of the opening, 20 by default, 0 for no limit.
    * *on_message_callback(message)* is called with each message, and with None at the end; if it is a coroutine
      function, the next message waits until it is done. Without it, messages are read with ``read_message`` or
      ``async for``.
    * *compression_options*: ``{}`` offers permessage-deflate; the names are those of
      `WebSocketHandler.get_compression_options`.
    * *ping_interval*, *ping_timeout*: seconds between pings, and for the answer to one; None sends none.
    * *subprotocols*: those to offer, the best first.
    * *callback* is called with the Future when it is done.

    The Future fails with `waterspout.httpclient.HTTPClientError`: its ``response`` is the answer of a server that
    refuses; its subclasses tell of connections that fail. It fails with `WebSocketError` for an answer that is wrong, a
    successful one that opens no WebSocket (2xx) among them.
    Cancelling it gives up connecting.
    """
    if isinstance(url, HTTPRequest):
        if connect_timeout is not None:
            raise ValueError("connect_timeout is an attribute of the HTTPRequest that is given")
        request = url
        request.headers = HTTPHeaders(request.headers)  # the caller's own stays as it is
    else:
        request = HTTPRequest(url, connect_timeout=connect_timeout)
    pings = {"ping_interval": ping_interval, "ping_timeout": ping_timeout}
    connection = WebSocketClientConnection(
        request,
        on_message_callback,
        compression_options,
        max_message_size=max_message_size,
        resolver=resolver,
        subprotocols=subprotocols,
        **pings,
    )
    future = connection.connect_future
    future.add_done_callback(lambda done: connection.close() if done.cancelled() else None)
    if callback is not None:
        IOLoop.current().add_future(future, callback)
    return future


websocket_connect.__module__ = "waterspout.websocket"
