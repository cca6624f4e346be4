"""Text that comes back from a browser unchanged: signed, or signed and unreadable."""

from __future__ import annotations

import secrets
from typing import Any, Protocol

from waterspout.auth._secrets import Secret, b64url, from_b64url, keys_for
from waterspout.web import create_signed_value, decode_signed_value

_NONCE_BYTES = 12
_DAYS = 366.0


class Seal(Protocol):
    """Makes cookie values of bytes, and bytes of cookie values that it made for the same name."""

    def seal(self, name: str, data: bytes) -> str:
        """A cookie value."""

    def open(self, name: str, value: str) -> bytes | None:
        """The bytes, or None for a value that was not made here, or for another name."""


class Signed:
    """Signed (HMAC-SHA256), so that nobody can change it; its owner can read it."""

    __slots__ = ("_keys",)

    def __init__(self, secret: Secret, purpose: str) -> None:
        self._keys = keys_for(secret, purpose)

    def seal(self, name: str, data: bytes) -> str:
        """See `Seal`."""
        return create_signed_value(self._keys, name, data, key_version=max(self._keys)).decode()

    def open(self, name: str, value: str) -> bytes | None:
        """See `Seal`."""
        # Ages are judged by what is inside.
        return decode_signed_value(self._keys, name, value, max_age_days=_DAYS, min_version=2, compat="waterspout")


class Encrypted:
    """AES-256-GCM, so that nobody can change or read it. Needs ``pip install 'waterspout-auth[oidc]'``.

    The value is ``version.base64url(nonce, ciphertext, tag)``; the cookie's name is authenticated with it.
    """

    __slots__ = ("_ciphers",)

    def __init__(self, secret: Secret, purpose: str) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise ImportError("encrypted cookies need cryptography: pip install 'waterspout-auth[oidc]'") from error
        self._ciphers: dict[int, Any] = {
            version: AESGCM(key) for version, key in keys_for(secret, f"{purpose} encrypted").items()
        }

    def seal(self, name: str, data: bytes) -> str:
        """See `Seal`."""
        version = max(self._ciphers)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return f"{version}.{b64url(nonce + self._ciphers[version].encrypt(nonce, data, name.encode()))}"

    def open(self, name: str, value: str) -> bytes | None:
        """See `Seal`."""
        from cryptography.exceptions import InvalidTag

        version, _, text = value.partition(".")
        cipher = (
            self._ciphers.get(int(version)) if version.isascii() and version.isdigit() and len(version) < 9 else None
        )
        if cipher is None:
            return None
        try:
            data = from_b64url(text)
            opened: bytes = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], name.encode())
        except (ValueError, InvalidTag):
            return None
        return opened
