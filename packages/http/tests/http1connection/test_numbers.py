"""Numbers and codings as Tornado's module offers them."""

from __future__ import annotations

import pytest

from waterspout.http1connection import is_transfer_encoding_chunked, parse_hex_int, parse_int
from waterspout.httputil import HTTPHeaders, HTTPInputError


def test_only_ascii_digits_are_numbers() -> None:
    assert parse_int("0123") == 123 and parse_hex_int("fF") == 255
    for wrong in ("", "+1", "-1", "1_0", " 1", "\u0661", "0x1"):
        with pytest.raises(ValueError):
            parse_int(wrong)
        with pytest.raises(ValueError):
            parse_hex_int(wrong)


def test_chunked_is_the_one_coding() -> None:
    assert is_transfer_encoding_chunked(HTTPHeaders({"Transfer-Encoding": "Chunked"}))
    assert not is_transfer_encoding_chunked(HTTPHeaders())
    for fields in ({"Transfer-Encoding": "gzip"}, {"Transfer-Encoding": "chunked", "Content-Length": "1"}):
        with pytest.raises(HTTPInputError):
            is_transfer_encoding_chunked(HTTPHeaders(fields))
