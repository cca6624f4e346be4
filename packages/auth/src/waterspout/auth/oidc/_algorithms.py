"""Signature algorithms (RFC 7518, 3.1; RFC 8037): what each needs of a key, and the hash that goes with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from waterspout.auth._secrets import b64url


class Algorithm(NamedTuple):
    """Key type, curve (for the types that have one), and the hash of ``at_hash`` (OpenID Connect Core, 3.1.3.6)."""

    kty: str
    crv: str | None
    hash: str


ALGORITHMS = {
    "RS256": Algorithm("RSA", None, "sha256"),
    "RS384": Algorithm("RSA", None, "sha384"),
    "RS512": Algorithm("RSA", None, "sha512"),
    "PS256": Algorithm("RSA", None, "sha256"),
    "PS384": Algorithm("RSA", None, "sha384"),
    "PS512": Algorithm("RSA", None, "sha512"),
    "ES256": Algorithm("EC", "P-256", "sha256"),
    "ES384": Algorithm("EC", "P-384", "sha384"),
    "ES512": Algorithm("EC", "P-521", "sha512"),
    "EdDSA": Algorithm("OKP", "Ed25519", "sha512"),
    "Ed25519": Algorithm("OKP", "Ed25519", "sha512"),
    "HS256": Algorithm("oct", None, "sha256"),
    "HS384": Algorithm("oct", None, "sha384"),
    "HS512": Algorithm("oct", None, "sha512"),
}

#: RSA keys below this many bits can be factored (RFC 7518, 3.3).
MIN_RSA_BITS = 2048


def checked_algorithms(names: Iterable[str], secret: str | None) -> tuple[str, ...]:
    """``names`` as they are configured.

    ValueError for unknown ones, for ``none``, and for HMAC without a secret as long as the hash (RFC 7518, 3.2).
    """
    chosen = (names,) if isinstance(names, str) else tuple(names)
    if not chosen:
        raise ValueError("name at least one algorithm that ID tokens may be signed with")
    for name in chosen:
        if name not in ALGORITHMS:
            raise ValueError(f"{name!r} is no signature algorithm known here: choose of {', '.join(ALGORITHMS)}")
        if ALGORITHMS[name].kty == "oct":
            needed = hashlib.new(ALGORITHMS[name].hash).digest_size
            if len((secret or "").encode()) < needed:
                raise ValueError(f"{name} needs a client secret of at least {needed} bytes")
    return chosen


def left_half_hash(algorithm: str, value: str) -> str:
    """What ``at_hash`` is of an access token, and ``c_hash`` of a code."""
    digest = hashlib.new(ALGORITHMS[algorithm].hash, value.encode()).digest()
    return b64url(digest[: len(digest) // 2])


def fits(jwk: dict[str, Any], algorithm: str) -> bool:
    """Whether a public key, as a provider publishes it, is one for ``algorithm`` and for signatures."""
    kty, crv, _ = ALGORITHMS[algorithm]
    operations = jwk.get("key_ops")
    return (
        jwk.get("kty") == kty
        and (crv is None or jwk.get("crv") == crv)
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", algorithm) == algorithm
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )
