"""``tornado.speedups``: what Tornado's compiled module has, by Waterspout's masking (compiled where its wheel is)."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["websocket_mask"]

try:
    _ws: Any = importlib.import_module("waterspout.ws")
except ModuleNotFoundError as error:
    message = "No module named 'tornado.speedups': it is of waterspout-http: pip install waterspout-http"
    raise ModuleNotFoundError(message, name="tornado.speedups") from error


def websocket_mask(mask: bytes, data: bytes) -> bytes:
    """*data*, each byte XORed with that of *mask* at the same place modulo 4 (RFC 6455, 5.3).

    Raises ValueError if *mask* has not four bytes.
    """
    if len(mask) != 4:
        raise ValueError(f"a mask has 4 bytes, not {len(mask)} (RFC 6455, 5.3)")
    masked: bytes = _ws.apply_mask(data, mask)
    return masked
