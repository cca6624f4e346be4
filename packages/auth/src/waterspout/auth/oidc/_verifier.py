"""Tokens in three parts (JWS, RFC 7515): who has signed them, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from waterspout.auth._errors import CheckFailed, quoted
from waterspout.auth._secrets import from_b64url
from waterspout.auth.oidc._algorithms import ALGORITHMS, checked_algorithms
from waterspout.auth.oidc._jose import load_jose, strict_object
from waterspout.auth.oidc._keys import KeySet

#: Characters of a token. Large ones, with hundreds of groups, have 20,000.
MAX_TOKEN = 64 * 1024
MAX_HEADER = 2048


class Verified(NamedTuple):
    """What a token says, once its signature holds."""

    header: dict[str, Any]
    claims: dict[str, Any]


class Verifier:
    """Checks signatures by a provider's keys, or by the client's secret, with algorithms that are settled beforehand.

    Theory of operation: nothing in a token decides how it is checked. Its ``alg`` must be one of those configured;
    its ``kid`` looks a key up, in the provider's set alone; ``jwk``, ``jku``, ``x5c`` and ``x5u`` are not looked at;
    ``crit`` and ``b64`` are refused, for nothing critical is understood here. HMAC has the secret for its key, never
    a public key.
    """

    __slots__ = ("_algorithms", "_jose", "_keys", "_registry", "_secret")

    def __init__(self, keys: KeySet, algorithms: Iterable[str], secret: str | None = None) -> None:
        self._jose = load_jose()
        self._keys = keys
        self._algorithms = checked_algorithms(algorithms, secret)
        self._secret = secret
        registry = self._jose.jws.JWSRegistry(algorithms=list(self._algorithms), strict_check_header=False)
        registry.max_header_length = MAX_HEADER
        self._registry = registry

    async def verify(self, token: str, what: str) -> Verified:
        """Header and claims of ``token``. Raises `CheckFailed` (format, alg, crit, kid, signature)."""
        header = _header_of(token, what)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise CheckFailed(
                "alg", f"the {what} is signed with {quoted(algorithm)!r}, not with {' or '.join(self._algorithms)}"
            )
        for name in ("crit", "b64"):
            if name in header:
                raise CheckFailed("crit", f"the {what} has {name!r} in its header, which is not understood here")
        kid = header.get("kid")
        if kid is not None and not isinstance(kid, str):
            raise CheckFailed("kid", f"the {what} has a kid that is no string")
        payload = self._payload(token, await self._key(kid, algorithm), algorithm, what)
        try:
            return Verified(header, strict_object(payload))
        except (ValueError, RecursionError):
            raise CheckFailed("format", f"the {what} does not hold a JSON object") from None

    async def _key(self, kid: str | None, algorithm: str) -> Any:
        if ALGORITHMS[algorithm].kty == "oct":
            return self._jose.jwk.OctKey.import_key((self._secret or "").encode())
        return await self._keys.find(kid, algorithm)

    def _payload(self, token: str, key: Any, algorithm: str, what: str) -> bytes:
        try:
            opened = self._jose.jws.deserialize_compact(token, key, algorithms=[algorithm], registry=self._registry)
        except (self._jose.errors.JoseError, ValueError, TypeError) as error:
            raise CheckFailed(
                "signature", f"the {what} is not signed by the provider ({type(error).__name__})"
            ) from None
        return bytes(opened.payload)


def _header_of(token: str, what: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN:
        raise CheckFailed("format", f"the {what} has more than {MAX_TOKEN} characters")
    parts = token.split(".")
    if len(parts) == 5:
        raise CheckFailed("format", f"the {what} is encrypted, which is not supported: have it signed only")
    if len(parts) != 3 or not all(parts[:2]):
        raise CheckFailed("format", f"the {what} is no signed token (RFC 7515, 7.1)")
    if len(parts[0]) > MAX_HEADER:
        raise CheckFailed("format", f"the header of the {what} has more than {MAX_HEADER} characters")
    if not parts[2]:
        raise CheckFailed("signature", f"the {what} has none")
    try:
        return strict_object(from_b64url(parts[0]))
    except (ValueError, RecursionError):
        raise CheckFailed("format", f"the header of the {what} is no JSON object in base64url") from None
