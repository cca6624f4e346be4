"""The inverse of re.escape."""

import re

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def re_unescape(s: str) -> str:
    """The text that `re.escape` turned into `s`.

    Raises ValueError for a pattern that re.escape cannot have produced, such as one with ``\\d``.
    """
    return _ESCAPED.sub(_literal, s)


def _literal(match: re.Match[str]) -> str:
    char: str = match[1]
    # re.escape never puts a backslash before a letter or digit: there it is a class or reference.
    if char.isascii() and char.isalnum():
        raise ValueError(f"cannot unescape {match[0]!r}: not made by re.escape")
    return char
