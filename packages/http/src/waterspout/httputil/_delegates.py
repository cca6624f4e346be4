"""The interfaces between a connection and what answers or consumes its messages.

A server calls `HTTPServerConnectionDelegate.start_request` for each request, gets an `HTTPMessageDelegate` and hands
it the message part by part; the delegate answers on the `HTTPConnection` it was given. A client has one
`HTTPMessageDelegate` for the response. The codecs know none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the interfaces name these types and use none of them
    from asyncio import Future
    from collections.abc import Awaitable

    from waterspout.httputil._headers import HTTPHeaders
    from waterspout.httputil._startlines import RequestStartLine, ResponseStartLine

__all__ = ["HTTPConnection", "HTTPMessageDelegate", "HTTPServerConnectionDelegate"]


class HTTPServerConnectionDelegate:
    """What a server asks for someone to receive each request."""

    __module__ = "waterspout.httputil"

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A request has begun: return who receives it.

        *server_conn* stands for the connection and is the same object for all its requests; *request_conn* is
        what this one request is answered on. Called before anything of the request is known.
        """
        raise NotImplementedError

    def on_close(self, server_conn: object) -> None:
        """The connection of *server_conn* is closed; nothing more comes from it. Called once."""


class HTTPMessageDelegate:
    """Receives one message: `headers_received`, any number of `data_received`, then one of the two ends.

    The methods that may return an awaitable are waited for before the next one is called; while they wait, no
    more is read from the peer.
    """

    __module__ = "waterspout.httputil"

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """The head is complete. Called once, first; a client gets informational responses (1xx) here too."""

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """The next piece of the body, with transfer coding removed. Never empty."""

    def finish(self) -> None:
        """The message is complete. Called last, once."""

    def on_connection_close(self) -> None:
        """The connection went away before the message was complete; called in place of `finish`."""


class HTTPConnection:
    """What a message is written to: the head, any number of pieces, the end."""

    __module__ = "waterspout.httputil"
    __slots__ = ()

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        """Write the head, with the first piece of the body if *chunk* is given.

        The Future is done when it has been handed to the kernel. `write` or `finish` comes next.
        """
        raise NotImplementedError

    def write(self, chunk: bytes) -> Future[None]:
        """Write the next piece of the body. The Future is done when it has been handed to the kernel."""
        raise NotImplementedError

    def finish(self) -> None:
        """The message is complete; nothing may be written after this."""
        raise NotImplementedError
