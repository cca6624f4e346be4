"""Making connections: from a route to a stream that is ready for its first request."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._errors import (
    ConnectError,
    ConnectionRefused,
    FetchError,
    HTTPTimeoutError,
    InvalidRequestError,
    Phase,
    ResolveError,
)
from waterspout.iostream import IOStream, StreamClosedError
from waterspout.tcpclient import TCPClient

if TYPE_CHECKING:
    import ssl

    from waterspout.httpclient._pool import Route
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._timing import Timing
    from waterspout.httpclient._tls import ContextCache
    from waterspout.netutil import Resolver


class Connector:
    """Connects to routes: resolves, connects, asks proxies, negotiates TLS."""

    __slots__ = ("_contexts", "_max_buffer_size", "tcp_client")

    def __init__(self, resolver: Resolver, max_buffer_size: int) -> None:
        self.tcp_client = TCPClient(resolver=resolver)
        self._max_buffer_size = max_buffer_size
        self._contexts: ContextCache | None = None

    def context_for(self, settings: Settings) -> ssl.SSLContext:
        """The SSLContext for *settings*."""
        if self._contexts is None:
            from waterspout.httpclient._tls import ContextCache  # ssl is only loaded for the first https URL

            self._contexts = ContextCache()
        return self._contexts.get(settings)

    async def open(self, route: Route, timing: Timing | None, timeout: float | None) -> IOStream:
        """A stream to the route's server, within *timeout* seconds (None: any time).

        Raises `ConnectError` and its kin, `HTTPTimeoutError`, `InvalidRequestError`.
        """
        url = route.url
        settings = route.settings
        is_tls = url.scheme == "https"
        context = self.context_for(settings) if is_tls else None
        try:
            if settings.unix_socket is not None:
                stream = await self._connect_unix(settings.unix_socket)
                if context is not None:
                    stream = await stream.start_tls(False, context, server_hostname=url.host)
            else:
                stream = await self.tcp_client.connect(
                    url.host,
                    url.port,
                    af=socket.AF_INET if settings.allow_ipv6 is False else socket.AF_UNSPEC,
                    ssl_options=context,
                    max_buffer_size=self._max_buffer_size,
                    source_ip=source_address(settings.network_interface),
                    timeout=timeout,
                )
        except FetchError:
            raise
        except Exception as error:
            raise connect_error(error, f"{url.scheme}://{url.authority}") from error
        stream.set_nodelay(True)
        if timing is not None:
            now = time.monotonic()
            if is_tls:
                timing.secured = now
            timing.connected = now
        return stream

    async def _connect_unix(self, path: str) -> IOStream:
        stream = IOStream(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), max_buffer_size=self._max_buffer_size)
        try:
            return await stream.connect(path)
        except BaseException:
            stream.close()
            raise


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


def source_address(interface: str | None) -> str | None:
    """The address to connect from: *interface* itself if it is one, else the IPv4 address of the interface of that name.

    Raises `InvalidRequestError` for what is neither.
    """
    if interface is None:
        return None
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, interface)
        except (OSError, ValueError):
            continue
        return interface
    try:
        return _address_of_interface(interface)
    except (OSError, ImportError, ValueError) as error:
        raise InvalidRequestError(
            f"Unrecognized IPv4 or IPv6 address for network_interface, got {interface!r}; nor is it an interface with one ({error})"
        ) from error


def _address_of_interface(name: str) -> str:
    import fcntl  # not on Windows, and needed by hardly anybody

    request: Any = name.encode()[:15].ljust(256, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
    return socket.inet_ntoa(answer[20:24])


#: linux/sockios.h: get the address of an interface.
_SIOCGIFADDR = 0x8915
