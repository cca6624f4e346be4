"""What can be known of a path pattern without matching it: its literal beginning, and how to fill it in.

A router uses the literal beginning to find the few patterns that can match a path without trying the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import Pattern

__all__ = ["PathPattern", "parse_path_pattern"]

_SPECIAL = frozenset(".^$*+?{}[]\\|()")
_QUANTIFIERS = frozenset("*?{")
_GROUP_REPEATED = re.compile(r"\)[*+?{]")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """`literal` is the path that alone matches, or None; `prefix` the literal characters that every match begins with.

    `only` is the path that alone matches, parts of it in groups, as in ``/(robots\\.txt)``; None for other patterns.

    `template` is the pattern with ``{}`` in place of its groups, `percent_template` with ``%s``; None where the
    pattern has more than literal text and groups.
    """

    literal: str | None
    prefix: str
    template: str | None
    percent_template: str | None
    only: str | None = None


def parse_path_pattern(regex: Pattern[str]) -> PathPattern:
    """See `PathPattern`. What is not understood counts as not literal, so that it is always matched for real."""
    source = regex.pattern
    pieces = _pieces(source)
    if pieces is None:
        template = percent = None
    else:
        template = "{}".join(piece.replace("{", "{{").replace("}", "}}") for piece in pieces)
        percent = "%s".join(piece.replace("%", "%%") for piece in pieces)
    if (
        regex.flags & (re.IGNORECASE | re.VERBOSE)
        or "|" in source
        or "(?" in source.replace("(?P<", "").replace("(?:", "")
    ):
        return PathPattern(None, "", template, percent)
    prefix, end = _literal_prefix(source)
    whole = end == len(source) - 1 and source.endswith("$")
    return PathPattern(prefix if whole else None, prefix, template, percent, _only(source))


def _only(source: str) -> str | None:
    """See `PathPattern`: *source* without its groups' parentheses, if what is left is literal."""
    if "(" not in source or "(?" in source or "\\(" in source or "\\)" in source or _GROUP_REPEATED.search(source):
        return None
    bare = source.replace("(", "").replace(")", "")
    literal, end = _literal_prefix(bare)
    return literal if end == len(bare) - 1 and bare.endswith("$") else None


def _literal_prefix(source: str) -> tuple[str, int]:
    """The characters that any match begins with, and where in *source* they end."""
    position = 1 if source.startswith("^") else 0
    found: list[str] = []
    while position < len(source):
        char = source[position]
        width = 1
        if char == "\\":
            char = source[position + 1 : position + 2]
            width = 2
            if not char or char.isalnum():  # \d, \w, a back-reference
                break
        elif char in _SPECIAL:
            break
        following = source[position + width : position + width + 1]
        if following in _QUANTIFIERS and following:
            break
        found.append(char)
        position += width
        if following == "+":
            break
    return "".join(found), position


def _pieces(source: str) -> list[str] | None:
    """The literal text around each group of *source*, or None if there is anything else in it."""
    if source.startswith("^"):
        source = source[1:]
    if source.endswith("$"):
        source = source[:-1]
    pieces = [""]
    position = 0
    while position < len(source):
        char = source[position]
        if char == "(":
            end = _end_of_group(source, position)
            if end < 0:
                return None
            pieces.append("")
            position = end
        elif char == "\\":
            following = source[position + 1 : position + 2]
            if not following or following.isalnum():
                return None
            pieces[-1] += following
            position += 2
        elif char in _SPECIAL and char not in ".":
            return None
        else:
            pieces[-1] += char
            position += 1
        if source[position : position + 1] in _QUANTIFIERS | {"+"} and position < len(source):
            return None
    return pieces


def _end_of_group(source: str, position: int) -> int:
    """The position after the capturing group that begins at *position*; -1 for other or nested groups."""
    if source.startswith("(?", position) and not source.startswith("(?P<", position):
        return -1
    in_set = False
    position += 1
    while position < len(source):
        char = source[position]
        if char == "\\":
            position += 1
        elif in_set:
            in_set = char != "]"
        elif char == "[":
            in_set = True
            if source[position + 1 : position + 2] == "^":
                position += 1
            if source[position + 1 : position + 2] == "]":
                position += 1
        elif char == "(":
            return -1
        elif char == ")":
            return position + 1
        position += 1
    return -1
