"""What went wrong while connecting, as the client's own errors."""

from __future__ import annotations

import socket

from waterspout.httpclient._errors import (
    ConnectError,
    ConnectionRefused,
    FetchError,
    HTTPTimeoutError,
    InvalidRequestError,
    Phase,
    ResolveError,
)
from waterspout.iostream import StreamClosedError


def connect_error(error: Exception, where: str) -> FetchError:
    """The typed error for what connecting to *where* raised."""
    cause: BaseException = error
    if isinstance(error, StreamClosedError) and error.real_error is not None:
        cause = error.real_error
    if type(cause).__module__ == "ssl":
        from waterspout.httpclient._tls import tls_error  # loaded already: an ssl error has been raised

        found = tls_error(cause, f"TLS with {where} failed: {cause}", url=where, phase=Phase.TLS)
        if found is not None:
            return found
    if isinstance(cause, socket.gaierror):
        message = f"Cannot resolve the host name of {where}: {cause.strerror}"
        return ResolveError(message, errno=cause.errno, url=where, phase=Phase.RESOLVE)
    if isinstance(cause, TimeoutError) and cause.errno is None:
        return HTTPTimeoutError(str(cause), url=where, phase=_phase_of_timeout(str(cause)))
    if isinstance(cause, OSError):
        kind = ConnectionRefused if isinstance(cause, ConnectionRefusedError) else ConnectError
        return kind(f"Cannot connect to {where}: {cause}", errno=cause.errno, url=where, phase=Phase.CONNECT)
    if isinstance(cause, ValueError):
        return InvalidRequestError(f"Cannot connect to {where}: {cause}", url=where, phase=Phase.CONNECT)
    return ConnectError(f"Cannot connect to {where}: {cause!r}", url=where, phase=Phase.CONNECT)


def _phase_of_timeout(message: str) -> Phase:
    """What `TCPClient.connect` was doing when its time was up, which only its message says."""
    for word, phase in ((" resolving ", Phase.RESOLVE), (" TLS ", Phase.TLS)):
        if word in message:
            return phase
    return Phase.CONNECT
