"""XSRF tokens."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.web._xsrf import decode_token, encode_token, is_genuine, new_token, tokens_match

SECRET = "s" * 32


@given(st.binary(min_size=1, max_size=100), st.sampled_from([1, 2]))
def test_a_token_comes_back_from_its_text(token: bytes, version: int) -> None:
    found, decoded, _ = decode_token(encode_token(token, version))
    assert (found, decoded) == (version, token)


def test_the_time_is_kept_in_version_2_and_now_in_version_1() -> None:
    assert decode_token(encode_token(b"x" * 16, 2, 1300000000.7)) == (2, b"x" * 16, 1300000000)
    made = decode_token(encode_token(b"x" * 16, 1))[2]
    assert made is not None and abs(made - time.time()) < 5


def test_a_text_of_tornado_is_read() -> None:
    # Written by Tornado 6.6.1, with the raw token that it has for it.
    text = "2|493c99db|b304989379916a4e02a08c9e4d6a8520|1795480052"
    raw = b"\xfa8\x01H0\xad\xf3\x95K\x9c\x15E\x04V\x1c\xfb"
    assert decode_token(text) == (2, raw, 1795480052)


@pytest.mark.parametrize(
    "text",
    [
        "2|zz|zz|0",
        "2|00000000|00|",
        "2|000000|0000|1",
        "2|00000000|000|1",
        "2|00000000||1",
        "2|00000000|00|1|",
        "2|00000000|00|-1",
        "2|00000000|00|" + "1" * 30,
        "2|0x000000|00|1",
        "2|0000_000|00|1",
        "3|00000000|00|1",
        "xyz",
        "abc",
        "",
        "é",
        "\ud800",
        b"\xff",
        "ab\n",
        "a" * 1_000_000,
        "2|" + "a" * 1_000_000,
    ],
)
def test_XS3_what_is_no_token_is_none_and_never_raises(text: str | bytes) -> None:
    assert decode_token(text) == (None, None, None)


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)))
def test_XS3_no_text_raises(text: str | bytes) -> None:
    for compat in ("tornado", "waterspout"):
        decode_token(text, compat=compat)


def test_XS2_a_token_somebody_made_up_is_not_genuine() -> None:
    for made_up in (b"abc", b"\0" * 16, b"x" * 32, new_token(), new_token("other" * 8)):
        assert not is_genuine(made_up, SECRET)
    assert is_genuine(new_token(SECRET), SECRET)
    assert not is_genuine(None, SECRET)


def test_XS2_a_token_belongs_to_what_it_is_bound_to() -> None:
    before_login, after = new_token(SECRET), new_token(SECRET, b"user-1")
    assert is_genuine(before_login, SECRET)
    assert not is_genuine(before_login, SECRET, b"user-1")
    assert is_genuine(after, SECRET, b"user-1")
    assert not is_genuine(after, SECRET, b"user-2")


def test_XS2_without_a_secret_short_tokens_are_refused() -> None:
    assert not is_genuine(b"abc")
    assert not is_genuine(b"x" * 15)
    assert is_genuine(new_token())


def test_XS2_the_compat_mode_takes_short_and_plain_tokens() -> None:
    assert decode_token("abc!", compat="tornado")[:2] == (1, b"abc!")
    assert is_genuine(b"abc", SECRET, compat="tornado")
    assert not is_genuine(b"", SECRET, compat="tornado")


def test_a_token_of_an_older_secret_stays_genuine() -> None:
    token = new_token({1: "a" * 16})
    assert is_genuine(token, {1: "a" * 16, 2: "b" * 16})
    assert not is_genuine(token, {2: "b" * 16})
    assert is_genuine(new_token({1: "a" * 16, 2: "b" * 16}), {2: "b" * 16})


def test_XS7_the_text_differs_each_time_and_means_the_same() -> None:
    token = new_token(SECRET)
    texts = {encode_token(token, 2, 0) for _ in range(10)}
    assert len(texts) == 10
    assert {decode_token(text)[1] for text in texts} == {token}
    # No part but version and time stays.
    fields = [text.split(b"|") for text in texts]
    assert len({field[1] for field in fields}) == len({field[2] for field in fields}) == 10


def test_tokens_match_only_if_both_are_there_and_equal() -> None:
    assert tokens_match(b"abc", b"abc")
    assert not tokens_match(b"abc", b"abd")
    assert not tokens_match(b"", b"")
    assert not tokens_match(None, None)
    assert not tokens_match(b"abc", None)


def test_an_unknown_version_is_an_error_of_the_setting() -> None:
    with pytest.raises(ValueError, match="unknown xsrf cookie version 3"):
        encode_token(b"x", 3)
