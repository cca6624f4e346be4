"""What the opening handshake computes and compares (RFC 6455, 4)."""

from __future__ import annotations

import base64
import re
from hashlib import sha1
from os import urandom
from typing import Final

__all__ = ["WEBSOCKET_VERSION", "accept_key", "check_key", "new_key", "parse_subprotocols"]

#: The only version there is (4.4).
WEBSOCKET_VERSION: Final = "13"

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Sixteen bytes in base64.
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{22}==")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
#: Subprotocols that are read from one header; none offers more than a handful.
_MAX_SUBPROTOCOLS: Final = 100


def new_key() -> str:
    """A ``Sec-WebSocket-Key``: sixteen random bytes in base64."""
    return base64.b64encode(urandom(16)).decode("ascii")


def check_key(key: str | None) -> bool:
    """Whether *key* is one ``Sec-WebSocket-Key`` of sixteen bytes in base64; else the server answers 400 (4.2.1)."""
    return key is not None and _KEY.fullmatch(key) is not None


def accept_key(key: str) -> str:
    """The ``Sec-WebSocket-Accept`` that proves that *key* was read (4.2.2). Raises ValueError for a malformed key."""
    if not check_key(key):
        raise ValueError("Sec-WebSocket-Key is not sixteen bytes in base64")
    return base64.b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode("ascii")


def parse_subprotocols(header: str) -> list[str]:
    """The tokens of a ``Sec-WebSocket-Protocol`` header, in order of preference; anything else in it is left out."""
    offered = [item.strip(" \t") for item in header.split(",", _MAX_SUBPROTOCOLS)[:_MAX_SUBPROTOCOLS]]
    return [item for item in offered if _TOKEN.fullmatch(item) is not None]
