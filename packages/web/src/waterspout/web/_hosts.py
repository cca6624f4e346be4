"""The names under which the application answers.

A page on ``attacker.test`` can let that name resolve to 127.0.0.1 and so make a browser talk to a server on the
user's own machine (DNS rebinding); links built from the Host header lead wherever a client says. Both end with a
list of names.
"""

import ipaddress
from collections.abc import Iterable

from waterspout.httputil import HTTPInputError, parse_host

# What a browser may call this machine, for a server under development. (Subdomains of localhost never leave it: RFC
# 6761, 6.3.)
LOCAL_HOSTS = ("localhost", ".localhost", "127.0.0.1", "[::1]")


class AllowedHosts:
    """A set of host patterns: ``example.com``, ``.example.com`` (it and all below), ``*`` (any); ports do not count.

    Raises ValueError for what is no host.
    """

    __slots__ = ("_any", "_exact", "_suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        if isinstance(patterns, str):
            raise ValueError(f"allowed_hosts must be a list of hosts, not the string {patterns!r}")
        self._any = False
        exact: set[str] = set()
        suffixes: set[str] = set()
        for pattern in patterns:
            if pattern == "*":
                self._any = True
                continue
            host = _normal(pattern.removeprefix("."))
            if host is None or "*" in host:
                raise ValueError(f"{pattern!r} in allowed_hosts is no host: write example.com, .example.com or *")
            (suffixes if pattern.startswith(".") else exact).add(host)
        self._exact = frozenset(exact)
        self._suffixes = frozenset(suffixes)

    def __contains__(self, host: object) -> bool:
        """Whether a Host header (with or without port) names an allowed host; malformed ones never do."""
        if not isinstance(host, str):
            return False
        name = _normal(host)
        if name is None:
            return False
        if self._any or name in self._exact:
            return True
        # The host itself, then each domain above it; an address has none.
        while self._suffixes and name:
            if name in self._suffixes:
                return True
            name = name.partition(".")[2]
        return False


def hosts_for_debug() -> AllowedHosts:
    """The hosts that an application in debug mode answers to, if it does not say: names of this machine only."""
    return AllowedHosts(LOCAL_HOSTS)


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine itself. Names and malformed addresses are not."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def absolute_url(path: str, scheme: str, host: str, *, allowed: AllowedHosts | None, origin: str | None = None) -> str:
    """Return ``path`` as an absolute URL: with the configured ``origin``, else with the request's ``host`` if that
    is ``allowed``.

    Raises ValueError if neither is there, for then anyone who sends a Host header could decide where links in mails
    lead.
    """
    if origin is not None:
        return origin.rstrip("/") + path
    if allowed is not None and host in allowed:
        return f"{scheme}://{host}{path}"
    raise ValueError(f"no absolute URL from the Host header {host[:80]!r}: set allowed_hosts or an origin")


def _normal(host: str) -> str | None:
    """Lower case, without port and without the root dot; None if it is no host."""
    try:
        name, _ = parse_host(host)
    except HTTPInputError:
        return None
    return name.removesuffix(".") or None
