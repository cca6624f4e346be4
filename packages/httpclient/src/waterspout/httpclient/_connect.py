"""Making connections: from a route to a stream that is ready for its first request."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from waterspout.httpclient._connect_errors import connect_error
from waterspout.httpclient._errors import FetchError, HTTPTimeoutError, InvalidRequestError, Phase, ProxyError
from waterspout.iostream import IOStream

if TYPE_CHECKING:
    import ssl

    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._proxy import Proxy
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._timing import Timing
    from waterspout.httpclient._tls import ContextCache
    from waterspout.httpclient._url import URL
    from waterspout.tcpclient import TCPClient


class Destination(Protocol):
    """Where a connection goes, and through what: a `Route`, or a WebSocket's."""

    @property
    def url(self) -> URL:
        """Some URL of the server; only its origin counts."""

    @property
    def settings(self) -> Settings:
        """The options of the connection."""

    @property
    def proxy(self) -> Proxy | None:
        """What it goes through."""

    @property
    def proxy_auth(self) -> Auth | None:
        """Who we are to the proxy."""

    @property
    def forwards(self) -> bool:
        """Whether the proxy gets the requests themselves, and not a tunnel to the server."""


class Connector:
    """Connects to routes: resolves, connects, asks proxies, negotiates TLS."""

    __slots__ = ("_contexts", "_http2", "_max_buffer_size", "_system_trust", "tcp_client")

    tcp_client: TCPClient

    def __init__(self, tcp_client: TCPClient, max_buffer_size: int, http2: bool, system_trust: bool) -> None:
        self.tcp_client = tcp_client
        self._max_buffer_size = max_buffer_size
        self._http2 = http2
        self._system_trust = system_trust
        self._contexts: ContextCache | None = None

    def context_for(self, settings: Settings) -> ssl.SSLContext:
        """The SSLContext for *settings*."""
        if self._contexts is None:
            from waterspout.httpclient._tls import ContextCache  # ssl is only loaded for the first https URL

            self._contexts = ContextCache(["h2", "http/1.1"] if self._http2 else ["http/1.1"], self._system_trust)
        return self._contexts.get(settings)

    async def open(self, route: Destination, timing: Timing | None, time_left: Callable[[], float | None]) -> IOStream:
        """A stream to the route's server, within the seconds that *time_left* tells (None: any time).

        Raises `ConnectError` and its kin, `HTTPTimeoutError`, `InvalidRequestError`.
        """
        url = route.url
        proxy = route.proxy
        if url.scheme == "https":
            # Loading the CA certificates takes a while, which is not the server's fault: look at the clock afterwards.
            self.context_for(route.settings)
        timeout = time_left()
        try:
            async with asyncio.timeout(None if proxy is None else timeout):
                if proxy is not None:
                    stream = await self._through_proxy(route, proxy)
                else:
                    stream = await self._directly(route, timeout)
        except FetchError:
            raise
        except TimeoutError as error:
            if proxy is not None and error.errno is None:
                raise HTTPTimeoutError(
                    f"Timeout while connecting to {url.authority} through the proxy {proxy}", phase=Phase.PROXY
                ) from error
            raise connect_error(error, _name(route)) from error
        except Exception as error:
            raise connect_error(error, _name(route)) from error
        stream.set_nodelay(True)
        if timing is not None:
            timing.connected = time.monotonic()
            if url.scheme == "https":
                timing.secured = timing.connected
        return stream

    async def _directly(self, route: Destination, timeout: float | None) -> IOStream:
        """Connect to the route's server itself, or to its UNIX socket."""
        url, settings = route.url, route.settings
        host = url.host if settings.unix_socket is None else f"unix:{settings.unix_socket}"
        return await self.tcp_client.connect(
            host,
            url.port,
            af=socket.AF_INET if settings.allow_ipv6 is False else socket.AF_UNSPEC,
            ssl_options=self.context_for(settings) if url.scheme == "https" else None,
            max_buffer_size=self._max_buffer_size,
            source_ip=source_address(settings.network_interface),
            timeout=timeout,
            server_hostname=url.server_name,
        )

    async def _through_proxy(self, route: Destination, proxy: Proxy) -> IOStream:
        """Connect to *proxy*; for a tunnel, have it connect to the route's server."""
        stream = await self._to_proxy(route, proxy)
        if route.forwards:
            return stream
        url, settings = route.url, route.settings
        try:
            if proxy.is_socks:
                host = url.host
                if proxy.scheme == "socks5":  # "socks5h" leaves the name to the proxy
                    host = (await self.tcp_client.resolver.resolve(url.host, url.port))[0][1][0]
                from waterspout.httpclient._socks import connect_by_socks

                await connect_by_socks(stream, proxy, host, url.port)
            elif not await _connect_by_tunnel(stream, proxy, route):
                stream.close()
                stream = await self._to_proxy(route, proxy)
                if not await _connect_by_tunnel(stream, proxy, route):
                    raise ProxyError(f"The proxy {proxy} does not accept the user name and password", phase=Phase.PROXY)
            if url.scheme == "http":
                return stream
            inner = stream if proxy.scheme != "https" else self._inside(stream)
            try:
                handshake = inner.start_tls(False, self.context_for(settings), server_hostname=url.server_name)
            except ValueError as error:  # bytes are there that no server can have sent yet (TL11)
                raise ProxyError(f"The proxy {proxy} added to the tunnel: {error}", phase=Phase.PROXY) from error
            return await handshake
        except BaseException:
            stream.close()
            raise

    async def _to_proxy(self, route: Destination, proxy: Proxy) -> IOStream:
        try:
            return await self.tcp_client.connect(
                proxy.host,
                proxy.port,
                ssl_options=self.context_for(route.settings) if proxy.scheme == "https" else None,
                max_buffer_size=self._max_buffer_size,
                source_ip=source_address(route.settings.network_interface),
            )
        except (FetchError, TimeoutError):
            raise
        except OSError as error:
            found = connect_error(error, f"the proxy {proxy}")
            raise ProxyError(
                str(found), errno=getattr(found, "errno", None), url=str(proxy), phase=Phase.PROXY
            ) from error

    def _inside(self, outer: IOStream) -> IOStream:
        """A stream whose bytes travel inside *outer*: a TLS stream cannot begin TLS once more."""
        from waterspout.httpclient._relay import join

        ours, inner = socket.socketpair()
        join(outer, IOStream(ours))
        return IOStream(inner, max_buffer_size=self._max_buffer_size)


async def _connect_by_tunnel(stream: IOStream, proxy: Proxy, route: Destination) -> bool:
    from waterspout.httpclient._tunnel import connect_by_tunnel  # few programs have a proxy

    return await connect_by_tunnel(stream, proxy, route.proxy_auth, route.url)


def _name(route: Destination) -> str:
    return f"{route.url.scheme}://{route.url.authority}"


def source_address(interface: str | None) -> str | None:
    """The address to connect from: *interface* itself if it is one, else the IPv4 address of the interface named so.

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
            f"Unrecognized IPv4 or IPv6 address for network_interface, got {interface!r},"
            f" which is no interface with an address either ({error})"
        ) from error


def _address_of_interface(name: str) -> str:
    import fcntl  # not on Windows, and needed by hardly anybody

    request: Any = name.encode()[:15].ljust(256, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
    return socket.inet_ntoa(answer[20:24])


#: linux/sockios.h: get the address of an interface.
_SIOCGIFADDR = 0x8915
