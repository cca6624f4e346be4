import time
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import HTTPInputError, ParseBodyConfig, ParseUrlEncodedConfig, parse_body_arguments
from waterspout.httputil import parse_urlencoded as parse

FORM = "application/x-www-form-urlencoded"


def test_fields_with_blank_values_and_names_are_kept() -> None:
    assert parse(b"a=1&b=&c&=d&&a=2&e=f+g%20h") == {
        "a": [b"1", b"2"],
        "b": [b""],
        "c": [b""],
        "": [b"d"],
        "e": [b"f g h"],
    }
    assert parse(b"") == {}


def test_text_as_tests_hand_it_in_counts_as_its_utf8() -> None:
    assert parse("a=1&b=%C3%A9&c=\u00e9+x") == {"a": [b"1"], "b": [b"\xc3\xa9"], "c": [b"\xc3\xa9 x"]}
    arguments: dict[str, list[bytes]] = {}
    parse_body_arguments(FORM, "a=1&a=2", arguments, {})  # type: ignore[arg-type]
    assert arguments == {"a": [b"1", b"2"]}


def test_UE1_one_field_more_than_the_limit_is_refused() -> None:
    assert len(parse(b"&".join([b"a=b"] * 1000))["a"]) == 1000
    with pytest.raises(HTTPInputError, match="has 1001, the limit is 1000") as caught:
        parse(b"&".join([b"a=b"] * 1001))
    assert caught.value.status == 400
    arguments: dict[str, list[bytes]] = {"kept": [b"x"]}
    with pytest.raises(HTTPInputError):
        parse_body_arguments(FORM, b"a=b&" * 1000, arguments, {})
    assert arguments == {"kept": [b"x"]}


def test_UE1_limit_is_configurable() -> None:
    config = ParseUrlEncodedConfig(max_arguments=2)
    assert parse(b"a=1&b=2", config=config) == {"a": [b"1"], "b": [b"2"]}
    with pytest.raises(HTTPInputError):
        parse(b"a=1&b=2&c=3", config=config)
    with pytest.raises(HTTPInputError):
        parse_body_arguments(FORM, b"a&b&c", {}, {}, config=ParseBodyConfig(urlencoded=config))


def test_UE2_the_same_limit_holds_for_queries() -> None:
    with pytest.raises(HTTPInputError):
        parse(b"&".join([b"a=b"] * 1001))


def test_UE3_broken_percent_encoding_is_literal() -> None:
    assert parse(b"a=%zz&b=%&c=%u1234&d=%4") == {"a": [b"%zz"], "b": [b"%"], "c": [b"%u1234"], "d": [b"%4"]}


def test_UE4_semicolon_is_no_separator() -> None:
    assert parse(b"a=1;b=2") == {"a": [b"1;b=2"]}


def test_UE5_three_hundred_thousand_percent_codes_take_linear_time() -> None:
    start = time.process_time()
    assert parse(b"a=" + b"%41" * 300_000) == {"a": [b"A" * 300_000]}
    assert time.process_time() - start < 5


def test_UE6_invalid_utf8_stays_bytes() -> None:
    assert parse(b"a=%ff%fe") == {"a": [b"\xff\xfe"]}


def test_UE7_control_characters_stay_bytes() -> None:
    assert parse(b"a=x%00y%01z") == {"a": [b"x\0y\1z"]}


@pytest.mark.parametrize("content_type", [FORM + "; charset=utf-7", FORM.upper(), FORM + " ;", FORM])
def test_UE8_charset_and_case_of_the_content_type_do_not_matter(content_type: str) -> None:
    arguments: dict[str, list[bytes]] = {"a": [b"0"]}
    files: dict[str, list[object]] = {}
    parse_body_arguments(content_type, b"a=%2BADw-&b=2", arguments, files)  # type: ignore[arg-type]
    assert arguments == {"a": [b"0", b"+ADw-"], "b": [b"2"]}
    assert files == {}


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=8))
def test_what_urlencode_writes_is_read_back(fields: list[tuple[bytes, bytes]]) -> None:
    expected: dict[str, list[bytes]] = {}
    for name, value in fields:
        expected.setdefault(name.decode("latin-1"), []).append(value)
    assert parse(urlencode(fields).encode()) == expected


@given(st.binary(max_size=40))
def test_any_bytes_are_fields(data: bytes) -> None:
    for name, values in parse(data).items():
        assert all(parse(f"{quote_plus(name, encoding='latin-1')}={quote_plus(value)}".encode()) for value in values)
