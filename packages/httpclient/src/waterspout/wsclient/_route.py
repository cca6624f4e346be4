"""From a request to a stream to its server: directly or through a proxy, with TLS for ``wss:``."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from waterspout.httpclient import ProxyError
from waterspout.httpclient._connect import source_address
from waterspout.httpclient._connect_errors import connect_error
from waterspout.httpclient._errors import FetchError
from waterspout.httpclient._proxy import Proxy, proxy_for
from waterspout.httpclient._settings import Settings
from waterspout.httpclient._url import URL
from waterspout.iostream import IOStream
from waterspout.tcpclient import TCPClient

if TYPE_CHECKING:
    import ssl

    from waterspout.netutil import Resolver

__all__ = ["open_stream"]


async def open_stream(url: URL, settings: Settings, resolver: Resolver | None) -> IOStream:
    """A stream to the server of *url*, ready for the opening handshake.

    Raises `waterspout.httpclient.ConnectError` and its kin, which say what failed.
    """
    client = TCPClient(resolver=resolver)
    try:
        return await _open(client, url, settings)
    except FetchError:
        raise
    except Exception as error:
        raise connect_error(error, f"{url.scheme}://{url.authority}") from error
    finally:
        client.close()


async def _open(client: TCPClient, url: URL, settings: Settings) -> IOStream:
    context = _context(settings) if url.scheme == "https" else None
    proxy = proxy_for(settings, url, None)
    if proxy is not None:
        stream = await _through_proxy(client, proxy, url, settings)
        if context is None:
            return stream
        return await stream.start_tls(False, context, server_hostname=url.host)
    host = url.host if settings.unix_socket is None else f"unix:{settings.unix_socket}"
    return await client.connect(
        host,
        url.port,
        af=_family(settings),
        ssl_options=context,
        source_ip=source_address(settings.network_interface),
        server_hostname=url.host,
    )


def _family(settings: Settings) -> socket.AddressFamily:
    return socket.AF_INET if settings.allow_ipv6 is False else socket.AF_UNSPEC


def _context(settings: Settings) -> ssl.SSLContext:
    import ssl  # only loaded for wss:

    from waterspout.httpclient._tls import make_context

    given = settings.ssl_options
    return given if isinstance(given, ssl.SSLContext) else make_context(settings)


async def _through_proxy(client: TCPClient, proxy: Proxy, url: URL, settings: Settings) -> IOStream:
    """A tunnel to the server of *url*; one for ``ws:`` as well, because proxies do not forward upgrades."""
    from waterspout.httpclient._tunnel import connect_by_tunnel, proxy_auth  # proxies are rare

    auth = None if proxy.is_socks else proxy_auth(proxy)
    for _ in range(2):
        stream = await client.connect(
            proxy.host,
            proxy.port,
            af=_family(settings),
            ssl_options=_context(settings) if proxy.scheme == "https" else None,
        )
        try:
            if proxy.is_socks:
                from waterspout.httpclient._socks import connect_by_socks

                await connect_by_socks(stream, proxy, url.host, url.port)
                return stream
            if await connect_by_tunnel(stream, proxy, auth, url):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()
    raise ProxyError(f"The proxy {proxy} refuses the credentials", url=str(proxy))
