"""Set-Cookie: what is written, and what is refused before anything is sent."""

import datetime
import time
from http.cookies import CookieError, SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import parse_cookie
from waterspout.web._setcookie import set_cookie_header


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "a=b; Path=/"),
        ({"path": None}, "a=b"),
        ({"path": ""}, "a=b"),
        ({"domain": "x.com", "path": "/f"}, "a=b; Domain=x.com; Path=/f"),
        ({"max_age": 10}, "a=b; Max-Age=10; Path=/"),
        ({"max_age": 0}, "a=b; Max-Age=0; Path=/"),
        ({"httponly": True, "secure": True, "samesite": "lax"}, "a=b; HttpOnly; Path=/; SameSite=lax; Secure"),
        ({"httponly": False, "secure": False}, "a=b; Path=/"),
        ({"secure": True, "partitioned": True}, "a=b; Partitioned; Path=/; Secure"),
        ({"expires": 1300000000}, "a=b; expires=Sun, 13 Mar 2011 07:06:40 GMT; Path=/"),
        ({"expires": time.gmtime(0)}, "a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"),
        ({"expires": datetime.datetime(2020, 1, 1)}, "a=b; expires=Wed, 01 Jan 2020 00:00:00 GMT; Path=/"),
        ({"Path": "/bar"}, "a=b; Path=/bar"),
        ({"HttpOnly": True, "SECURE": False}, "a=b; HttpOnly; Path=/"),
        ({"Max-Age": 3}, "a=b; Max-Age=3; Path=/"),
    ],
)
def test_the_attributes(options: dict[str, object], expected: str) -> None:
    assert set_cookie_header("a", "b", **options) == expected  # type: ignore[arg-type]


def test_expires_in_days_is_from_now_and_expires_goes_first() -> None:
    header = set_cookie_header("a", "b", expires_days=1)
    stamp = SimpleCookie(header)["a"]["expires"]
    moment = datetime.datetime.strptime(stamp, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.UTC)
    assert abs((moment - datetime.datetime.now(datetime.UTC)).total_seconds() - 86400) < 5
    assert "2011" in set_cookie_header("a", "b", expires=1300000000, expires_days=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", '""'),
        ("a=b", '"a=b"'),
        ("a;b", '"a\\073b"'),
        ('q"x', '"q\\"x"'),
        ("é", '"\\351"'),
        ("a,b\\", '"a\\054b\\\\"'),
        ("\x7f", '"\\177"'),
        (b"bytes", "bytes"),
    ],
)
def test_values_are_quoted_where_a_cookie_cannot_hold_them_plainly(value: str | bytes, expected: str) -> None:
    assert set_cookie_header("a", value) == f"a={expected}; Path=/"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=100))
def test_every_value_is_read_back(value: str) -> None:
    pair = set_cookie_header("a", value, path=None)
    assert ";" not in pair
    assert parse_cookie(pair) == {"a": value}


@pytest.mark.parametrize("value", ["x\r\nX-Inj: 1", "x\n", "x\ry", "x\0", "x\ty", "a b", " a", "\x1f"])
def test_CK8_control_characters_and_blanks_in_the_value_are_refused(value: str) -> None:
    for compat in ("tornado", "waterspout"):
        with pytest.raises(ValueError, match="Invalid cookie 'a'"):
            set_cookie_header("a", value, compat=compat)


@pytest.mark.parametrize("wide", ["☃", "a\u0100", "\U0001f600"])
def test_what_no_header_can_hold_is_refused_when_it_is_set_not_when_it_is_sent(wide: str) -> None:
    for compat in ("tornado", "waterspout"):
        with pytest.raises(ValueError, match="Invalid cookie 'a': .*not Latin-1"):
            set_cookie_header("a", wide, compat=compat)
        for attribute in ("path", "domain", "samesite"):
            with pytest.raises(ValueError, match=f"Invalid cookie attribute {attribute}="):
                set_cookie_header("a", "b", compat=compat, **{attribute: wide})  # type: ignore[arg-type]


