"""Signed values: what Tornado wrote is read, and nothing else is believed."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.web import _signed
from waterspout.web._signed import create_signed_value, decode_signed_value, get_signature_key_version

SECRET = "It's a secret to everybody"
NOW = 1300000000
DAY = 86400


def present() -> float:
    return NOW


def past() -> float:
    return NOW - DAY * 40


def future() -> float:
    return NOW + DAY * 40


def decode(value: str | bytes, name: str = "key", **options: object) -> bytes | None:
    return decode_signed_value(SECRET, name, value, clock=present, **options)  # type: ignore[arg-type]


# Written by Tornado 6.6.1 with the secrets "s" and {3: "s"} at NOW.
TORNADO_PLAIN = b"2|1:0|10:1300000000|1:n|4:dg==|949dbbc3639a45afa25c2a48e9d57bd8b6758ecc4bdb0c93c5f77dc111341ea6"
TORNADO_KEYED = b"2|1:3|10:1300000000|1:n|4:dg==|f502fca4b6e741df7228c8fa83e839993b3982afb9d259299e3953444c5e9a17"
TORNADO_V1 = b"dg==|1300000000|6a32ebbb7b67ad010d0338b375cebc781ddd4c25"


def test_the_format_is_tornados_byte_for_byte() -> None:
    assert create_signed_value("s", "n", "v", clock=present) == TORNADO_PLAIN
    assert create_signed_value({3: "s"}, "n", b"v", clock=present, key_version=3) == TORNADO_KEYED
    assert create_signed_value("s", "n", "v", version=1, clock=present) == TORNADO_V1


def test_what_tornado_signed_stays_valid() -> None:
    assert decode_signed_value("s", "n", TORNADO_PLAIN, clock=present) == b"v"
    assert decode_signed_value({3: "s", 4: "new"}, "n", TORNADO_KEYED, clock=present) == b"v"
    assert decode_signed_value(b"s", "n", TORNADO_PLAIN.decode(), clock=present) == b"v"


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_value_under_any_name_comes_back(value: bytes, name: str) -> None:
    signed = create_signed_value(SECRET, name, value, clock=present)
    assert decode_signed_value(SECRET, name, signed, clock=present) == value


def test_SC1_a_value_is_valid_for_its_own_name_only() -> None:
    signed = create_signed_value(SECRET, "a", "value", clock=present)
    assert decode(signed, "b") is None
    assert decode(signed, "a") == b"value"


def test_SC1_the_boundary_between_name_and_value_cannot_be_moved() -> None:
    # In version 1 name and value are signed without a separator between them.
    signed = create_signed_value(SECRET, "a", b"b" * 6, version=1, clock=present)
    moved = signed[4:]
    assert decode_signed_value(SECRET, "a" + signed[:4].decode(), moved, clock=present) is None
    signed = create_signed_value(SECRET, "key", "value", clock=present)
    assert decode(signed.replace(b"3:key|8:", b"4:key8|7:")) is None


def test_SC2_version_1_is_refused_unless_asked_for() -> None:
    assert decode_signed_value("s", "n", TORNADO_V1, clock=present) is None
    assert decode_signed_value("s", "n", TORNADO_V1, clock=present, min_version=1) == b"v"
    assert decode_signed_value("s", "n", TORNADO_V1, clock=present, compat="tornado") == b"v"
    assert decode_signed_value("s", "n", TORNADO_V1, clock=present, min_version=2, compat="tornado") is None


@pytest.mark.parametrize("version", [1, 2])
def test_SC3_a_value_that_is_too_old_is_refused(version: int) -> None:
    signed = create_signed_value(SECRET, "key", "value", version=version, clock=past)
    assert decode(signed, min_version=1) is None
    assert decode(signed, min_version=1, max_age_days=41) == b"value"


@pytest.mark.parametrize(("days", "expected"), [(31, b"value"), (31 + 1 / DAY, None)])
def test_SC3_the_edge_of_the_age_is_exact(days: float, expected: bytes | None) -> None:
    signed = create_signed_value(SECRET, "key", "value", clock=lambda: NOW - days * DAY)
    assert decode(signed) == expected


def test_SC4_a_value_from_the_future_is_refused_but_for_clocks_that_differ() -> None:
    signed = create_signed_value(SECRET, "key", "value", clock=future)
    assert decode(signed) is None
    assert decode(signed, compat="tornado") == b"value"
    assert decode(create_signed_value(SECRET, "key", "value", clock=lambda: NOW + 300)) == b"value"
    assert decode(create_signed_value(SECRET, "key", "value", clock=lambda: NOW + 301)) is None


def test_SC4_digits_cannot_be_moved_from_the_value_to_the_time_in_version_1() -> None:
    # The value must be base64 that ends in a digit: then the boundary to the time could be moved.
    signed = create_signed_value(SECRET, "key", base64.b64decode(b"d0e1"), version=1, clock=past)
    value, timestamp, signature = signed.split(b"|")
    moved = b"|".join([value[:-1], value[-1:] + timestamp, signature])
    assert decode(moved, min_version=1) is None


SIGNED = create_signed_value(SECRET, "key", "value", clock=present)


@pytest.mark.parametrize("length", ["99999999999", "-1", "+1", "1_0", "01", "", " 1", "1 ", "2", "0", "\u0661"])
def test_SC6_a_malformed_length_is_refused_without_an_exception(length: str) -> None:
    assert decode(SIGNED.decode().replace("2|1:0", f"2|{length}:0")) is None
    assert decode(SIGNED.decode().replace("|3:key", f"|{length}:key")) is None


@pytest.mark.parametrize(
    "value",
    [
        SIGNED + b"x",
        SIGNED + b"|",
        SIGNED[:-1],
        SIGNED.upper(),
        b"2|",
        b"2",
        b"",
        b"|",
        b"||",
        b"3|1:0|x",
        b"999|x",
        b"2|1:0|1:1|1:1|1:1",
        SIGNED.replace(b"10:1300000000", b"10:+130000000"),
        SIGNED.replace(b"10:1300000000", b"10:1_30000000"),
        SIGNED.replace(b"1:0|", b"1:x|"),
    ],
)
def test_SC6_whatever_is_malformed_is_none(value: bytes) -> None:
    assert decode(value) is None
    assert decode(value, min_version=1) is None


@pytest.mark.parametrize("value", ["é", "\0", "2|\0", "\ud800", "2|1:0|10:1300000000|3:k\ud800y|x", b"\xff\xfe"])
def test_SC7_strange_characters_are_none(value: str | bytes) -> None:
    assert decode(value) is None
    assert decode(value, min_version=1) is None
    assert get_signature_key_version(value) is None


@pytest.mark.parametrize(
    "value", [b"2|" + b"1" * 1_000_000, b"1" * 1_000_000, b"2|" + b"1:0|" * 250_000, b"|" * 1_000_000]
)
def test_SC7_a_long_value_takes_linear_time(value: bytes) -> None:
    began = time.process_time()
    assert decode(value, min_version=1) is None
    assert time.process_time() - began < 1


@given(st.binary(max_size=120))
def test_SC7_no_input_raises(value: bytes) -> None:
    assert decode(value, min_version=1) is None
    get_signature_key_version(value)


def test_SC8_a_key_version_that_is_not_there_is_refused() -> None:
    secrets = {0: "a" * 16, 1: "b" * 16}
    signed = create_signed_value(secrets, "key", "value", clock=present, key_version=1)
    assert decode_signed_value(secrets, "key", signed, clock=present) == b"value"
    assert decode_signed_value({0: "a" * 16}, "key", signed, clock=present) is None
    assert decode_signed_value({0: "a" * 16, 1: "c" * 16}, "key", signed, clock=present) is None


def test_SC8_the_key_version_can_be_read_and_cannot_be_changed() -> None:
    secrets = {0: "a" * 16, 1: "b" * 16}
    signed = create_signed_value(secrets, "key", "value", clock=present, key_version=1)
    assert get_signature_key_version(signed) == 1
    assert decode_signed_value(secrets, "key", signed.replace(b"2|1:1", b"2|1:0"), clock=present) is None


def test_the_key_version_is_none_for_other_formats() -> None:
    assert get_signature_key_version(TORNADO_V1) is None
    assert get_signature_key_version("2|x") is None


def test_a_mapping_of_secrets_needs_a_key_version_that_is_in_it() -> None:
    with pytest.raises(ValueError, match="key_version must be given"):
        create_signed_value({0: "a"}, "key", "value")
    with pytest.raises(ValueError, match="no secret of key_version 1"):
        create_signed_value({0: "a"}, "key", "value", key_version=1)
    with pytest.raises(ValueError, match="version 1 have no key versions"):
        create_signed_value({0: "a"}, "key", "value", version=1, key_version=0)
    assert decode_signed_value({0: "s"}, "n", TORNADO_V1, min_version=1, clock=present) is None


def test_an_unknown_version_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="Unsupported version 3"):
        create_signed_value(SECRET, "key", "value", version=3)
    with pytest.raises(ValueError, match="Unsupported min_version 3"):
        decode_signed_value(SECRET, "key", "value", min_version=3)


def test_every_changed_byte_makes_the_value_invalid() -> None:
    for position in range(len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[position] ^= 1
        assert decode(bytes(changed)) is None, position


@pytest.mark.parametrize("version", [1, 2])
def test_SC9_signatures_are_compared_in_constant_time(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return True

    monkeypatch.setattr(_signed.hmac, "compare_digest", watched)
    value = create_signed_value(SECRET, "name", "value", version=version)
    forged = value[:-1] + (b"0" if value[-1:] != b"0" else b"1")
    # What it says is what counts: no other comparison refuses the value.
    assert decode_signed_value(SECRET, "name", forged, min_version=version) == b"value"
    assert len(compared) == 1 and compared[0][0] != compared[0][1] and len(compared[0][0]) == len(compared[0][1])
