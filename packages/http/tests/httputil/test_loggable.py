"""Requests in the log."""

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import is_secret_name, loggable, mask_query, request_summary
from waterspout.httputil._loggable import MAX_LENGTH


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/a%0ab", "/a%0ab"),
        ("/\x1b[31m", "/\\x1b[31m"),
        ("/a\r\nGET /", "/a\\x0d\\x0aGET /"),
        ("/\u202egnp.exe", "/\\u202egnp.exe"),
        ("/\u2028x\x85", "/\\u2028x\\x85"),
        ("/\0\x7f", "/\\x00\\x7f"),
        ("/\ud800", "/\\ud800"),
        ("/é日", "/é日"),
    ],
)
def test_LG1_control_characters_are_shown_not_sent_to_the_terminal(uri: str, expected: str) -> None:
    assert request_summary("GET", uri, "127.0.0.1") == f"GET {expected} (127.0.0.1)"


@given(st.text(max_size=300))
def test_LG1_a_record_is_one_printable_line_of_bounded_length(uri: str) -> None:
    line = request_summary(uri, uri, uri)
    assert len(line.splitlines()) <= 1
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in line)
    line.encode()


@pytest.mark.parametrize(
    "uri", ["/" + "a" * 60_000, "/" + "\x1b" * 60_000, "/?" + "token=" * 10_000, "/?" + "a&" * 30_000]
)
def test_LG1_a_long_target_is_cut_at_2_kb_in_linear_time(uri: str) -> None:
    began = time.process_time()
    line = request_summary("GET", uri, "127.0.0.1")
    assert len(line) <= MAX_LENGTH + 40
    assert time.process_time() - began < 0.5


def test_LG1_what_fits_is_not_cut() -> None:
    assert loggable("a" * MAX_LENGTH) == "a" * MAX_LENGTH
    assert loggable("a" * (MAX_LENGTH + 1)) == "a" * MAX_LENGTH + "..."


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/?token=abc", "/?token=***"),
        ("/?a=1&password=x&b=2", "/?a=1&password=***&b=2"),
        ("/?access_token=a=b", "/?access_token=***"),
        ("/cb?code=abc&state=1", "/cb?code=***&state=1"),
        ("/?API-KEY=x;sid=y", "/?API-KEY=***;sid=***"),
        ("/?api%5Fkey=x#f", "/?api%5Fkey=***#f"),
        ("/?_xsrf=2|a|b", "/?_xsrf=***"),
        ("/?author=x&monkey=y&zipcode=1", "/?author=x&monkey=y&zipcode=1"),
        ("/token=x", "/token=x"),
        ("/?token", "/?token"),
    ],
)
def test_LG2_values_of_parameters_that_look_secret_are_masked(uri: str, expected: str) -> None:
    assert mask_query(uri) == expected
    assert request_summary("GET", uri, None) == f"GET {expected} (None)"


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Auth-Token", "password", "client_secret", "sessionid", "cookie_secret", "otp", "PIN"]
)
def test_LG2_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


def test_LG4_a_user_name_cannot_add_a_record() -> None:
    assert loggable("admin\n127.0.0.1 - GET /") == "admin\\x0a127.0.0.1 - GET /"


def test_LG5_a_summary_is_no_format_string(caplog: pytest.LogCaptureFixture) -> None:
    line = request_summary("GET", "/%s%n{}%(x)s", "127.0.0.1")
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%d %s", 200, line)
    assert caplog.messages == ["200 GET /%s%n{}%(x)s (127.0.0.1)"]
