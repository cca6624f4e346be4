"""Request and status lines (RFC 9112, 3 and 4)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RequestStartLine", "ResponseStartLine"]


class RequestStartLine(NamedTuple):
    """Method, target and version of a request; the target is called `path` and includes the query."""

    method: str
    path: str
    version: str


class ResponseStartLine(NamedTuple):
    """Version, status code and reason of a response."""

    version: str
    code: int
    reason: str | None


RequestStartLine.__module__ = ResponseStartLine.__module__ = "waterspout.httputil"
