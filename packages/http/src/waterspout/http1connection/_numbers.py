"""Numbers and codings of HTTP/1 as Tornado's module offers them to others; the codec has its own grammar."""

from __future__ import annotations

import re
from typing import Final

from waterspout.httputil import HTTPHeaders, HTTPInputError

__all__ = ["CR_OR_LF_RE", "DIGITS", "HEXDIGITS", "is_transfer_encoding_chunked", "parse_hex_int", "parse_int"]

CR_OR_LF_RE: Final = re.compile(b"\r|\n")
DIGITS: Final = re.compile(r"[0-9]+")
HEXDIGITS: Final = re.compile(r"[0-9a-fA-F]+")


def parse_int(s: str) -> int:
    """A number of ASCII digits alone; `ValueError` for signs, underscores, white space and other digits."""
    if DIGITS.fullmatch(s) is None:
        raise ValueError(f"not an integer: {s!r}")
    return int(s)


def parse_hex_int(s: str) -> int:
    """The same in base 16, without ``0x``."""
    if HEXDIGITS.fullmatch(s) is None:
        raise ValueError(f"not a hexadecimal integer: {s!r}")
    return int(s, 16)


def is_transfer_encoding_chunked(headers: HTTPHeaders) -> bool:
    """Whether *headers* frame a chunked body.

    Raises `HTTPInputError` for any other Transfer-Encoding, and for one beside Content-Length (RFC 9112, 6.3).
    """
    coding = headers.get("Transfer-Encoding")
    if coding is None:
        return False
    if "Content-Length" in headers:
        raise HTTPInputError("Message with both Transfer-Encoding and Content-Length")
    if coding.lower() != "chunked":
        raise HTTPInputError(f"Unsupported Transfer-Encoding {coding}")
    return True


for _function in (parse_int, parse_hex_int, is_transfer_encoding_chunked):
    _function.__module__ = "waterspout.http1connection"
del _function