def test_CK9_a_value_cannot_add_attributes() -> None:
    with pytest.raises(ValueError, match="Invalid cookie"):
        set_cookie_header("a", "b; Domain=evil")
    assert set_cookie_header("a", "b;Domain=evil") == 'a="b\\073Domain=evil"; Path=/'


@pytest.mark.parametrize("name", ["a;b", "a b", "", "a=b", "a\n", "é", "a,b", 'a"', "a\0", "a/b", "[a]"])
def test_CK10_a_name_that_is_no_token_is_refused(name: str) -> None:
    for compat in ("tornado", "waterspout"):
        with pytest.raises(ValueError, match="it must be a token"):
            set_cookie_header(name, "1", compat=compat)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("path", "/;Secure"),
        ("domain", "e.com; HttpOnly"),
        ("samesite", "Lax;Partitioned"),
        ("path", "/\r\nX: 1"),
        ("domain", "e\0"),
        ("path", "/\x7f"),
        ("comment", "a;b"),
        ("version", "1;Secure"),
    ],
)
def test_CK11_no_attribute_can_bring_another_in_either_spelling(attribute: str, value: str) -> None:
    for spelled in (attribute, attribute.upper(), attribute.capitalize()):
        for compat in ("tornado", "waterspout"):
            with pytest.raises(ValueError, match="Invalid cookie attribute"):
                set_cookie_header("a", "b", compat=compat, **{spelled: value})  # type: ignore[arg-type]


def test_CK11_the_error_names_the_attribute_as_it_was_given_and_is_that_of_http_cookies() -> None:
    with pytest.raises(CookieError, match="Invalid cookie attribute DoMaIn='example;.com' for cookie 'foo'"):
        set_cookie_header("foo", "bar", DoMaIn="example;.com")


def test_an_unknown_attribute_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no attribute 'foo'"):
        set_cookie_header("a", "b", foo=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("__Host-a", {"secure": True, "domain": "example.com"}),
        ("__Host-a", {"secure": True, "path": "/x"}),
        ("__Host-a", {"secure": True, "path": None}),
        ("__Host-a", {}),
        ("__host-a", {}),
        ("__Secure-a", {}),
        ("__SECURE-a", {}),
        ("__Secure-a", {"secure": True, "Secure": False}),
    ],
)
def test_CK12_a_prefix_without_what_it_promises_is_refused(name: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="its prefix promises it"):
        set_cookie_header(name, "v", **options)  # type: ignore[arg-type]
    assert set_cookie_header(name, "v", compat="tornado", **options).startswith(name)  # type: ignore[arg-type]


def test_CK12_a_prefix_with_what_it_promises_is_sent() -> None:
    assert set_cookie_header("__Host-a", "v", secure=True) == "__Host-a=v; Path=/; Secure"
    assert (
        set_cookie_header("__Secure-a", "v", secure=True, domain="e.com")
        == "__Secure-a=v; Domain=e.com; Path=/; Secure"
    )


@pytest.mark.parametrize("options", [{"samesite": "None"}, {"samesite": "none"}, {"partitioned": True}])
def test_CK13_what_browsers_take_only_with_secure_is_refused_without(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs secure=True"):
        set_cookie_header("a", "b", **options)  # type: ignore[arg-type]
    assert "Secure" in set_cookie_header("a", "b", secure=True, **options)  # type: ignore[arg-type]


def test_CK13_a_samesite_that_is_none_of_the_three_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 'strict', 'lax' or 'none'"):
        set_cookie_header("a", "b", samesite="loose")


def test_CK14_the_limit_of_browsers_is_the_limit() -> None:
    assert len(set_cookie_header("a", "x" * 4095, path=None)) == 4097
    with pytest.raises(ValueError, match="4097 bytes, browsers drop those over 4096"):
        set_cookie_header("a", "x" * 4096)
    with pytest.raises(ValueError, match="browsers drop"):
        set_cookie_header("a", "x" * 5000)
    assert set_cookie_header("a", "x" * 5000, compat="tornado")
