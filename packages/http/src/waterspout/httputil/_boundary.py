"""The boundary of a multipart body, and the delimiter lines made from it (RFC 2046, 5.1.1)."""

from __future__ import annotations

import re
from typing import Final

from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._parameters import parse_parameters
from waterspout.util import is_tornado_compat

__all__ = ["boundary_of", "check_boundary"]

#: RFC 2046 allows 70 characters; some old clients send more, none needs more than this.
_MAX_LENGTH: Final = 70
_MAX_LENGTH_LENIENT: Final = 256
#: White space that may follow a boundary on its line (RFC 2046: transport-padding).
MAX_PADDING: Final = 256
#: Wider than RFC 2046's bchars, which clients do not keep to; no space, quote, backslash or control character.
_BOUNDARY: Final = re.compile(rb"[!#-\[\]-~]++")


def check_boundary(boundary: bytes, *, compat: str | None = None) -> bytes:
    """*boundary* without the quotes that may stand around it. Raises `HTTPInputError` if no boundary can be so."""
    if len(boundary) > 1 and boundary[:1] == boundary[-1:] == b'"':
        boundary = boundary[1:-1]
    limit = _MAX_LENGTH_LENIENT if is_tornado_compat(compat) else _MAX_LENGTH
    if len(boundary) > limit:
        raise HTTPInputError(f"multipart boundary has {len(boundary)} bytes; the limit is {limit}")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise HTTPInputError(f"malformed multipart boundary {boundary!r}")
    return boundary


def boundary_of(content_type: str, *, compat: str | None = None) -> bytes:
    """The boundary that a ``multipart/*`` Content-Type names.

    Raises `HTTPInputError` where there is none, or two, or one that cannot be.
    """
    parameters = parse_parameters(content_type)[1]
    boundary = parameters.get("boundary")
    if not boundary:
        raise HTTPInputError("multipart body without a boundary in its Content-Type")
    return check_boundary(boundary.encode("latin-1", "replace"), compat=compat)
