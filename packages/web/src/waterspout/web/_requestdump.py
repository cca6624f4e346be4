"""A request that failed, as the log shows it."""

from __future__ import annotations

from waterspout.httputil import loggable, mask_query

__all__ = ["request_dump"]


def request_dump(request: object, uri: str | None) -> str:
    """The ``repr`` of a request with its target masked and cut, as it stands in the access log."""
    return repr(request).replace(repr(uri), repr(loggable(mask_query((uri or "")[:4096]))))
