"""Secrets: what counts as one, which version is meant, and keys derived for one purpose each."""

import hashlib
import hmac
from collections.abc import Mapping

from waterspout.escape import utf8
from waterspout.util import is_tornado_compat

Secret = str | bytes | Mapping[int, str | bytes]
"""One secret, or several by version, so that old signatures stay valid while a new secret is in use."""

MIN_SECRET_BYTES = 16  # 128 bits, if all of them are random
_HASH = hashlib.sha256


def check_secret(secret: Secret, *, setting: str = "cookie_secret", compat: str | None = None) -> None:
    """Raise ValueError for a secret that can be guessed; call it when the application is made.

    Empty ones and those under 16 bytes are refused, of a mapping each. With ``compat="tornado"`` all are accepted.
    """
    if is_tornado_compat(compat):
        return
    if isinstance(secret, Mapping) and not secret:
        raise ValueError(f"{setting} has no key versions: give at least one")
    for part in secret.values() if isinstance(secret, Mapping) else [secret]:
        if len(utf8(part)) < MIN_SECRET_BYTES:
            raise ValueError(
                f"{setting} must have at least {MIN_SECRET_BYTES} bytes: "
                "make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )


def secret_of_version(secret: Secret, version: int) -> bytes | None:
    """The secret that signs as ``version``; a plain secret signs as any. None if the version is not there (any
    more).
    """
    if isinstance(secret, Mapping):
        found = secret.get(version)
        return None if found is None else utf8(found)
    return utf8(secret)


def current_version(secret: Secret, version: int | None) -> int:
    """The version to sign with: the one given, else 0 for a plain secret and the highest of a mapping."""
    if version is not None:
        return version
    return max(secret) if isinstance(secret, Mapping) else 0


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes that is good for ``purpose`` only (HKDF-SHA256, RFC 5869, with the purpose as ``info``).

    What was signed for one purpose can so never pass as signed for another. Signed cookies use the secret itself,
    as they always have, and none of these keys.
    """
    extracted = hmac.digest(b"waterspout", secret, _HASH().name)
    return hmac.digest(extracted, purpose.encode() + b"\x01", _HASH().name)
