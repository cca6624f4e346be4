"""What counts as one client where connections are counted by address."""

from __future__ import annotations

import socket
from typing import Any, Final

__all__ = ["client_key", "peer_of"]

_AF_INET: Final = socket.AF_INET
_AF_INET6: Final = getattr(socket, "AF_INET6", None)
#: Beginnings of IPv6 addresses that end with an IPv4 address: how a socket for both families shows IPv4 peers (RFC
#: 4291, 2.5.5.2), and how a translator in front of a server that speaks IPv6 alone does (RFC 6052, 2.1; RFC 7755).
_ENDS_WITH_IPV4: Final = (bytes(10) + b"\xff\xff", bytes.fromhex("0064ff9b") + bytes(8))
#: A translator's own prefixes (RFC 8215), of which no more is known than that many clients share their first 64 bits.
_TRANSLATED: Final = bytes.fromhex("0064ff9b0001")


def peer_of(address: Any) -> str | None:
    """The host of what ``socket.accept`` gave; None where there is none (UNIX sockets)."""
    return address[0] if isinstance(address, tuple) and address and isinstance(address[0], str) else None


def client_key(host: str) -> str | bytes:
    """What all addresses of the client at *host*, an IP address as text, have in common.

    An IPv4 address is one client, in whatever way it is written into an IPv6 address (text). Of IPv6 it is a network
    of 64 bits (bytes): who has one has 2**64 addresses, and few are given less. All hosts of a link have the same 64
    bits in their link-local addresses, though: each of those is a client, and so is what is no IP address.
    """
    if ":" not in host or _AF_INET6 is None:
        return host
    try:
        packed = socket.inet_pton(_AF_INET6, host.partition("%")[0])
    except (OSError, ValueError):
        return host
    if packed.startswith(_ENDS_WITH_IPV4):
        return socket.inet_ntop(_AF_INET, packed[12:])
    if packed[0] == 0xFE and packed[1] & 0xC0 == 0x80:
        return host
    return packed if packed.startswith(_TRANSLATED) else packed[:8]
