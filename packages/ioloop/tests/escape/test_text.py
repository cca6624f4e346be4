"""Between text and bytes, and white space."""

from typing import Any

import pytest

from waterspout import escape


@pytest.mark.parametrize(("given", "expected"), [("é", b"\xc3\xa9"), (b"\xff", b"\xff"), (None, None), ("", b"")])
def test_utf8_encodes_text_and_leaves_the_rest(given: Any, expected: bytes | None) -> None:
    assert escape.utf8(given) == expected


@pytest.mark.parametrize(("given", "expected"), [(b"\xc3\xa9", "é"), ("é", "é"), (None, None), (b"", "")])
def test_to_unicode_decodes_bytes_and_leaves_the_rest(given: Any, expected: str | None) -> None:
    assert escape.to_unicode(given) == expected


@pytest.mark.parametrize("function", [escape.utf8, escape.to_unicode])
@pytest.mark.parametrize("wrong", [5, 1.5, bytearray(b"x"), ["x"], object()])
def test_other_types_are_refused_by_name(function: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=type(wrong).__name__):
        function(wrong)


def test_bytes_that_are_not_utf8_are_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        escape.to_unicode(b"\xff")


def test_names_of_old_are_the_same_function() -> None:
    assert escape.native_str is escape.to_basestring is escape.to_unicode


def test_recursive_unicode_goes_through_containers() -> None:
    given = {b"a": [b"b", (b"c", 5, None)], "d": {"e": b"\xc3\xa9"}}
    assert escape.recursive_unicode(given) == {"a": ["b", ("c", 5, None)], "d": {"e": "é"}}
    assert given[b"a"] == [b"b", (b"c", 5, None)], "the given object was changed"


def test_squeeze_leaves_one_space_and_none_at_the_ends() -> None:
    assert escape.squeeze(" a \t\r\n b\x00\x1fc ") == "a b c"
    assert escape.squeeze("") == ""


@pytest.mark.parametrize("name", escape.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    assert callable(getattr(escape, name))
