"""HTTP clients: `AsyncHTTPClient` for coroutines, `HTTPClient` for everything else."""

from typing import TYPE_CHECKING

from waterspout.util import exports

if TYPE_CHECKING:
    from waterspout.httpclient._auth import Auth, BasicAuth, BearerAuth, DigestAuth
    from waterspout.httpclient._base import AsyncHTTPClient
    from waterspout.httpclient._client import SimpleAsyncHTTPClient
    from waterspout.httpclient._command import main
    from waterspout.httpclient._cookies import Cookie, CookieJar
    from waterspout.httpclient._dns import is_public_address
    from waterspout.httpclient._errors import (
        BodyNotReplayableError,
        ConnectError,
        ConnectionRefused,
        ConnectionResetByServer,
        ContentDecodingError,
        FetchError,
        ForbiddenAddressError,
        HeadTooLargeError,
        HTTPClientError,
        HTTPError,
        HTTPStreamClosedError,
        HTTPTimeoutError,
        InvalidRedirectError,
        InvalidRequestError,
        InvalidURLError,
        LineTooLongError,
        Phase,
        ProtocolError,
        ProxyError,
        RedirectError,
        ResolveError,
        ResponseTooLargeError,
        TLSError,
        TooManyRedirectsError,
        UnknownMethodError,
    )
    from waterspout.httpclient._observer import ClientObserver, ObservedFetch
    from waterspout.httpclient._request import HTTPRequest
    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._retry import Retries
    from waterspout.httpclient._sse import ServerSentEvent
    from waterspout.httpclient._statistics import PoolStatistics
    from waterspout.httpclient._streaming import StreamedResponse
    from waterspout.httpclient._sync import HTTPClient

__all__ = [
    "AsyncHTTPClient",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "BodyNotReplayableError",
    "ClientObserver",
    "ConnectError",
    "ConnectionRefused",
    "ConnectionResetByServer",
    "ContentDecodingError",
    "Cookie",
    "CookieJar",
    "DigestAuth",
    "FetchError",
    "ForbiddenAddressError",
    "HTTPClient",
    "HTTPClientError",
    "HTTPError",
    "HTTPRequest",
    "HTTPResponse",
    "HTTPStreamClosedError",
    "HTTPTimeoutError",
    "HeadTooLargeError",
    "InvalidRedirectError",
    "InvalidRequestError",
    "InvalidURLError",
    "LineTooLongError",
    "ObservedFetch",
    "Phase",
    "PoolStatistics",
    "ProtocolError",
    "ProxyError",
    "RedirectError",
    "ResolveError",
    "ResponseTooLargeError",
    "Retries",
    "ServerSentEvent",
    "SimpleAsyncHTTPClient",
    "StreamedResponse",
    "TLSError",
    "TooManyRedirectsError",
    "UnknownMethodError",
    "is_public_address",
    "main",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _auth="Auth BasicAuth BearerAuth DigestAuth",
        _base="AsyncHTTPClient",
        _client="SimpleAsyncHTTPClient",
        _command="main",
        _cookies="Cookie CookieJar",
        _dns="is_public_address",
        _errors=(
            "BodyNotReplayableError ConnectError ConnectionRefused ConnectionResetByServer "
            "ContentDecodingError FetchError ForbiddenAddressError HTTPClientError HTTPError "
            "HTTPStreamClosedError HTTPTimeoutError HeadTooLargeError InvalidRedirectError "
            "InvalidRequestError InvalidURLError LineTooLongError Phase ProtocolError ProxyError RedirectError "
            "ResolveError ResponseTooLargeError TLSError TooManyRedirectsError UnknownMethodError"
        ),
        _observer="ClientObserver ObservedFetch",
        _request="HTTPRequest",
        _response="HTTPResponse",
        _retry="Retries",
        _sse="ServerSentEvent",
        _statistics="PoolStatistics",
        _streaming="StreamedResponse",
        _sync="HTTPClient",
    )
