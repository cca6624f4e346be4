"""What a provider's token endpoint gives (RFC 6749, 5.1)."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from waterspout.auth._errors import ProviderUnreachable

#: Seconds before its end from which a token counts as expired: it has to arrive, and clocks differ.
EARLY = 30.0
#: What tokens are made of (RFC 6749, A.12 and A.17).
_TOKEN = re.compile(r"[\x20-\x7e]+")


class TokenSet:
    """Tokens, and until when they hold. Its representation shows none of them.

    ``expires_at`` is in seconds since the epoch, None if the provider did not say. ``scope`` is what was granted,
    "" if the provider did not say. ``raw`` is the whole answer.
    """

    __module__ = "waterspout.auth.oauth2"
    __slots__ = ("access_token", "expires_at", "id_token", "raw", "refresh_token", "scope", "token_type")

    access_token: str
    token_type: str
    expires_at: float | None
    refresh_token: str | None
    id_token: str | None
    scope: str
    raw: dict[str, Any]

    def __init__(
        self,
        access_token: str,
        *,
        token_type: str = "Bearer",
        expires_at: float | None = None,
        refresh_token: str | None = None,
        id_token: str | None = None,
        scope: str = "",
        raw: Mapping[str, Any] | None = None,
    ) -> None:
        self.access_token = access_token
        self.token_type = token_type
        self.expires_at = expires_at
        self.refresh_token = refresh_token
        self.id_token = id_token
        self.scope = scope
        self.raw = dict(raw or {})

    @classmethod
    def of_answer(cls, answer: Mapping[str, Any], source: str, now: float | None = None) -> TokenSet:
        """The tokens of a token response. Raises `ProviderUnreachable` if it is none."""
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise ProviderUnreachable(f"{source} answered without an access_token")
        for name in ("access_token", "refresh_token"):
            if isinstance(value := answer.get(name), str) and value and _TOKEN.fullmatch(value) is None:
                raise ProviderUnreachable(f"{source} answered with a {name} that is not printable ASCII (RFC 6749, A)")
        kind = answer.get("token_type", "Bearer")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise ProviderUnreachable(f"{source} answered with a token_type that is not Bearer (RFC 6750)")
        others = {name: answer.get(name) for name in ("refresh_token", "id_token", "scope")}
        for name, value in others.items():
            if value is not None and not isinstance(value, str):
                raise ProviderUnreachable(f"{source} answered with a {name} that is no string")
        seconds = _seconds(answer.get("expires_in"), source)
        return cls(
            token,
            expires_at=None if seconds is None else (time.time() if now is None else now) + seconds,
            refresh_token=others["refresh_token"] or None,
            id_token=others["id_token"] or None,
            scope=others["scope"] or "",
            raw=answer,
        )

    def is_expired(self, now: float | None = None) -> bool:
        """Whether the access token has ended, or will in the next 30 seconds."""
        return self.expires_at is not None and (time.time() if now is None else now) >= self.expires_at - EARLY

    def to_json(self) -> bytes:
        """The tokens as bytes, without ``raw``; secret."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__ if name != "raw"}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> TokenSet:
        """The tokens that `to_json` made bytes of."""
        return cls(**json.loads(data))

    def __repr__(self) -> str:
        has = [name for name in ("refresh_token", "id_token") if getattr(self, name)]
        return f"<{type(self).__name__} access_token={'+'.join(['***', *has])}>"


def _seconds(value: object, source: str) -> float | None:
    """``expires_in``: a number of seconds; some providers send it as text."""
    if value is None:
        return None
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < 1e10:
        raise ProviderUnreachable(f"{source} answered with an expires_in that is no number of seconds")
    return seconds
