"""Request targets that are not paths (RFC 9112, 3.2.2)."""

from __future__ import annotations

import re

_match_absolute = re.compile(rb"(?i:https?)://([^/?#@]++)(?>([/?][!\"$-~]*+)?)\Z").match


def split_absolute_target(target: bytes) -> tuple[bytes, bytes] | None:
    """The authority of an absolute-form http(s) target and the path with query that it names, which begins with
    ``/``; None if it is no such target. User information is refused (RFC 9110, 4.2.4)."""
    match = _match_absolute(target)
    if match is None:
        return None
    rest = match[2] or b"/"
    return match[1], rest if rest[:1] == b"/" else b"/" + rest
