"""IP addresses as text."""

from __future__ import annotations

import socket
from typing import Any


def ip_family(ip: str) -> socket.AddressFamily | None:
    """AF_INET or AF_INET6 if ``ip`` is an IP address in its usual notation, None otherwise.

    Strict where ``getaddrinfo`` is not: ``127.1`` and ``0x7f000001`` are no addresses.  ``fe80::1%eth0`` is one.
    """
    if "\0" in ip:
        return None
    if ":" not in ip:
        family = socket.AF_INET
    else:
        family = socket.AF_INET6
        ip, percent, zone = ip.partition("%")
        if percent and not zone:
            return None
    try:
        socket.inet_pton(family, ip)
    except (OSError, UnicodeError):
        return None
    return family


def is_valid_ip(ip: str) -> bool:
    """Whether ``ip`` is an IPv4 or IPv6 address in its usual notation."""
    return ip_family(ip) is not None


is_valid_ip.__module__ = "waterspout.netutil"


def literal_address(
    host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
) -> list[tuple[int, Any]] | None:
    """What a resolver would say about ``host`` if it is an IP address; None if it has to be asked.

    socket.gaierror if it is an address of another family than the one wanted.
    """
    found = ip_family(host)
    if found is None:
        return None
    if family not in (socket.AF_UNSPEC, found):
        raise socket.gaierror(
            socket.EAI_FAMILY, f"cannot resolve {host!r}: it is an address of another family than {family!r}"
        )
    if found == socket.AF_INET:
        return [(found, (host, port))]
    if "%" not in host:
        return [(found, (host, port, 0, 0))]
    numeric = socket.getaddrinfo(host, port, found, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    return [(found, numeric[0][4])]
