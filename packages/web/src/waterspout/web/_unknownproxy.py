"""Clients that only seem to be on this machine: they come through a proxy on it that the server was not told of."""

from __future__ import annotations

from typing import Any

from waterspout.web._hosts import is_loopback

__all__ = ["comes_from_elsewhere"]

#: What a proxy adds, without saying for whom in a form that is worth reading here, and what says for whom.
_ADDED = ("Forwarded", "Via")
_NAMING = ("X-Forwarded-For", "X-Real-Ip")


def comes_from_elsewhere(request: Any) -> bool:
    """Whether the address of *request* is that of a proxy which the server does not know, and its client not here.

    What a client says of itself can only make it look as if it were elsewhere.
    """
    peer = getattr(getattr(request.connection, "context", None), "address", None)
    if isinstance(peer, tuple) and peer[0] != request.remote_ip:
        return False  # the address that a trusted proxy has named
    headers = request.headers
    if any(name in headers for name in _ADDED):
        return True
    named = ",".join([headers.get(name, "") for name in _NAMING]).split(",")
    return not all(is_loopback(address.strip()) for address in named if address.strip())
