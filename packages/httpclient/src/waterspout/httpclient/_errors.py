"""What can go wrong with a fetch, and how it is told apart.

    HTTPClientError (= HTTPError)         an answer that is no success; `code` is its status
     +-- FetchError                       no usable answer came: `code` is 599
          +-- HTTPTimeoutError            a time limit passed; `phase` says which one
          +-- HTTPStreamClosedError       the connection ended before the answer did
          |    +-- ConnectionResetByServer    ... by a reset (also a ConnectionResetError)
          |    +-- ProtocolError          the answer breaks HTTP
          |         +-- ResponseTooLargeError   ... or passes a limit
          |         |    +-- HeadTooLargeError    (also an UnsatisfiableReadError)
          |         |    +-- LineTooLongError     (also a ValueError)
          |         +-- ContentDecodingError    ... or its content coding is broken
          +-- ConnectError                no connection came about (also an OSError)
          |    +-- ConnectionRefused      nobody listens there (also a ConnectionRefusedError)
          |    +-- ResolveError           the host name has no address (also a socket.gaierror)
          |    +-- ForbiddenAddressError  the address guard does not allow the host's address
          |    +-- TLSError               the TLS handshake failed (also an ssl.SSLError)
          |    +-- ProxyError             the proxy refused or broke the protocol
          +-- RedirectError               a redirect that cannot be followed
          |    +-- TooManyRedirectsError
          |    +-- BodyNotReplayableError     the body must be sent again and cannot be
          |    +-- InvalidRedirectError    to what is no http or https URL (also an InvalidURLError)
          +-- InvalidURLError             not a URL that can be fetched (also a ValueError)
          +-- InvalidRequestError         a request that cannot be sent as HTTP (also a ValueError)
               +-- UnknownMethodError     (also a KeyError)

Each `FetchError` names the `url` and the `phase` it was in, and carries as `response` what had arrived by then.
"""

from __future__ import annotations

import socket
from enum import Enum
from typing import TYPE_CHECKING

from waterspout.httputil import responses
from waterspout.iostream import UnsatisfiableReadError

if TYPE_CHECKING:
    from waterspout.httpclient._response import HTTPResponse


class Phase(Enum):
    """How far a fetch has come. The values complete the sentence "... while <value>"."""

    __module__ = "waterspout.httpclient"

    PREPARE = "preparing the request"
    QUEUE = "waiting for a free slot"
    CONNECT = "connecting"
    RESOLVE = "resolving the host name"
    PROXY = "asking the proxy for a connection"
    TLS = "negotiating TLS"
    SEND = "sending the request"
    HEAD = "waiting for the response"
    BODY = "receiving the response"
    REDIRECT = "following a redirect"
    PAUSE = "waiting before another try"


class HTTPClientError(Exception):
    """A fetch that did not succeed.

    `code` is the response's status, or 599 where there was no response; `message` the reason in words;
    `response` the `HTTPResponse`, or None. With ``follow_redirects=False`` a redirect is an error of this class,
    and ``error.response.headers["Location"]`` says where to.
    """

    __module__ = "waterspout.httpclient"

    code: int
    message: str | None
    response: HTTPResponse | None

    def __init__(self, code: int, message: str | None = None, response: HTTPResponse | None = None) -> None:
        super().__init__(code, message, response)
        self.code = code
        self.response = response
        self.message = message if message else responses.get(code, "Unknown")

    def __str__(self) -> str:
        return f"HTTP {self.code}: {self.message}"

    # The default one would show the whole response, with its body.
    __repr__ = __str__


HTTPError = HTTPClientError


class FetchError(HTTPClientError):
    """No usable answer came. `url` and `phase` say of what and when; `response` is partial or None."""

    __module__ = "waterspout.httpclient"

    #: What `str` says of an error that was made without a message.
    unnamed = "Fetch failed"

    def __init__(
        self,
        message: str | None,
        *,
        url: str | None = None,
        phase: Phase | None = None,
        response: HTTPResponse | None = None,
    ) -> None:
        super().__init__(599, message, response)
        self.url = url
        self.phase = phase

    def __str__(self) -> str:
        return self.message or self.unnamed


