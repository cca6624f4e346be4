"""User name and password of Basic authentication (RFC 7617)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from waterspout.util import is_tornado_compat

__all__ = ["encode_username_password"]

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def encode_username_password(username: str | bytes, password: str | bytes, *, compat: str | None = None) -> bytes:
    """``username:password`` as the bytes that Basic authentication puts in base64: UTF-8, text in NFC.

    Raises ValueError for a user name with a colon, which no server could take apart again, and for control
    characters (RFC 7617, 2); with *compat* (default: the process's) ``"tornado"`` neither is looked at.
    """
    strict = not is_tornado_compat(compat)
    name, secret = _utf8_nfc(username, strict), _utf8_nfc(password, strict)
    if strict and b":" in name:
        raise ValueError("user name for Basic authentication contains a colon")
    return name + b":" + secret


def _utf8_nfc(text: str | bytes, strict: bool) -> bytes:
    if isinstance(text, bytes):
        return text
    if strict and _CONTROL.search(text) is not None:
        raise ValueError("user name or password for Basic authentication contains control characters")
    return unicodedata.normalize("NFC", text).encode("utf-8")
