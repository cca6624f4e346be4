"""The Cookie header as browsers write it (RFC 6265, 4.2.1 and 5.4)."""

from __future__ import annotations

import re
from typing import Final

from waterspout.util import is_tornado_compat

__all__ = ["parse_cookie", "parse_cookie_pairs"]

#: Pairs that are read from one header; browsers keep at most 180 cookies a site.
MAX_COOKIES: Final = 200

_ESCAPE: Final = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)


def parse_cookie_pairs(cookie: str, *, max_cookies: int = MAX_COOKIES) -> list[tuple[str, str]]:
    """``(name, value)`` of every pair in their order, of repeated names too; nameless ones have the name ``""``.

    The header is cut at each ``;`` and each piece at its first ``=``, inside quotes as well, which is what browsers
    do; a value in double quotes is unquoted as `http.cookies` quotes it. Pieces after the first *max_cookies* are
    left out. A value may come out with control characters: it must not go into a header field unchecked.
    """
    pairs = []
    for piece in cookie.split(";", max_cookies)[:max_cookies]:
        name, equals, value = piece.partition("=")
        if not equals:
            name, value = "", name
        name = name.strip()
        value = value.strip()
        if name or value:
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = _unquoted(value[1:-1])
            pairs.append((name, value))
    return pairs


def parse_cookie(cookie: str, *, compat: str | None = None) -> dict[str, str]:
    """Name to value of the first 200 cookies in a ``Cookie`` header; the last of equal names wins.

    Pairs without a name are dropped, since they can imitate a name with a ``__Host-`` prefix; with *compat*
    (default: the process's) ``"tornado"`` they are kept under ``""``. Use `parse_cookie_pairs` to see repeated names.
    """
    pairs = parse_cookie_pairs(cookie)
    if is_tornado_compat(compat):
        return dict(pairs)
    return {name: value for name, value in pairs if name}


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    octal, char = match.groups()
    return char if octal is None else chr(int(octal, 8))
