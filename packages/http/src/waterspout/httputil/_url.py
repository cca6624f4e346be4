"""URLs, authorities and queries, as far as HTTP messages need them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from waterspout.httputil._errors import HTTPInputError

__all__ = ["parse_host", "qs_to_qsl", "split_host_and_port", "url_concat"]

_HOST_AND_PORT: Final = re.compile(r"(.+):([0-9]{1,19})", re.DOTALL)
#: RFC 3986, 3.2.2, without userinfo (RFC 9110, 4.2.4); what an IP literal holds is checked apart.
_AUTHORITY: Final = re.compile(
    r"((?>(?:[A-Za-z0-9\-._~!$&'()*+=]|%[0-9A-Fa-f]{2})+)|\[([0-9A-Fa-f:.]++)\])(?>(?::([0-9]{0,5}))?)"
)
_HEXTET: Final = re.compile(r"[0-9A-Fa-f]{1,4}")
_OCTET: Final = re.compile(r"25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]")
_MAX_PORT: Final = 65535


def url_concat(url: str, args: Mapping[str, str] | list[tuple[str, str]] | tuple[tuple[str, str], ...] | None) -> str:
    """*url* with *args* added to its query, before its fragment; None adds nothing.

    >>> url_concat("http://example.com/foo?a=b#c", {"d": "e"})
    'http://example.com/foo?a=b&d=e#c'

    Raises TypeError unless *args* is a mapping, a list or a tuple of pairs.
    """
    if args is None:
        return url
    if isinstance(args, Mapping):
        added = list(args.items())
    elif isinstance(args, list | tuple):
        added = list(args)
    else:
        raise TypeError(f"'args' parameter should be dict, list or tuple. Not {type(args)}")
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    return urlunsplit(parts._replace(query=urlencode(query + added)))


def split_host_and_port(netloc: str) -> tuple[str, int | None]:
    """``("host", port)`` of ``host:port``, port None where there is none; brackets of an IPv6 address stay.

    Checks nothing: a *netloc* of another form is returned whole. `parse_host` checks.
    """
    match = _HOST_AND_PORT.fullmatch(netloc)
    if match is None:
        return netloc, None
    return match[1], int(match[2])


def parse_host(value: str) -> tuple[str, int | None]:
    """Host in lower case, and port, of a Host header or authority (RFC 9110, 7.2).

    Raises `HTTPInputError` for anything but a registered name, IPv4 address or bracketed IPv6 address with an
    optional port up to 65535: user names, paths, lists, spaces, non-ASCII.
    """
    match = _AUTHORITY.fullmatch(value)
    if match is None or (match[2] is not None and not _is_ipv6(match[2])) or int(match[3] or 0) > _MAX_PORT:
        raise HTTPInputError(f"malformed host {value[:80]!r}")
    return match[1].lower(), int(match[3]) if match[3] else None


def qs_to_qsl(qs: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, str]]:
    """``(name, value)`` of every value of a mapping from name to values, as `urllib.parse.parse_qs` gives it."""
    return ((name, value) for name, values in qs.items() for value in values)


def _is_ipv6(text: str) -> bool:
    head, gap, tail = text.partition("::")
    groups = (head.split(":") if head else []) + (tail.split(":") if tail else [])
    if groups and "." in groups[-1] and not text.endswith("::"):
        octets = groups.pop().split(".")
        if len(octets) != 4 or not all(_OCTET.fullmatch(octet) for octet in octets):
            return False
        groups += ["0", "0"]
    if not all(_HEXTET.fullmatch(group) for group in groups):
        return False
    return len(groups) < 8 if gap else len(groups) == 8
