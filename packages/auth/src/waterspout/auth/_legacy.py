"""What the mixins with Tornado's names share: the sign-in that this browser has begun, and how errors are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from waterspout.auth._endpoints import without_query
from waterspout.auth._errors import CheckFailed
from waterspout.auth._pending import PendingCookies, PendingSignIn
from waterspout.httpclient import AsyncHTTPClient, FetchError, HTTPResponse
from waterspout.util import is_tornado_compat

if TYPE_CHECKING:
    from waterspout.web import RequestHandler


class ProviderMixin:
    """Base of the mixins: state bound to the browser by a signed cookie.

    ``_OAUTH_CHECK_STATE = False`` in a class turns that off, for flows that begin elsewhere: in a page's script, or
    another application.
    """

    __module__ = "waterspout.auth"

    _OAUTH_CHECK_STATE = True

    def get_auth_http_client(self) -> AsyncHTTPClient:
        """Return the client for requests to the provider; override it to use a client with other settings."""
        return AsyncHTTPClient()

    def _is_tornado_compat(self) -> bool:
        settings = getattr(self, "settings", None)
        return is_tornado_compat(None if settings is None else settings.get("compat"))

    def _pending_cookies(self) -> PendingCookies | None:
        """Where sign-ins that have begun are kept; None where they are not.

        Without ``cookie_secret`` there is nothing to sign them with: an error, but with Tornado's ways they go
        unprotected, as they always have there.
        """
        handler = cast("RequestHandler", self)
        if not self._OAUTH_CHECK_STATE:
            return None
        if not handler.settings.get("cookie_secret"):
            if self._is_tornado_compat():
                return None
            handler.require_setting("cookie_secret", "sign-in: it protects the user's way to the provider and back")
        return PendingCookies(handler.settings["cookie_secret"])

    def _begin_pending(self, provider: str, redirect_uri: str, state: Any = None) -> PendingSignIn | None:
        cookies = self._pending_cookies()
        own = None if state is None else str(state)
        return None if cookies is None else cookies.begin(_handler(self), provider, redirect_uri, state=own)

    def _finish_pending(self, provider: str, redirect_uri: str | None = None) -> PendingSignIn | None:
        """The sign-in that the request's ``state`` belongs to. Raises `CheckFailed` where there should be one."""
        cookies = self._pending_cookies()
        if cookies is None:
            return None
        pending = cookies.finish(_handler(self), provider, _handler(self).get_argument("state", None, strip=False))
        if redirect_uri is not None and redirect_uri != pending.redirect_uri:
            raise CheckFailed("redirect_uri", "it is not the one that the sign-in was begun with")
        return pending


def _handler(mixin: ProviderMixin) -> RequestHandler:
    return cast("RequestHandler", mixin)


async def fetched(http: AsyncHTTPClient, url: str, **options: Any) -> HTTPResponse:
    """``http.fetch``, whose errors do not repeat the query: it may hold codes, tokens and secrets."""
    try:
        return await http.fetch(url, **options)
    except FetchError as error:
        shown = without_query(url)
        raise type(error)(f"{shown} could not be asked: {type(error).__name__}", url=shown, phase=error.phase) from None