class HTTPTimeoutError(FetchError):
    """A fetch that took longer than one of its limits allows; `phase` tells what it was waiting for."""

    __module__ = "waterspout.simple_httpclient"
    unnamed = "Timeout"


class HTTPStreamClosedError(FetchError):
    """The connection ended before the response did."""

    __module__ = "waterspout.simple_httpclient"
    unnamed = "Stream closed"


class ConnectionResetByServer(HTTPStreamClosedError, ConnectionResetError):
    """The server reset the connection before the response had ended."""

    __module__ = "waterspout.httpclient"


class ProtocolError(HTTPStreamClosedError):
    """The server's answer is not HTTP as RFC 9110 and 9112 have it; the connection was closed."""

    __module__ = "waterspout.httpclient"


class ResponseTooLargeError(ProtocolError):
    """The response's head or body is larger than the client's limits allow."""

    __module__ = "waterspout.httpclient"


class HeadTooLargeError(ResponseTooLargeError, UnsatisfiableReadError):
    """The response's head is larger, or has more fields, than the client's limits allow."""

    __module__ = "waterspout.httpclient"


class LineTooLongError(ResponseTooLargeError, ValueError):
    """A line of a streamed response is longer than who reads its lines allows."""

    __module__ = "waterspout.httpclient"


class ContentDecodingError(ProtocolError):
    """The body is not what its Content-Encoding says, or is coded in too many layers."""

    __module__ = "waterspout.httpclient"


class ConnectError(FetchError, OSError):
    """No connection came about. `errno` is the system's error number where there is one."""

    __module__ = "waterspout.httpclient"
    unnamed = "Could not connect"

    def __init__(
        self,
        message: str | None,
        *,
        errno: int | None = None,
        url: str | None = None,
        phase: Phase | None = None,
        response: HTTPResponse | None = None,
    ) -> None:
        super().__init__(message, url=url, phase=phase, response=response)
        # OSError takes the first of several arguments, here the status code, for the error number.
        self.errno = errno
        self.strerror = message


class ConnectionRefused(ConnectError, ConnectionRefusedError):
    """Nobody listens at the address."""

    __module__ = "waterspout.httpclient"


class ResolveError(ConnectError, socket.gaierror):
    """The host name could not be turned into an address."""

    __module__ = "waterspout.httpclient"


class ForbiddenAddressError(ConnectError):
    """The client's address guard does not allow connections to the host's address."""

    __module__ = "waterspout.httpclient"


class TLSError(ConnectError):
    """The TLS handshake failed, or the server's certificate does not prove that it is the host."""

    __module__ = "waterspout.httpclient"


class ProxyError(ConnectError):
    """The proxy refused to connect, or answered with something that is no answer."""

    __module__ = "waterspout.httpclient"


class RedirectError(FetchError):
    """A redirect that cannot, or must not, be followed; `response` is the redirect itself."""

    __module__ = "waterspout.httpclient"


class TooManyRedirectsError(RedirectError):
    """More redirects in a row than ``max_redirects``."""

    __module__ = "waterspout.httpclient"


class BodyNotReplayableError(RedirectError):
    """The request must be sent again with its body, but the body came from a producer that has been used up."""

    __module__ = "waterspout.httpclient"


class InvalidURLError(FetchError, ValueError):
    """Not a URL that can be fetched: wrong scheme, forbidden characters, no host, bad port."""

    __module__ = "waterspout.httpclient"


class InvalidRedirectError(RedirectError, InvalidURLError):
    """A redirect to what is not an http or https URL."""

    __module__ = "waterspout.httpclient"


class InvalidRequestError(FetchError, ValueError):
    """Method, headers and body do not make a request that HTTP can carry."""

    __module__ = "waterspout.httpclient"


class UnknownMethodError(InvalidRequestError, KeyError):
    """A method that is no HTTP method, or an unusual one without ``allow_nonstandard_methods``."""

    __module__ = "waterspout.httpclient"
