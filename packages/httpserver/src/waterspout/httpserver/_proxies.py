"""Believing what a proxy says of its client - from proxies that were named, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from waterspout.http1connection import HTTPApplication
from waterspout.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest

__all__ = ["ProxiedApplication", "TrustedProxies"]

#: Hops of X-Forwarded-For that are looked at, from the right: more are a mistake or an attack (XH4).
MAX_HOPS = 32


class TrustedProxies:
    """Addresses whose forwarding headers are believed: IP addresses, networks in CIDR notation, or ``*`` for any."""

    __slots__ = ("_any", "_networks")

    def __init__(self, names: Iterable[str]) -> None:
        """Raises `ValueError` for what is neither an address, a network nor ``*``."""
        names = set(names)
        self._any = "*" in names
        self._networks = [ip_network(name, strict=False) for name in sorted(names - {"*"})]

    def __contains__(self, address: object) -> bool:
        if self._any:
            return True
        if not self._networks or not isinstance(address, str):
            return False
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(ip in network for network in self._networks)


class ProxiedApplication:
    """Sets `remote_ip` and `protocol` of each request by its forwarding headers, then passes it on.

    `peers` are believed as the other end of a connection; `hops` are skipped in X-Forwarded-For, from the right.
    With *real_ip* X-Real-Ip is taken too, and wins: Tornado does that, so a client behind a proxy which does not
    remove the field chooses its own address (XH3).
    """

    __slots__ = ("_application", "_hops", "_peers", "_real_ip")

    def __init__(
        self, application: HTTPApplication, peers: TrustedProxies, hops: TrustedProxies, *, real_ip: bool
    ) -> None:
        self._application = application
        self._peers = peers
        self._hops = hops
        self._real_ip = real_ip

    def open_request(self, request: HTTPServerRequest) -> HTTPMessageDelegate | None:
        self._believe(request)
        return self._application.open_request(request)

    def serve_request(self, request: HTTPServerRequest) -> None:
        self._believe(request)
        self._application.serve_request(request)

    def on_close(self, server_connection: object) -> None:
        on_close = getattr(self._application, "on_close", None)
        if on_close is not None:
            on_close(server_connection)

    def _believe(self, request: HTTPServerRequest) -> None:
        if request.remote_ip not in self._peers:
            return
        headers = request.headers
        address = self._client_address(headers)
        if address is not None:
            request.remote_ip = address
        scheme = _forwarded_scheme(headers, prefer_x_scheme=self._real_ip)
        if scheme is not None:
            request.protocol = scheme

    def _client_address(self, headers: HTTPHeaders) -> str | None:
        if self._real_ip:
            address = headers.get("X-Real-Ip")
            if address is not None and _is_ip(address):
                return address
        found: str | None = None
        hops = ",".join(headers.get_list("X-Forwarded-For")).rsplit(",", MAX_HOPS)
        for hop in reversed(hops[-MAX_HOPS:]):
            address = without_port(hop.strip())
            if not _is_ip(address):
                break
            found = address
            if address not in self._hops:
                break
        return found


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def without_port(hop: str) -> str:
    """``[2001:db8::1]:443``, ``1.2.3.4:5``, ``2001:db8::1``: the address alone (XH5)."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    host, colon, port = hop.rpartition(":")
    return host if colon and ":" not in host and port.isdigit() else hop


def _forwarded_scheme(headers: HTTPHeaders, *, prefer_x_scheme: bool) -> str | None:
    value = headers.get("X-Scheme") if prefer_x_scheme else None
    if value is None:
        value = headers.get("X-Forwarded-Proto")
    if value is None:
        return None
    scheme = value.rpartition(",")[2].strip().lower()
    return scheme if scheme in ("http", "https") else None
