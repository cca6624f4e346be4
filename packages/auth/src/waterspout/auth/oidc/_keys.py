"""The keys that a provider signs with: fetched, kept, and fetched anew when it takes new ones."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from waterspout.auth._errors import AuthError, CheckFailed, quoted
from waterspout.auth._secrets import from_b64url
from waterspout.auth.oidc._algorithms import MIN_RSA_BITS, fits
from waterspout.auth.oidc._jose import load_jose
from waterspout.auth.oidc._shared_call import SharedCall

#: Seconds after which the set is fetched again in any case, so that keys which the provider has withdrawn are gone.
MAX_AGE = 3600.0
#: Seconds that the old set holds while a new one cannot be fetched.
MAX_STALE = 86400.0
#: Seconds between two fetches for key ids that nobody knows: anybody can make those up (OA19).
UNKNOWN_KEY_INTERVAL = 60.0
#: Keys in a set. Providers have two to five.
MAX_KEYS = 64

_PUBLIC = ("kty", "n", "e", "crv", "x", "y")


class KeySet:
    """A provider's public keys (RFC 7517). ``fetch`` gets the set; ``clock`` gives seconds.

    An unknown key id has the set fetched at once, as it should be when the provider has just changed keys, and at
    most once a minute.
    """

    __module__ = "waterspout.auth.oidc"

    def __init__(
        self, fetch: Callable[[], Awaitable[dict[str, Any]]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: list[dict[str, Any]] = []
        self._fetched: float | None = None
        self._asked_for_unknown: float | None = None
        self._update = SharedCall(self._load)

    async def find(self, kid: str | None, algorithm: str) -> Any:
        """joserfc's key for a token with this ``kid`` and ``alg``.

        Raises `CheckFailed` (``kid``) if the provider has no such key, or several and the token does not say which.
        """
        await self._refresh_if_old()
        found = self._matching(kid, algorithm)
        if not found and (self._update.is_running or self._may_ask_again()):
            await self._update()
            found = self._matching(kid, algorithm)
        if not found:
            named = "" if kid is None else f" {quoted(kid)!r}"
            raise CheckFailed("kid", f"the provider has no {algorithm} key{named}")
        if len(found) > 1:
            raise CheckFailed("kid", "the token does not say which of the provider's keys it is signed with")
        return _imported(found[0])

    def _matching(self, kid: str | None, algorithm: str) -> list[dict[str, Any]]:
        return [key for key in self._keys if (kid is None or key.get("kid") == kid) and fits(key, algorithm)]

    def _may_ask_again(self) -> bool:
        last, now = self._asked_for_unknown, self._clock()
        if last is not None and now - last < UNKNOWN_KEY_INTERVAL:
            return False
        self._asked_for_unknown = now
        return True

    async def _refresh_if_old(self) -> None:
        age = None if self._fetched is None else self._clock() - self._fetched
        if age is None:
            await self._update()
        elif age > MAX_AGE:
            try:
                await self._update()
            except AuthError:
                if age > MAX_STALE:
                    raise

    async def _load(self) -> None:
        document = await self._fetch()
        keys = document.get("keys")
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise CheckFailed("jwks", f"the provider's key set is no list of at most {MAX_KEYS} keys")
        # Of what is of no use here, keys of unknown kinds for example, the rest does not suffer (RFC 7517, 5).
        self._keys = [key for key in keys if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP")]
        self._fetched = self._clock()


def _imported(jwk: dict[str, Any]) -> Any:
    """The public part alone, without what the provider says of the use, which was looked at before."""
    jose = load_jose()
    try:
        bits = int.from_bytes(from_b64url(jwk["n"])).bit_length() if jwk["kty"] == "RSA" else MIN_RSA_BITS
        if bits < MIN_RSA_BITS:
            raise CheckFailed("kid", f"the provider's key has {bits} bits, fewer than {MIN_RSA_BITS} (RFC 7518, 3.3)")
        return jose.jwk.import_key({name: jwk[name] for name in _PUBLIC if name in jwk})
    except (jose.errors.JoseError, KeyError, ValueError, TypeError) as error:
        raise CheckFailed("kid", f"the provider's key is malformed ({type(error).__name__})") from None
