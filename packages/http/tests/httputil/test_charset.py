import time

import pytest

from waterspout.httputil import charset_of


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("text/html", "utf-8"),
        ("text/html; charset=ISO-8859-1", "iso-8859-1"),
        ('text/html; charset="Shift_JIS"', "shift_jis"),
        ("text/html; charset=windows-874", "cp874"),
        ("text/html; x=y; CHARSET=utf8", "utf8"),
        ("text/html; charset", "utf-8"),
        ('text/html; charset="', "utf-8"),
        ("", "utf-8"),
    ],
)
def test_charset_is_the_one_announced(content_type: str, charset: str) -> None:
    assert charset_of(content_type) == charset
    "x".encode(charset)


@pytest.mark.parametrize(
    "charset", ["bogus-zzz", "idna", "punycode", "utf-7", "zlib", "hex", "rot13", "unicode_escape", "undefined"]
)
def test_CL13_unknown_and_dangerous_codecs_are_replaced(charset: str) -> None:
    assert charset_of(f"text/html; charset={charset}") == "utf-8"
    assert charset_of(f"text/html; charset={charset}", "latin-1") == "latin-1"


def test_CL13_every_allowed_charset_exists_and_is_linear() -> None:
    from waterspout.httputil._charset import _CHARSETS

    data = bytes(range(256)) * 400
    start = time.process_time()
    for charset in _CHARSETS:
        assert isinstance(data.decode(charset_of(f"x; charset={charset}"), "replace"), str)
    assert time.process_time() - start < 3
