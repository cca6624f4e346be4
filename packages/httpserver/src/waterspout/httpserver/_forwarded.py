"""RFC 7239: the field Forwarded, read from the right, where the nearest proxy has added its element."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

__all__ = ["forwarded_elements", "is_ip", "is_port", "node_address"]

#: Elements that are looked at, from the right, and bytes of the field: more are a mistake or an attack.
MAX_ELEMENTS, MAX_SIZE = 32, 8192

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = r"\"(?>(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)\""
_match_pair = re.compile(rf"({_TOKEN})=(?:({_TOKEN})|({_QUOTED}))").fullmatch
#: What goes up to the next separator that stands outside of quotes; it always matches.
_UP_TO = {
    separator: re.compile(rf"(?>(?:[^{separator}\"]|\"(?>(?:[^\"\\]|\\.)*)\")*)", re.DOTALL) for separator in (",", ";")
}


def forwarded_elements(value: str) -> Iterator[dict[str, str]]:
    """The elements of a Forwarded field, the last one first, as parameter name (lower case) to value.

    Ends before the first one, from the right, that is malformed: what stands left of it was not checked by the proxy
    that passed it on (RFC 7239, 4 and 5).
    """
    if len(value) > MAX_SIZE:
        return
    for element in _parts(value, ",")[: -MAX_ELEMENTS - 1 : -1]:
        pairs = _element(element.strip(" \t"))
        if pairs is None:
            return
        yield pairs


def _element(text: str) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for part in _parts(text, ";"):
        match = _match_pair(part)
        if match is None or match[1].lower() in pairs:
            return None
        pairs[match[1].lower()] = match[2] or re.sub(r"\\(.)", r"\1", match[3][1:-1])
    return pairs


def _parts(text: str, separator: str) -> list[str]:
    """*text* at each *separator* outside of quotes; an open quote makes the rest one malformed part."""
    pattern = _UP_TO[separator]
    parts: list[str] = []
    at = 0
    while True:
        found = pattern.match(text, at)
        end = found.end() if found else at
        if end < len(text) and text[end] != separator:  # a quote without its end
            parts.append(text[at:])
            return parts
        parts.append(text[at:end])
        if end >= len(text):
            return parts
        at = end + 1


def node_address(node: str) -> str | None:
    """The IP address of a node (``192.0.2.1:47``, ``[2001:db8::1]``); None for ``unknown``, ``_hidden`` and what is
    none (RFC 7239, 6)."""
    if node.startswith("["):
        host, bracket, port = node[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and is_port(port[1:]))):
            return None
        if ":" not in host:
            return None
    else:
        host, colon, port = node.partition(":")
        if colon and not is_port(port):
            return None
    return host if is_ip(host) else None


def is_ip(text: str) -> bool:
    """Whether *text* is an IP address. One with a zone is none: that names an interface of the machine that wrote it
    (RFC 4007, 6), and may hold any text."""
    if "%" in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_port(text: str) -> bool:
    """Whether *text* is a port: up to five digits (RFC 7239, 6)."""
    return len(text) <= 5 and text.isascii() and text.isdigit()
