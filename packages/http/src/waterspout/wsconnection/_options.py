"""Compression options as Tornado's applications give them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from waterspout.ws import DeflateOptions

__all__ = ["compression_options"]

_NAMES: Final = frozenset(field.name for field in fields(DeflateOptions))


def compression_options(given: dict[str, Any] | DeflateOptions | None) -> DeflateOptions | None:
    """*given* as `DeflateOptions`; None, for no compression, stays None.

    A dictionary has Tornado's ``compression_level`` and ``mem_level``, or the names of `DeflateOptions`; an empty one
    means the defaults. Raises ValueError for other names, and for values out of range.
    """
    if given is None or isinstance(given, DeflateOptions):
        return given
    options = dict(given)
    if "compression_level" in options:
        options["level"] = options.pop("compression_level")
    unknown = options.keys() - _NAMES
    if unknown:
        raise ValueError(f"unknown compression option {min(unknown)!r}; known are compression_level, {sorted(_NAMES)}")
    return DeflateOptions(**options)
