"""Paths as other frameworks write them, ``/book/<name>`` and ``/book/{name}``: here they fit nothing but themselves."""

from __future__ import annotations

import re

__all__ = ["foreign_pattern"]

#: What stands for a part of the path: ``<name>``, ``<int:name>``, ``{name}``, ``{name:int}``; no group (``(?P<name>``),
#: no back reference (``(?<=``) and no repetition (``{1,3}``).
_PLACEHOLDER = re.compile(r"(?<!\?P)(?<!\?)<(?:(\w+):)?[A-Za-z_]\w*>|\{[A-Za-z_]\w*(?::(\w+))?\}")


def foreign_pattern(pattern: str) -> str | None:
    """What is wrong with *pattern*, a regular expression of a path, if it has such a placeholder."""
    meant = _PLACEHOLDER.sub(lambda found: "([0-9]+)" if "int" in found.groups() else "([^/]+)", pattern)
    if meant == pattern:
        return None
    return f"{pattern.removesuffix('$')}: patterns are regular expressions, as in {meant.removesuffix('$')}"
