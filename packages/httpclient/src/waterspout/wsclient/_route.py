"""From a request to a stream to its server: directly or through a proxy, with TLS for ``wss:``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.httpclient._connect import Connector
from waterspout.httpclient._proxy import Proxy, proxy_for
from waterspout.httpclient._settings import Settings
from waterspout.httpclient._url import URL
from waterspout.iostream import IOStream

if TYPE_CHECKING:
    from waterspout.httpclient._auth import Auth
    from waterspout.tcpclient import TCPClient

__all__ = ["open_stream"]


class Way:
    """The way of one WebSocket (see `waterspout.httpclient._connect.Destination`)."""

    __slots__ = ("proxy", "proxy_auth", "settings", "url")

    #: A tunnel for ``ws:`` as well, because proxies do not forward upgrades.
    forwards = False

    def __init__(self, url: URL, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.proxy: Proxy | None = proxy_for(settings, url, None)
        self.proxy_auth: Auth | None = None
        if self.proxy is not None and not self.proxy.is_socks:
            from waterspout.httpclient._tunnel import proxy_auth  # few have a proxy

            self.proxy_auth = proxy_auth(self.proxy)


async def open_stream(url: URL, settings: Settings, tcp_client: TCPClient, max_buffer_size: int) -> IOStream:
    """A stream to the server of *url*, ready for the opening handshake, by *tcp_client*, which is closed then.

    Raises `waterspout.httpclient.ConnectError` and its kin, which say what failed.
    """
    connector = Connector(tcp_client, max_buffer_size, http2=False, system_trust=False)
    try:
        return await connector.open(Way(url, settings), None, lambda: None)
    finally:
        tcp_client.close()
