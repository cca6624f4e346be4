"""Host names to addresses: a short memory for names, and a guard against forbidden addresses."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from waterspout.httpclient._errors import ForbiddenAddressError, Phase
from waterspout.netutil import Resolver

Addresses = list[tuple[int, Any]]

#: Names remembered at once.
_KEPT = 1000


class Ready:
    """An awaitable whose result is there."""

    __slots__ = ("_result",)

    def __init__(self, result: Addresses) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, Addresses]:
        return self._result
        yield


class CachingResolver(Resolver):
    """Puts a memory in front of another resolver.

    `ttl` is in seconds: the system's resolver does not say how long an answer holds, so it is kept shortly.
    """

    def initialize(self, resolver: Resolver, ttl: float = 30.0) -> None:
        self.resolver = resolver
        self.ttl = ttl
        self._known: dict[tuple[str, int, int], tuple[float, Addresses]] = {}

    def close(self) -> None:
        """Forget all names and close the resolver behind."""
        self._known.clear()
        self.resolver.close()

    def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Awaitable[Addresses]:
        """As `Resolver.resolve`."""
        known = self._known.get((host, port, family))
        if known is not None and known[0] > time.monotonic():
            return Ready(known[1])
        return self._look_up(host, port, family)

    async def _look_up(self, host: str, port: int, family: socket.AddressFamily) -> Addresses:
        addresses = list(await self.resolver.resolve(host, port, family))
        if self.ttl > 0:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[host, port, family] = time.monotonic() + self.ttl, addresses
        return addresses


class GuardedResolver(Resolver):
    """Passes on only the addresses that *allow* accepts.

    What it returns is what is connected to, without a second look-up: a name that changes its answer gains
    nothing (CS8).
    """

    def initialize(self, resolver: Resolver, allow: Callable[[str], bool]) -> None:
        self.resolver = resolver
        self._allow = allow

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> Addresses:
        """As `Resolver.resolve`. Raises `ForbiddenAddressError` if none of the addresses is allowed."""
        addresses = list(await self.resolver.resolve(host, port, family))
        allowed = [(family, address) for family, address in addresses if self._allow(address[0])]
        if not allowed:
            found = ", ".join(sorted({str(address[0]) for _, address in addresses}))
            raise ForbiddenAddressError(f"Connections to {host} ({found}) are not allowed", phase=Phase.RESOLVE)
        return allowed


def is_public_address(address: str) -> bool:
    """Whether *address* is one of the public Internet: the guard against requests into one's own network (CS8).

    False for loopback, private, link-local, multicast, unspecified and reserved addresses, also when they are
    written inside an IPv6 address (IPv4-mapped, 6to4, Teredo, NAT64).
    """
    import ipaddress  # only clients with a guard need it

    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is None and parsed in ipaddress.IPv6Network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is None and parsed in ipaddress.IPv6Network("64:ff9b:1::/48"):
            return False
        if inner is not None:
            parsed = inner
        elif parsed not in ipaddress.IPv6Network("2000::/3"):
            return False  # nothing else is given to the public (RFC 4291, 2.4), which Python's tables do not know
    return parsed.is_global and not parsed.is_multicast
