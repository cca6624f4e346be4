"""What an ID token must say to be believed (OpenID Connect Core, 3.1.3.7), check by check."""

from __future__ import annotations

from typing import Any

from waterspout.auth._errors import CheckFailed, quoted
from waterspout.auth._secrets import equal
from waterspout.auth.oidc._algorithms import ALGORITHMS, left_half_hash

#: Seconds that clocks may differ.
SKEW = 60.0
#: Seconds since a token was made: it was made for this sign-in. Microsoft dates its tokens five minutes back.
MAX_TOKEN_AGE = 3600.0
MAX_SUBJECT = 255


def check_issuer(claims: dict[str, Any], issuer: str) -> None:
    """``iss``, character by character: a slash at the end makes another issuer."""
    found = claims.get("iss")
    if not isinstance(found, str) or not equal(found, issuer):
        raise CheckFailed("iss", f"the token is from {quoted(found)!r}, not from {issuer!r}")


def check_subject(claims: dict[str, Any]) -> str:
    """``sub``: there, and usable as a name."""
    found = claims.get("sub")
    if not isinstance(found, str) or not found or len(found) > MAX_SUBJECT:
        raise CheckFailed("sub", f"the token must name its user by 1 to {MAX_SUBJECT} characters")
    return found


def check_audience(claims: dict[str, Any], client_id: str) -> None:
    """``aud`` and ``azp``: the token was made for this client, and for no other that it does not share it with."""
    audience = claims.get("aud")
    listed = [audience] if isinstance(audience, str) else audience
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed) or client_id not in listed:
        raise CheckFailed("aud", f"the token was not made for the client {client_id!r}")
    authorized = claims.get("azp")
    if authorized is not None and authorized != client_id:
        raise CheckFailed("azp", f"the token was made on behalf of another client than {client_id!r}")
    if authorized is None and len(listed) > 1:
        raise CheckFailed("azp", "the token was made for several clients and does not say for which of them first")


def check_times(claims: dict[str, Any], now: float, *, max_age: float | None = MAX_TOKEN_AGE) -> None:
    """``exp``, ``iat`` and ``nbf``, with a minute for clocks that differ."""
    expires = number(claims, "exp")
    if now >= expires + SKEW:
        raise CheckFailed("exp", f"the token expired {now - expires:.0f} seconds ago")
    issued = number(claims, "iat")
    if issued > now + SKEW:
        raise CheckFailed("iat", f"the token was made {issued - now:.0f} seconds in the future")
    if max_age is not None and now - issued > max_age + SKEW:
        raise CheckFailed("iat", f"the token was made {now - issued:.0f} seconds ago")
    if claims.get("nbf") is not None and number(claims, "nbf") > now + SKEW:
        raise CheckFailed("nbf", "the token does not hold yet")


def number(claims: dict[str, Any], name: str) -> float:
    """A time in seconds since the epoch."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
        raise CheckFailed(name, "the token must have it, as a number of seconds since 1970")
    if value > 1e11:  # the year 5138; infinity, and integers of a thousand digits, are beyond it as well
        raise CheckFailed(name, "the token has it in milliseconds, or nonsense")
    return float(value)


def check_nonce(claims: dict[str, Any], nonce: str) -> None:
    """``nonce``: the token belongs to the sign-in that this browser began. No claim of the token can waive it."""
    found = claims.get("nonce")
    if not isinstance(found, str) or not equal(found, nonce):
        raise CheckFailed("nonce", "the token does not belong to the sign-in which this browser began")


def check_auth_time(claims: dict[str, Any], now: float, max_age: float) -> None:
    """``auth_time``, where the application wants the user to have proved themselves lately."""
    if now - number(claims, "auth_time") > max_age + SKEW:
        raise CheckFailed("auth_time", f"the user signed in at the provider more than {max_age:.0f} seconds ago")


def check_hash(claims: dict[str, Any], name: str, value: str | None, algorithm: str, *, required: bool = False) -> None:
    """``at_hash`` and ``c_hash``: the token came together with this access token, or code."""
    found = claims.get(name)
    if found is None and not required:
        return
    if algorithm not in ALGORITHMS:
        raise CheckFailed(name, f"there is no hash for the algorithm {quoted(algorithm)!r}")
    if not isinstance(found, str) or value is None or not equal(found, left_half_hash(algorithm, value)):
        raise CheckFailed(name, "the token did not come with what it is here with")
