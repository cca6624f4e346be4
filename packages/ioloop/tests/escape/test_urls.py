"""Text in URLs and query strings."""

import tracemalloc
import urllib.parse

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waterspout.escape import parse_qs_bytes, url_escape, url_unescape

HOSTILE = st.text(alphabet="%0aFg+&=;é\u20ac\x00 ", max_size=30)


def test_query_and_path_escape_differently() -> None:
    assert url_escape("a b/é+~") == "a+b%2F%C3%A9%2B~"
    assert url_escape("a b/é+~", plus=False) == "a%20b/%C3%A9%2B~"
    assert url_escape(b"\xff ") == "%FF+"


def test_query_and_path_unescape_differently() -> None:
    assert url_unescape("%C3%A9+%2B") == "é +"
    assert url_unescape("%C3%A9+%2B", plus=False) == "é++"
    assert url_unescape(b"%C3%A9+") == "é "


def test_the_encoding_says_what_the_bytes_mean() -> None:
    assert url_unescape("%E9", encoding="latin-1") == "é"
    assert url_unescape("%83e", encoding="shift_jis") == b"\x83e".decode("shift_jis")
    assert url_unescape("%E9+", encoding=None) == b"\xe9 "
    assert url_unescape("%E9+", encoding=None, plus=False) == b"\xe9+"
    assert url_unescape(b"\xff%41", encoding=None) == b"\xffA"


def test_bytes_that_are_not_text_are_replaced() -> None:
    assert url_unescape("%ff-%C3") == "\ufffd-\ufffd"


@given(HOSTILE)
@example("%C3%A9" * 3 + "%C3")
def test_it_unescapes_as_the_standard_library_does(text: str) -> None:
    assert url_unescape(text) == urllib.parse.unquote_plus(text)
    assert url_unescape(text, plus=False) == urllib.parse.unquote(text)
    assert url_unescape(text, encoding="latin-1") == urllib.parse.unquote_plus(text, "latin-1")
    assert url_unescape(text, encoding=None, plus=False) == urllib.parse.unquote_to_bytes(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.booleans())
def test_unescape_is_the_inverse_of_escape(text: str, plus: bool) -> None:
    assert url_unescape(url_escape(text, plus), plus=plus) == text


@pytest.mark.parametrize("hostile", ["%41a" * 50_000, "%41" * 60_000, "%C3%A9" * 30_000, "%" * 200_000, "%4" * 90_000])
def test_unescaping_takes_memory_in_proportion(hostile: str) -> None:
    tracemalloc.start()
    try:
        url_unescape(hostile)
        url_unescape(hostile, encoding=None)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert used < 6 * len(hostile)


def test_fields_keep_their_order_and_their_bytes() -> None:
    assert parse_qs_bytes("b=1&a=%ff+x&b=%32") == {"b": [b"1", b"2"], "a": [b"\xff x"]}
    assert parse_qs_bytes(b"\xff=\xfe&a%20b=1&a+b=2") == {"\xff": [b"\xfe"], "a b": [b"1", b"2"]}


def test_blank_values_are_kept_on_request() -> None:
    assert parse_qs_bytes("a=&b&c=1&&") == {"c": [b"1"]}
    assert parse_qs_bytes("a=&b&c=1&&", keep_blank_values=True) == {"a": [b""], "b": [b""], "c": [b"1"]}
    assert parse_qs_bytes("") == parse_qs_bytes(b"", keep_blank_values=True) == {}


def test_strict_parsing_refuses_fields_without_equals() -> None:
    with pytest.raises(ValueError, match="bad query field: b'b'"):
        parse_qs_bytes("a=1&b", strict_parsing=True)
    assert parse_qs_bytes("a=1;b=2&c=", True, True) == {"a": [b"1;b=2"], "c": [b""]}


def test_fields_at_the_limit_pass_and_one_more_does_not() -> None:
    assert len(parse_qs_bytes("a=1&b=2", max_num_fields=2)) == 2
    with pytest.raises(ValueError, match="Max number of fields exceeded: 3, 2 allowed"):
        parse_qs_bytes("a=1&b=2&c=3", max_num_fields=2)


def test_text_must_be_bytes_in_disguise() -> None:
    assert parse_qs_bytes("\xe9=\xff") == {"\xe9": [b"\xff"]}
    with pytest.raises(ValueError):
        parse_qs_bytes("\u20ac=1")


@given(HOSTILE.map(lambda text: text.replace("é", "").replace("\u20ac", "")), st.booleans())
def test_it_parses_as_the_standard_library_does(query: str, keep: bool) -> None:
    expected = urllib.parse.parse_qs(query, keep, encoding="latin-1", errors="strict")
    assert parse_qs_bytes(query, keep) == {
        name: [value.encode("latin-1") for value in values] for name, values in expected.items()
    }
