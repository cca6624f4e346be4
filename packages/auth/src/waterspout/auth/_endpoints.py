"""Addresses of providers: which may be called, and what makes two of them the same."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_ALLOWED = re.compile(r"[\x21-\x5b\x5d-\x7e]+")  # printable ASCII; no backslash, which browsers take for a slash


def checked_endpoint(url: object, what: str, *, allow_http: bool = False, hosts: Collection[str] | None = None) -> str:
    """Return ``url`` if it may be called, else raise ValueError: https, no user information, no fragment.

    ``allow_http`` admits http too, to this machine only (``localhost``, ``127.0.0.1``, ``::1``), for tests and
    development. With ``hosts`` its host must be one of them or lie below one.
    """
    if not isinstance(url, str) or _ALLOWED.fullmatch(url) is None:
        raise ValueError(f"{what} is no URL: {str(url)[:200]!r}")
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if not host or "@" in parts.netloc:
        raise ValueError(f"{what} must name a host, and no user: {url[:200]!r}")
    try:
        parts.port  # noqa: B018  # looked at for its ValueError
    except ValueError:
        raise ValueError(f"{what} has no valid port: {url[:200]!r}") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_http and host in _LOOPBACK):
        raise ValueError(f"{what} must be https, so that nobody on the way can read or change it: {url[:200]!r}")
    if "#" in url:
        raise ValueError(f"{what} must have no fragment: {url[:200]!r}")
    if hosts is not None and not any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts):
        raise ValueError(
            f"{what} is on {host}, which is neither the issuer's host nor listed in endpoint_hosts: {url[:200]!r}"
        )
    return url


def is_loopback(url: str) -> bool:
    """Whether ``url`` leads to this machine."""
    return (urlsplit(url).hostname or "").lower() in _LOOPBACK


def host_of(url: str) -> str:
    """The host of a checked URL, in lower case."""
    return (urlsplit(url).hostname or "").lower()


def without_query(url: str) -> str:
    """``url`` as it may stand in a log: queries hold codes and tokens."""
    return url.partition("?")[0].partition("#")[0]
