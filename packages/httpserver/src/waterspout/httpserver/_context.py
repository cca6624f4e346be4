"""Who is at the other end of a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, ClassVar

from waterspout.iostream import IOStream

__all__ = ["HTTPRequestContext", "context_class"]


class HTTPRequestContext:
    """What every request of a connection has in common: kept as ``request.connection.context``.

    `address` is the peer's as the socket gives it (None for streams without one), `remote_ip` its host as text
    (``"0.0.0.0"`` where there is no IP address, as on UNIX sockets), `protocol` ``"http"`` or ``"https"``,
    `trusted_downstream` the proxies that the server was given under that name.
    """

    __module__ = "waterspout.httpserver"

    __slots__ = ("_family", "_orig_protocol", "_orig_remote_ip", "address", "protocol", "remote_ip")

    address: Any
    protocol: str
    remote_ip: str
    trusted_downstream: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, stream: IOStream, address: Any, protocol: str | None) -> None:
        # One is made for each connection, of which there may be thousands at once. The _orig_ names are those that
        # instrumentation packages look up.
        self.address = address
        if type(address) is tuple and type(address[0]) is str:
            self._family = None  # see `address_family`
            self.remote_ip = self._orig_remote_ip = address[0]
        else:
            self._family = getattr(getattr(stream, "socket", None), "family", None)
            self.remote_ip = self._orig_remote_ip = "0.0.0.0"
        self.protocol = self._orig_protocol = protocol or (
            "http" if type(stream) is IOStream or not _is_tls(stream) else "https"
        )

    @property
    def address_family(self) -> Any | None:
        """The family of `address`: ``socket.AF_INET`` and so on, None for streams without a socket.

        Of an IP address it is that of the address, which need not be the socket's: a balancer on a UNIX socket names
        its client by the PROXY protocol.
        """
        family = self._family
        if family is None and isinstance(self.address, tuple):
            family = self._family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        return family

    @address_family.setter
    def address_family(self, family: Any | None) -> None:
        self._family = family

    def __str__(self) -> str:
        if self.address_family in (socket.AF_INET, socket.AF_INET6):
            return self.remote_ip
        if isinstance(self.address, bytes):
            return self.address.decode("utf-8", "replace")
        return str(self.address)


def context_class(trusted_downstream: Iterable[str]) -> type[HTTPRequestContext]:
    """The class of a server's contexts: what is the same for all of its connections is kept once."""
    trusted = frozenset(trusted_downstream)
    if not trusted:
        return HTTPRequestContext
    return type("HTTPRequestContext", (HTTPRequestContext,), {"__slots__": (), "trusted_downstream": trusted})


def _is_tls(stream: IOStream) -> bool:
    """Whether *stream* is encrypted, without importing ssl for those that are not."""
    return any(cls.__name__ == "SSLIOStream" for cls in type(stream).__mro__)
