"""Random values, and keys for one purpose each, made from the application's ``cookie_secret``."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from waterspout.escape import utf8

Secret = str | bytes | Mapping[int, str | bytes]
"""One secret, or several by version of which the highest signs: the setting ``cookie_secret``."""

MIN_SECRET_BYTES = 16


def b64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    """The bytes of `b64url`. ValueError for anything that it does not make."""
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:  # characters that the decoder passes over, or bits that belong to no byte
        raise ValueError("no base64url")
    return data


def new_token() -> str:
    """256 random bits, as 43 characters that fit everywhere."""
    return b64url(secrets.token_bytes(32))


def keys_for(secret: Secret, purpose: str) -> dict[int, bytes]:
    """Keys of 32 bytes by version that are good for ``purpose`` alone: what is signed for one never passes for another.

    Raises ValueError for a secret that can be guessed (under 16 bytes).
    """
    versions: Mapping[int, str | bytes] = secret if isinstance(secret, Mapping) else {0: secret}
    if not versions or any(len(utf8(one)) < MIN_SECRET_BYTES for one in versions.values()):
        raise ValueError(
            f"the secret must have at least {MIN_SECRET_BYTES} bytes: "
            "make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return {version: derived(utf8(one), f"waterspout.auth {purpose}") for version, one in versions.items()}


def derived(key: bytes, purpose: str) -> bytes:
    """32 bytes that only the holder of ``key`` can make for ``purpose`` (HMAC-SHA256 as a pseudo-random function)."""
    return hmac.digest(key, purpose.encode(), hashlib.sha256().name)


def equal(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
