"""Request bodies that are JSON."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from waterspout.httputil._errors import HTTPInputError

__all__ = ["parse_json"]


def parse_json(body: bytes, content_type: str | None) -> Any:
    """The value of a JSON *body* (RFC 8259): UTF-8, without NaN and Infinity; of repeated names the last counts.

    Raises `HTTPInputError`: 415 if *content_type* is not application/json or ends in ``+json``, because what forms of
    other sites can send must not pass for JSON; 400 if it cannot be read, however it is broken.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPInputError(f"JSON was expected, not {kind or 'a body without Content-Type'}", status=415)
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # bad UTF-8 and numbers with too many digits are ValueErrors, too
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise HTTPInputError(f"malformed JSON: {reason}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
