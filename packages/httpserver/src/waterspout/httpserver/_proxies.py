"""Believing what a proxy says of its client - from proxies that were named, and nobody else."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from waterspout.http1connection import HTTPApplication
from waterspout.httpserver._forwarded import forwarded_elements, is_ip, is_port, node_address
from waterspout.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate, HTTPServerRequest, parse_host

__all__ = ["ForwardingFields", "ProxiedApplication", "TornadoApplication", "TrustedProxies"]

#: Hops of X-Forwarded-For that are looked at, from the right: more are a mistake or an attack (XH4).
MAX_HOPS = 32


class TrustedProxies:
    """Addresses whose forwarding headers are believed: IP addresses, networks in CIDR notation, ``unix:`` for peers on
    UNIX sockets, or ``*`` for any."""

    __slots__ = ("_any", "_networks", "_unix")

    def __init__(self, names: Iterable[str]) -> None:
        """Raises `ValueError` for what is none of these."""
        names = set(names)
        self._any = "*" in names
        self._unix = "unix:" in names
        self._networks = [ip_network(name, strict=False) for name in sorted(names - {"*", "unix:"})]

    def __contains__(self, address: object) -> bool:
        if self._any:
            return True
        if not self._networks or not isinstance(address, str):
            return False
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(ip, "ipv4_mapped", None)  # how a socket for both families shows an IPv4 peer
        return any((mapped or ip) in network or ip in network for network in self._networks)

    def trusts_socket(self, family: int, address: Any) -> bool:
        """Whether the peer of a socket of *family* at *address*, as ``socket.accept`` gave it, is one of these."""
        if family == getattr(socket, "AF_UNIX", None):
            return self._any or self._unix
        return isinstance(address, tuple) and address[0] in self


class ForwardingFields:
    """Which fields of a trusted proxy are believed: those that it sets on every request, and no others.

    A field that it passes on untouched is the client's own word (XH3).
    """

    __slots__ = ("client", "host", "prefix", "scheme")

    client: str | None
    scheme: str | None
    host: bool
    prefix: bool

    def __init__(self, names: Iterable[str]) -> None:
        """Raises `ValueError` for unknown names, and for two that would say the same."""
        chosen = {name.lower() for name in names}
        unknown = chosen - set(_MEANING)
        if unknown:
            raise ValueError(f"{sorted(unknown)} are no forwarding headers; known are {sorted(_MEANING)}")
        by_meaning: dict[str, list[str]] = {}
        for name in sorted(chosen):
            by_meaning.setdefault(_MEANING[name], []).append(name)
        for meaning, given in by_meaning.items():
            if len(given) > 1:
                raise ValueError(f"{given} all tell the {meaning}: name the one that the proxy sets")
        self.client = next(iter(by_meaning.get("client", [])), None)
        self.scheme = next(iter(by_meaning.get("scheme", [])), None)
        self.host = "x-forwarded-host" in chosen
        self.prefix = "x-forwarded-prefix" in chosen


_MEANING = {
    "forwarded": "client",
    "x-forwarded-for": "client",
    "x-real-ip": "client",
    "x-forwarded-proto": "scheme",
    "x-scheme": "scheme",
    "x-forwarded-host": "host",
    "x-forwarded-prefix": "prefix",
}
#: A path in letters, digits, ``-`` and ``_`` that leads nowhere else (XH10).
_is_prefix = re.compile(r"(?:/[A-Za-z0-9_\-]{1,200}){1,16}").fullmatch


class ProxiedApplication:
    """Sets address, scheme and what else was chosen of each request by its forwarding headers, then passes it on.

    `peers` are believed as the other end of a connection; `hops` are skipped in the list of addresses, from the right.
    """

    __slots__ = ("_application", "_fields", "_hops", "_peers")

    def __init__(
        self, application: HTTPApplication, peers: TrustedProxies, hops: TrustedProxies, fields: ForwardingFields
    ) -> None:
        self._application = application
        self._peers = peers
        self._hops = hops
        self._fields = fields

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
        if not self._is_trusted(request):
            return
        fields, headers = self._fields, request.headers
        if fields.client == "forwarded":
            self._believe_forwarded(request, headers)
        elif fields.client is not None:
            address = self._client_address(headers, fields.client)
            if address is not None:
                request.remote_ip = address
        scheme = _forwarded_scheme(headers.get(fields.scheme)) if fields.scheme is not None else None
        if scheme is not None:
            request.protocol = scheme
        if fields.host:
            _set_host(request, headers.get("X-Forwarded-Host"))
        if fields.prefix:
            prefix = headers.get("X-Forwarded-Prefix")
            if prefix is not None and _is_prefix(prefix):
                request.prefix = prefix

    def _is_trusted(self, request: HTTPServerRequest) -> bool:
        context: Any = getattr(request.connection, "context", None)
        family = getattr(context, "address_family", None)
        if family is not None and family == getattr(socket, "AF_UNIX", None) and request.remote_ip == "0.0.0.0":
            return self._peers.trusts_socket(family, None)
        return request.remote_ip in self._peers

    def _believe_forwarded(self, request: HTTPServerRequest, headers: HTTPHeaders) -> None:
        """What the element says that names the client: the first from the right that no trusted hop stands for."""
        for element in forwarded_elements(",".join(headers.get_list("Forwarded"))):
            address = node_address(element.get("for", ""))
            if address is None:
                return
            request.remote_ip = address
            scheme = _forwarded_scheme(element.get("proto"))
            if scheme is not None:
                request.protocol = scheme
            if address not in self._hops:
                return

    def _client_address(self, headers: HTTPHeaders, field: str) -> str | None:
        if field == "x-real-ip":
            address = without_port((headers.get("X-Real-Ip") or "").strip())
            return address if is_ip(address) else None
        return forwarded_for(headers, self._hops)


class TornadoApplication(ProxiedApplication):
    """The same in Tornado's manner: X-Real-Ip is taken and wins, so that a client behind a proxy which does not remove
    the field chooses its own address (XH3); X-Scheme wins over X-Forwarded-Proto."""

    __slots__ = ()

    def _believe(self, request: HTTPServerRequest) -> None:
        if request.remote_ip not in self._peers:
            return
        headers = request.headers
        address = headers.get("X-Real-Ip")
        if address is None or not is_ip(address):
            address = forwarded_for(headers, self._hops)
        if address is not None:
            request.remote_ip = address
        scheme = _forwarded_scheme(headers.get("X-Scheme", headers.get("X-Forwarded-Proto")))
        if scheme is not None:
            request.protocol = scheme


def forwarded_for(headers: HTTPHeaders, skip: TrustedProxies) -> str | None:
    """The last address of X-Forwarded-For, from the right, that is not one of *skip*; None if there is none."""
    found: str | None = None
    hops = ",".join(headers.get_list("X-Forwarded-For")).rsplit(",", MAX_HOPS)
    for hop in reversed(hops[-MAX_HOPS:]):
        address = without_port(hop.strip())
        if not is_ip(address):
            break
        found = address
        if address not in skip:
            break
    return found


def _set_host(request: HTTPServerRequest, value: str | None) -> None:
    if value is None:
        return
    host = value.rpartition(",")[2].strip()
    try:
        parse_host(host)
    except HTTPInputError:
        return  # the proxy's Host field stays
    request.host = host
    request.__dict__.pop("host_name", None)


def without_port(hop: str) -> str:
    """``[2001:db8::1]:443``, ``1.2.3.4:5``, ``2001:db8::1``: the address alone (XH5)."""
    if hop.startswith("["):
        host, bracket, port = hop[1:].partition("]")
        return host if bracket and ":" in host and (not port or (port[0] == ":" and is_port(port[1:]))) else hop
    host, colon, port = hop.rpartition(":")
    return host if colon and ":" not in host and is_port(port) else hop


def _forwarded_scheme(value: str | None) -> str | None:
    if value is None:
        return None
    scheme = value.rpartition(",")[2].strip().lower()
    return scheme if scheme in ("http", "https") else None
