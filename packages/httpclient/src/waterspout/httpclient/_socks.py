"""SOCKS5: asking a proxy for a connection (RFC 1928, RFC 1929)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from waterspout.httpclient._errors import Phase, ProxyError

if TYPE_CHECKING:
    from waterspout.httpclient._proxy import Proxy
    from waterspout.iostream import IOStream

_VERSION = 5
_NO_AUTHENTICATION, _USERNAME_PASSWORD = 0, 2
_CONNECT = 1
_IPV4, _DOMAIN, _IPV6 = 1, 3, 4
#: RFC 1928, 6: what a reply that is not 0 means.
_REASONS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


async def connect_by_socks(stream: IOStream, proxy: Proxy, host: str, port: int) -> None:
    """Have *proxy*, which *stream* is connected to, connect to *host* (a name, or an address as text) and *port*.

    When it returns, the stream's bytes are the server's. Raises `ProxyError`; a lost connection is the stream's error.
    """
    methods = [_NO_AUTHENTICATION] if proxy.username is None else [_NO_AUTHENTICATION, _USERNAME_PASSWORD]
    stream.send(bytes([_VERSION, len(methods), *methods]))
    version, method = await stream.read_bytes(2)
    if version != _VERSION:
        raise _failed(proxy, f"it does not speak SOCKS5 (its first byte is {version})")
    if method == _USERNAME_PASSWORD and proxy.username is not None:
        await _authenticate(stream, proxy)
    elif method != _NO_AUTHENTICATION:
        raise _failed(proxy, "it wants another kind of authentication")
    stream.send(bytes([_VERSION, _CONNECT, 0]) + _address(proxy, host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await stream.read_bytes(4)
    if version != _VERSION or reply != 0:
        raise _failed(proxy, f"connecting to {host}:{port}: {_REASONS.get(reply, f'reply {reply}')}")
    # The address that it connected from is of no interest, but must be read.
    if kind == _IPV4:
        await stream.read_bytes(4 + 2)
    elif kind == _IPV6:
        await stream.read_bytes(16 + 2)
    elif kind == _DOMAIN:
        await stream.read_bytes((await stream.read_bytes(1))[0] + 2)
    else:
        raise _failed(proxy, f"its reply has an unknown address type, {kind}")


async def _authenticate(stream: IOStream, proxy: Proxy) -> None:
    username, password = (proxy.username or "").encode(), (proxy.password or "").encode()
    if not 1 <= len(username) <= 255 or len(password) > 255:
        raise _failed(proxy, "user name and password are at most 255 bytes long (RFC 1929)")
    stream.send(bytes([1, len(username)]) + username + bytes([len(password)]) + password)
    _, status = await stream.read_bytes(2)
    if status != 0:
        raise _failed(proxy, "it refused the user name and password")


def _address(proxy: Proxy, host: str) -> bytes:
    for kind, family in ((_IPV4, socket.AF_INET), (_IPV6, socket.AF_INET6)):
        try:
            return bytes([kind]) + socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
    name = host.encode("ascii")
    if len(name) > 255:
        raise _failed(proxy, "the host name is longer than 255 bytes")
    return bytes([_DOMAIN, len(name)]) + name


def _failed(proxy: Proxy, why: str) -> ProxyError:
    return ProxyError(f"The proxy {proxy}: {why}", url=str(proxy), phase=Phase.PROXY)
