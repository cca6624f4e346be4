import time

import pytest

from waterspout.httputil import HTTPHeaders, parse_cookie, parse_cookie_pairs


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("a=b", {"a": "b"}),
        ("a=b; c=d;e=f", {"a": "b", "c": "d", "e": "f"}),
        ("  a = b ;; ", {"a": "b"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=", {"a": ""}),
        ("a=b,c=d", {"a": "b,c=d"}),
        ('a="b c"', {"a": "b c"}),
        ('a="x\\"y"', {"a": 'x"y'}),
        ('a="\\054\\073"', {"a": ",;"}),
        ('a="\\400"', {"a": "400"}),
        ('a="', {"a": '"'}),
        ('a=""', {"a": ""}),
        ('a="\\"', {"a": "\\"}),
        ("a=\xe9", {"a": "\xe9"}),
        ("", {}),
        (";", {}),
    ],
)
def test_cookies_are_read_as_browsers_write_them(header: str, cookies: dict[str, str]) -> None:
    assert parse_cookie(header) == parse_cookie(header, compat="tornado") == cookies


def test_CK1_fifteen_thousand_backslashes_take_linear_time() -> None:
    start = time.process_time()
    assert parse_cookie('a="b=' + "\\\\" * 15_000 + '"') == {"a": "b=" + "\\" * 15_000}
    assert time.process_time() - start < 0.5


def test_CK2_first_200_of_many_cookies_are_kept() -> None:
    start = time.process_time()
    cookies = parse_cookie("; ".join(f"c{i}={i}" for i in range(6_000)))
    assert cookies == {f"c{i}": str(i) for i in range(200)}
    assert time.process_time() - start < 0.5
    assert len(parse_cookie("; ".join(f"c{i}={i}" for i in range(200)))) == 200


def test_CK3_bracket_does_not_end_a_value() -> None:
    assert parse_cookie("a=b]_xsrf=injected") == {"a": "b]_xsrf=injected"}


def test_CK4_nameless_pair_is_dropped_unless_compatible() -> None:
    assert parse_cookie("=__Host-a=bad; x=1") == {"x": "1"}
    assert parse_cookie("abc; x=1") == {"x": "1"}
    assert parse_cookie("=__Host-a=bad; x=1", compat="tornado") == {"": "__Host-a=bad", "x": "1"}
    assert parse_cookie('a=b; "; c=d', compat="tornado") == {"a": "b", "": '"', "c": "d"}


def test_CK5_semicolon_splits_inside_quotes_too() -> None:
    assert parse_cookie('a="x; b=evil"; c=1') == {"a": '"x', "b": 'evil"', "c": "1"}


def test_CK6_last_of_equal_names_wins_and_pairs_show_both() -> None:
    assert parse_cookie("sid=1; sid=2") == {"sid": "2"}
    assert parse_cookie_pairs("sid=1; sid=2; x") == [("sid", "1"), ("sid", "2"), ("", "x")]


def test_CK7_decoded_newline_cannot_reach_a_header() -> None:
    value = parse_cookie('a="\\012X: y"')["a"]
    assert value == "\nX: y"
    with pytest.raises(ValueError):
        HTTPHeaders({"X-Echo": value})
