"""Field lines of a head that a codec has already found well-formed (RFC 9112, 5)."""

from __future__ import annotations

import re

_find_fields = re.compile(r"\r\n([^:\r\n]++):[ \t]*+([^\r\n]*+)").findall


def field_pairs(block: bytes) -> list[tuple[str, str]]:
    """``[(name, value)]`` of the lines of *block*, in order, as Latin-1 text, without the white space around values.

    *block* must be the verified field lines of one head, each with its CRLF in front; nothing is validated here.
    """
    text = block.decode("latin-1")
    pairs: list[tuple[str, str]] = _find_fields(text)
    if " \r\n" in text or "\t\r\n" in text or text[-1:] in (" ", "\t"):
        return [(name, value.rstrip(" \t")) for name, value in pairs]
    return pairs
