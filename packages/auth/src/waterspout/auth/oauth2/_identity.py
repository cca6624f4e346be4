"""Who has signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waterspout.auth.oauth2._tokens import TokenSet

#: What is worth remembering of a user; everything else can be asked for again.
_KEPT = ("sub", "name", "given_name", "family_name", "preferred_username", "nickname", "email", "email_verified",
         "picture", "profile", "locale", "sid", "auth_time", "acr")  # fmt: skip


class Identity:
    """A user, as one provider knows them, and the tokens that were got with them.

    ``issuer`` and ``subject`` together name the user, for ever; an e-mail address does not: it can be given to
    somebody else, and another provider can claim it. ``claims`` is all that the provider says. ``answer`` is what else
    the user came back with, signed by nobody: Apple, for example, sends the name (``user``) there, at the first
    sign-in only.
    """

    __module__ = "waterspout.auth.oauth2"
    __slots__ = ("answer", "claims", "issuer", "provider", "tokens")

    provider: str
    issuer: str
    claims: dict[str, Any]
    tokens: TokenSet
    answer: dict[str, str]

    def __init__(self, provider: str, issuer: str, claims: Mapping[str, Any], tokens: TokenSet) -> None:
        self.provider = provider
        self.issuer = issuer
        self.claims = dict(claims)
        self.tokens = tokens
        self.answer = {}

    @property
    def subject(self) -> str:
        """The provider's name for the user, unique and never given to another."""
        return str(self.claims["sub"])

    def user(self) -> dict[str, Any]:
        """What a session keeps of the user: provider, ``iss``, ``sub`` and the usual claims, no tokens."""
        kept = {name: self.claims[name] for name in _KEPT if name in self.claims}
        return {"provider": self.provider, "iss": self.issuer, **kept}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.provider}>"
