"""Proof by a private key instead of a secret (RFC 7523; OpenID Connect Core, 9)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from waterspout.auth._secrets import new_token
from waterspout.auth.oidc._algorithms import ALGORITHMS
from waterspout.auth.oidc._jose import load_jose

#: Seconds that an assertion holds: it is used at once.
LIFETIME = 60
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class PrivateKeyJWT:
    """``private_key_jwt``: each request carries a token signed with the client's own key.

    ``key`` is a private key: PEM text or bytes, or a JWK as a dictionary, whose ``kid`` is sent unless one is given.
    Raises ValueError for a key that does not fit the algorithm.
    """

    __module__ = "waterspout.auth.oidc"
    __slots__ = ("_algorithm", "_key", "_kid")
    method = "private_key_jwt"

    def __init__(
        self, key: str | bytes | Mapping[str, Any], *, algorithm: str = "RS256", kid: str | None = None
    ) -> None:
        self._key = private_key(key, algorithm)
        self._algorithm = algorithm
        self._kid = kid or (key.get("kid") if isinstance(key, Mapping) else None)

    def sign(self, form: dict[str, str], headers: dict[str, str], *, client_id: str, audience: str) -> None:
        """See `ClientAuth`."""
        now = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": new_token(),
            "iat": now,
            "exp": now + LIFETIME,
        }
        form["client_id"] = client_id
        form["client_assertion_type"] = _ASSERTION_TYPE
        form["client_assertion"] = signed_token(claims, self._key, self._algorithm, self._kid)


class AppleSecret:
    """Sign in with Apple wants a token of its own making for a secret: from team id, key id and the key's PEM text."""

    __module__ = "waterspout.auth.oidc"
    __slots__ = ("_key", "_key_id", "_team_id")
    method = "client_secret_post"

    def __init__(self, team_id: str, key_id: str, key: str | bytes) -> None:
        self._key = private_key(key, "ES256")
        self._key_id = key_id
        self._team_id = team_id

    def sign(self, form: dict[str, str], headers: dict[str, str], *, client_id: str, audience: str) -> None:
        """See `ClientAuth`."""
        now = int(time.time())
        claims = {"iss": self._team_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 300}
        form["client_id"] = client_id
        form["client_secret"] = signed_token(claims, self._key, "ES256", self._key_id)


def private_key(key: str | bytes | Mapping[str, Any], algorithm: str) -> Any:
    """joserfc's key. ValueError if it is none for ``algorithm``, or lacks its private part."""
    jose = load_jose()
    kind = ALGORITHMS.get(algorithm)
    if kind is None or kind.kty == "oct":
        raise ValueError(f"{algorithm!r} is no algorithm with a private key")
    try:
        found = jose.jwk.import_key(dict(key)) if isinstance(key, Mapping) else jose.jwk.import_key(key, kind.kty)
    except (jose.errors.JoseError, ValueError, TypeError) as error:
        raise ValueError(f"no {kind.kty} key for {algorithm} ({type(error).__name__})") from None
    if found.key_type != kind.kty or not found.is_private:
        raise ValueError(f"no private {kind.kty} key for {algorithm}")
    return found


def signed_token(claims: Mapping[str, Any], key: Any, algorithm: str, kid: str | None = None) -> str:
    """A signed token (RFC 7515) with ``claims``."""
    header = {"alg": algorithm, "typ": "JWT", **({} if kid is None else {"kid": kid})}
    token: str = load_jose().jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=[algorithm])
    return token
