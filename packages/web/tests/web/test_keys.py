"""Secrets and derived keys."""

import pytest

from waterspout.web._keys import check_secret, derive_key, secret_of_version
from waterspout.web._signed import create_signed_value, decode_signed_value
from waterspout.web._signedurl import sign_url, verify_url
from waterspout.web._xsrf import is_genuine, new_token


@pytest.mark.parametrize("secret", ["", b"", "short", "x" * 15, {0: "x" * 16, 1: "short"}, {}])
def test_SC5_a_secret_that_can_be_guessed_is_refused_at_the_start(secret: object) -> None:
    with pytest.raises(ValueError, match="cookie_secret"):
        check_secret(secret)  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", ["x" * 16, b"x" * 16, "é" * 8, {0: "x" * 16, 7: b"y" * 32}])
def test_SC5_a_secret_of_16_bytes_is_accepted(secret: object) -> None:
    check_secret(secret)  # type: ignore[arg-type]


def test_SC5_the_compat_mode_accepts_any() -> None:
    check_secret("", compat="tornado")


def test_keys_are_hkdf_with_the_purpose_as_info() -> None:
    # Computed with the HKDF of pyca/cryptography: SHA-256, 32 bytes, this salt and info.
    expected = "e2b90029fbfe512cf36d1ec0cbb8b94c25cc3a8acd8db89303b925b5925a087d"
    assert derive_key(b"secret", "signed-url:").hex() == expected


def test_SC10_a_key_of_one_purpose_is_not_that_of_another_nor_the_secret() -> None:
    keys = {derive_key(b"s" * 32, purpose) for purpose in ("xsrf-token", "signed-url:", "signed-url:x", "")}
    assert len(keys | {b"s" * 32}) == 5


def test_SC10_what_is_signed_for_one_use_is_refused_by_the_others() -> None:
    secret = "s" * 32
    link = sign_url(secret, "https://a.example/x", max_age=60)
    signature = link.rpartition(".")[2]
    cookie = create_signed_value(secret, "x", "y")
    token = new_token(secret)
    assert decode_signed_value(secret, "x", link) is None
    assert decode_signed_value(secret, "x", token.hex()) is None
    assert not verify_url(secret, link.replace(signature, cookie.decode()[-43:]))
    assert not verify_url(secret, link.replace(signature, token.hex()[:43]))
    assert not is_genuine(cookie, secret)
    assert not is_genuine(signature.encode(), secret)


def test_a_plain_secret_signs_as_every_version() -> None:
    assert secret_of_version("a", 5) == b"a"
    assert secret_of_version({1: "b"}, 1) == b"b"
    assert secret_of_version({1: "b"}, 2) is None
