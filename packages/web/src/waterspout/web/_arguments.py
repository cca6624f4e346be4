"""Reading arguments: from bytes of the wire to clean text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from waterspout.web._errors import MissingArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REQUIRED", "Required", "clean_arguments", "last_argument"]

#: Characters that no text field can mean; each becomes a space, so that words do not run together.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")


class Required:
    """The type of `REQUIRED`."""

    def __repr__(self) -> str:
        return "..."


#: As a default: the argument must be given.
REQUIRED: Final = Required()


def clean_arguments(source: dict[str, list[bytes]], name: str, strip: bool, decode: Callable[..., str]) -> list[str]:
    """All values of *name*, decoded, with control characters replaced and, with *strip*, without white space around."""
    values = []
    for raw in source.get(name, ()):
        value = decode(raw, name=name)
        if isinstance(value, str):
            value = _CONTROLS.sub(" ", value)
        values.append(value.strip() if strip else value)
    return values


def last_argument(values: list[str], name: str, default: Any) -> str | None:
    """The last of *values*, else *default*, else `MissingArgumentError`."""
    if values:
        return values[-1]
    if isinstance(default, Required):
        raise MissingArgumentError(name)
    return default  # type: ignore[no-any-return]
