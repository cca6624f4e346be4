"""Notices by which a provider has sessions ended (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from waterspout.auth._errors import CheckFailed
from waterspout.auth._store import Store
from waterspout.auth.oidc._claims import MAX_TOKEN_AGE, SKEW, number
from waterspout.auth.oidc._verifier import Verified

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """Sessions of a provider's user, or one of them by its ``sid``, have ended. At least one of both is there."""

    __module__ = "waterspout.auth.oidc"

    issuer: str
    subject: str | None
    sid: str | None


async def checked_logout(verified: Verified, store: Store, now: float) -> LogoutNotice:
    """The notice in a token whose signature, issuer, audience and times hold (2.6). Each is good once."""
    header, claims = verified
    if str(header.get("typ", "JWT")).lower() not in ("jwt", "logout+jwt", "application/logout+jwt"):
        raise CheckFailed("typ", "the token is of another kind")
    if "nonce" in claims:
        raise CheckFailed("nonce", "a logout token has none: this is an ID token")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise CheckFailed("events", "the token does not say that it is about a logout")
    found: dict[str, str | None] = {}
    for name in ("sub", "sid"):
        value = claims.get(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise CheckFailed(name, "it must be a string")
        found[name] = value
    if found["sub"] is None and found["sid"] is None:
        raise CheckFailed("sub", "the token says neither whose sessions have ended, nor which")
    identity = claims.get("jti")
    if not isinstance(identity, str) or not identity:
        raise CheckFailed("jti", "the token must have it")
    key = "jti:" + hashlib.sha256(f"{claims['iss']}\x00{identity}".encode("utf-8", "surrogatepass")).hexdigest()
    remaining = min(number(claims, "exp") - now, MAX_TOKEN_AGE) + 2 * SKEW
    if not await store.add(key, b"", max(remaining, SKEW)):
        raise CheckFailed("jti", "the token was used before")
    return LogoutNotice(claims["iss"], found["sub"], found["sid"])
