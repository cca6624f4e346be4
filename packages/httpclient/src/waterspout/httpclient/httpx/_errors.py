"""Our errors as httpx's: one place, the cause kept."""

from __future__ import annotations

from typing import Any

import httpx

from waterspout.httpclient import (
    ConnectError,
    FetchError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    InvalidRequestError,
    InvalidURLError,
    Phase,
    ProtocolError,
    ProxyError,
)

_TIMEOUTS: dict[Phase | None, type[httpx.TimeoutException]] = {
    Phase.QUEUE: httpx.PoolTimeout,
    Phase.RESOLVE: httpx.ConnectTimeout,
    Phase.CONNECT: httpx.ConnectTimeout,
    Phase.PROXY: httpx.ConnectTimeout,
    Phase.TLS: httpx.ConnectTimeout,
    Phase.SEND: httpx.WriteTimeout,
}
_KINDS: tuple[tuple[type[FetchError], type[httpx.TransportError]], ...] = (
    (ProxyError, httpx.ProxyError),
    (ConnectError, httpx.ConnectError),
    (ProtocolError, httpx.RemoteProtocolError),
    (HTTPStreamClosedError, httpx.RemoteProtocolError),
    (InvalidURLError, httpx.UnsupportedProtocol),
    (InvalidRequestError, httpx.LocalProtocolError),
)


def translated(error: FetchError, request: Any) -> httpx.TransportError:
    """The httpx error for *error*, to be raised from it."""
    if isinstance(error, HTTPTimeoutError):
        return _TIMEOUTS.get(error.phase, httpx.ReadTimeout)(str(error), request=request)
    for ours, theirs in _KINDS:
        if isinstance(error, ours):
            return theirs(str(error), request=request)
    return httpx.TransportError(str(error), request=request)
