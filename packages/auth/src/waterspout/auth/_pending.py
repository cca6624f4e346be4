"""A sign-in that has begun: what was sent with the browser, to be compared with what comes back.

Theory of operation: one random id, kept in a signed cookie of the browser, stands for the whole. ``state``, ``nonce``
and the PKCE verifier are made from it with a key that never leaves the server, so the cookie holds nothing with
which an intercepted code could be used, and a state fits the one browser, provider and address it was made for.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from waterspout.auth._errors import CheckFailed
from waterspout.auth._secrets import Secret, b64url, derived, equal, keys_for, new_token
from waterspout.web import create_signed_value, decode_signed_value

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

#: Seconds within which the user must come back.
LIFETIME = 600
#: Sign-ins that one browser may have begun and not finished: several tabs, or the back button.
MAX_PENDING = 8

_COOKIE = "signin_"
_DAY = 86400


class PendingSignIn:
    """What must be known when the user comes back. Good for one sign-in, for ten minutes.

    ``state``, ``nonce`` and ``code_verifier`` are secrets of this sign-in; ``provider`` and ``redirect_uri`` say where
    it was begun; ``created`` is in seconds since the epoch; ``data`` is the application's own, JSON values that the
    user may read and nobody may change.
    """

    __module__ = "waterspout.auth.oauth2"
    __slots__ = ("code_verifier", "created", "data", "id", "nonce", "provider", "redirect_uri", "state")

    id: str
    provider: str
    redirect_uri: str
    created: float
    data: dict[str, Any]
    state: str
    nonce: str
    code_verifier: str

    def __init__(
        self,
        provider: str,
        redirect_uri: str,
        data: dict[str, Any] | None = None,
        *,
        key: bytes | None = None,
        id: str | None = None,
        created: float | None = None,
        state: str | None = None,
    ) -> None:
        """Begin. With ``key`` the same ``id`` makes the same secrets; without one nobody can make them again."""
        self.id = id or new_token()
        self.provider = provider
        self.redirect_uri = redirect_uri
        self.created = time.time() if created is None else created
        self.data = data or {}
        bound = derived(key or new_token().encode(), "\x00".join(("sign-in", self.id, provider, redirect_uri)))
        self.state = b64url(derived(bound, "state")) if state is None else state
        self.nonce = b64url(derived(bound, "nonce"))
        self.code_verifier = b64url(derived(bound, "code_verifier"))

    @property
    def code_challenge(self) -> str:
        """What is sent in place of the verifier: its SHA-256 (RFC 7636, 4.2)."""
        return code_challenge(self.code_verifier)

    def check_state(self, state: str | None) -> None:
        """Raise `CheckFailed` unless ``state`` is this sign-in's, and it is not too old."""
        if not state:
            raise CheckFailed("state", "the provider's answer has no state")
        if not equal(state, self.state):
            raise CheckFailed("state", "it is not that of the sign-in which this browser began")
        if not 0 <= time.time() - self.created + 60 <= LIFETIME + 60:
            raise CheckFailed("state", f"the sign-in was begun more than {LIFETIME} seconds ago")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {self.provider}>"


def code_challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636, 4.2)."""
    return b64url(hashlib.sha256(verifier.encode()).digest())


class PendingCookies:
    """Keeps sign-ins that have begun in signed cookies of the browser that began them."""

    __slots__ = ("_keys",)

    def __init__(self, secret: Secret) -> None:
        self._keys = keys_for(secret, "pending sign-in")

    def begin(
        self,
        handler: RequestHandler,
        provider: str,
        redirect_uri: str,
        data: dict[str, Any] | None = None,
        *,
        state: str | None = None,
        cross_site_post: bool = False,
    ) -> PendingSignIn:
        """Begin a sign-in and have the response set its cookie.

        ``state`` is the application's own, if it has one. With ``cross_site_post`` the cookie comes back with a form
        that another site's page posts (``response_mode=form_post``), which browsers allow over https, and to
        localhost.
        """
        version = max(self._keys)
        pending = PendingSignIn(provider, redirect_uri, data, key=self._keys[version], state=state)
        fields = {"i": pending.id, "p": provider, "r": redirect_uri, "d": pending.data, "k": version}
        if state is not None:
            fields["s"] = state
        secure = cross_site_post or handler.request.protocol == "https"
        name = _cookie_name(pending.state, secure)
        begun = [other for other in handler.request.cookies if _COOKIE in other]
        for other in begun[: max(0, len(begun) - MAX_PENDING + 1)]:
            handler.clear_cookie(other, secure=other.startswith("__Host-"))
        content = json.dumps(fields, separators=(",", ":"))
        value = create_signed_value(self._keys, name, content, key_version=version)
        handler.set_cookie(
            name,
            value,
            max_age=LIFETIME,
            httponly=True,
            secure=secure,
            samesite="none" if cross_site_post else "lax",
        )
        return pending

    def finish(self, handler: RequestHandler, provider: str, state: str | None) -> PendingSignIn:
        """The sign-in that ``state`` belongs to, in this browser and with ``provider``; its cookie is cleared.

        Raises `CheckFailed` if this browser has begun none such, or finished it.
        """
        if not state:
            raise CheckFailed("state", "the provider's answer has no state")
        name, value = next(
            (
                (name, value)
                for name in (_cookie_name(state, True), _cookie_name(state, False))
                if (value := handler.get_cookie(name)) is not None
            ),
            ("", None),
        )
        if value is None:
            raise CheckFailed("state", "this browser has begun no such sign-in, or has finished it already")
        handler.clear_cookie(name, httponly=True, secure=name.startswith("__Host-"))
        content = decode_signed_value(
            self._keys, name, value, max_age_days=LIFETIME / _DAY, min_version=2, compat="waterspout"
        )
        if content is None:
            raise CheckFailed("state", f"its cookie was not made here, or more than {LIFETIME} seconds ago")
        fields = json.loads(content)
        if fields["p"] != provider:
            raise CheckFailed("state", f"it was begun with another provider than {provider}")
        pending = PendingSignIn(
            fields["p"], fields["r"], fields["d"], key=self._keys[fields["k"]], id=fields["i"], state=fields.get("s")
        )
        pending.check_state(state)
        return pending


def _cookie_name(state: str, secure: bool) -> str:
    """Each sign-in has a cookie of its own, found by its state, of which the name tells nothing."""
    mark = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{'__Host-' if secure else ''}{_COOKIE}{mark}"
