"""joserfc, imported where it is first needed; and JSON as tokens may have it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


def load_jose() -> Any:
    """joserfc's modules ``jwk``, ``jws`` and ``errors``. Raises ImportError that names the extra."""
    try:
        from joserfc import errors, jwk, jws
    except ImportError as error:
        message = "OpenID Connect needs joserfc and cryptography: pip install 'waterspout-auth[oidc]'"
        raise ImportError(message) from error
    return SimpleNamespace(errors=errors, jwk=jwk, jws=jws)


def strict_object(data: bytes) -> dict[str, Any]:
    """A JSON object without repeated names (which of two would count?), NaN and Infinity; ValueError for others."""
    value = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name is there twice")
    return fields


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
