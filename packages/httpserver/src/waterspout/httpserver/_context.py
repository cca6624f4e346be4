"""Who is at the other end of a connection."""

from __future__ import annotations

import socket
from typing import Any

from waterspout.iostream import IOStream

__all__ = ["HTTPRequestContext"]


class HTTPRequestContext:
    """What every request of a connection has in common: kept as ``request.connection.context``.

    `address` is the peer's as the socket gives it (None for streams without one), `remote_ip` its host as text
    (``"0.0.0.0"`` where there is no IP address, as on UNIX sockets), `protocol` ``"http"`` or ``"https"``.
    """

    __module__ = "waterspout.httpserver"

    __slots__ = ("_orig_protocol", "_orig_remote_ip", "address", "address_family", "protocol", "remote_ip")

    address: Any
    address_family: Any | None
    protocol: str

    def __init__(self, stream: IOStream, address: Any, protocol: str | None) -> None:
        self.address = address
        family = getattr(getattr(stream, "socket", None), "family", None)
        if family not in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            # A balancer on a UNIX socket has named its client by the PROXY protocol.
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.address_family = family
        if family in (socket.AF_INET, socket.AF_INET6) and address is not None:
            self.remote_ip: str = address[0]
        else:
            self.remote_ip = "0.0.0.0"
        self.protocol = protocol or ("https" if _is_tls(stream) else "http")
        # Names that instrumentation packages look up.
        self._orig_remote_ip = self.remote_ip
        self._orig_protocol = self.protocol

    def __str__(self) -> str:
        if self.address_family in (socket.AF_INET, socket.AF_INET6):
            return self.remote_ip
        if isinstance(self.address, bytes):
            return self.address.decode("utf-8", "replace")
        return str(self.address)


def _is_tls(stream: IOStream) -> bool:
    """Whether *stream* is encrypted, without importing ssl for those that are not."""
    return any(cls.__name__ == "SSLIOStream" for cls in type(stream).__mro__)
