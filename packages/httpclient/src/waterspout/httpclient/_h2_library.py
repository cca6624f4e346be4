"""The h2 package, or a word about where to get it."""

from __future__ import annotations

import importlib
from typing import Any

_PARTS = ("config", "connection", "errors", "events", "exceptions", "settings")

try:
    #: As ``import h2``, with all its parts; it is not there when types are checked.
    h2: Any = importlib.import_module("h2")
    for _part in _PARTS:
        importlib.import_module(f"h2.{_part}")
except ImportError as error:
    raise ImportError(
        "http2=True needs the h2 package: install it by `pip install 'waterspout-httpclient[http2]'`"
    ) from error

__all__ = ["h2"]
