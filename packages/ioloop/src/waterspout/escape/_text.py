"""Between text and bytes, and white space."""

import re
from typing import Any, overload

# What HTML and URLs treat as white space or may not contain at all.
_BLANKS = re.compile(r"[\x00-\x20]+")


@overload
def utf8(value: bytes) -> bytes: ...


@overload
def utf8(value: str) -> bytes: ...


@overload
def utf8(value: None) -> None: ...


def utf8(value: None | str | bytes) -> bytes | None:
    """`value` as bytes: text is encoded as UTF-8, bytes and None are returned as they are.

    Raises TypeError for anything else, UnicodeEncodeError for text with lone surrogates.
    """
    if isinstance(value, str):
        return value.encode("utf-8")
    if value is None or isinstance(value, bytes):
        return value
    raise TypeError(f"expected str, bytes or None, not {type(value).__name__}")


@overload
def to_unicode(value: str) -> str: ...


@overload
def to_unicode(value: bytes) -> str: ...


@overload
def to_unicode(value: None) -> None: ...


def to_unicode(value: None | str | bytes) -> str | None:
    """`value` as text: bytes are decoded as UTF-8, text and None are returned as they are.

    Raises TypeError for anything else, UnicodeDecodeError for bytes that are not UTF-8.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    raise TypeError(f"expected str, bytes or None, not {type(value).__name__}")


native_str = to_unicode
to_basestring = to_unicode


def recursive_unicode(obj: Any) -> Any:
    """`obj` with all bytes in it made text: itself, or in dictionaries (keys too), lists and tuples."""
    if isinstance(obj, bytes):
        return obj.decode("utf-8")
    if isinstance(obj, dict):
        return {recursive_unicode(key): recursive_unicode(value) for key, value in obj.items()}
    if isinstance(obj, list):
        return [recursive_unicode(item) for item in obj]
    if isinstance(obj, tuple):
        return tuple(recursive_unicode(item) for item in obj)
    return obj


def squeeze(value: str) -> str:
    """`value` with each run of blanks and control characters made one space, and none at the ends."""
    return _BLANKS.sub(" ", value).strip()
