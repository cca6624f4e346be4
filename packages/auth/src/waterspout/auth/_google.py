"""GoogleOAuth2Mixin, with Tornado's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlencode

from waterspout.auth._legacy import fetched
from waterspout.auth._oauth2_mixin import OAuth2Mixin
from waterspout.escape import json_decode

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["GoogleOAuth2Mixin"]


class GoogleOAuth2Mixin(OAuth2Mixin):
    """Sign-in with Google by OAuth 2.

    The setting ``google_oauth`` is ``{"key": CLIENT_ID, "secret": CLIENT_SECRET}``. One handler serves both ways::

        class Login(RequestHandler, GoogleOAuth2Mixin):
            async def get(self):
                if self.get_argument("code", None):
                    tokens = await self.get_authenticated_user(redirect_uri=HERE, code=self.get_argument("code"))
                    user = await self.oauth2_request(self._OAUTH_USERINFO_URL, access_token=tokens["access_token"])
                else:
                    self.authorize_redirect(redirect_uri=HERE, client_id=..., scope=["profile", "email"])

    The ID token that comes with the access token is not checked here: `waterspout.auth.oidc` does that.
    """

    __module__ = "waterspout.auth"

    _OAUTH_AUTHORIZE_URL: ClassVar[str] = "https://accounts.google.com/o/oauth2/v2/auth"
    _OAUTH_ACCESS_TOKEN_URL: ClassVar[str] = "https://www.googleapis.com/oauth2/v4/token"
    _OAUTH_USERINFO_URL: ClassVar[str] = "https://www.googleapis.com/oauth2/v1/userinfo"
    _OAUTH_NO_CALLBACKS = False
    _OAUTH_SETTINGS_KEY = "google_oauth"
    _OAUTH_PKCE = True

    def get_google_oauth_settings(self) -> dict[str, str]:
        """Client id and secret, as ``key`` and ``secret``; override it to take them from elsewhere."""
        handler = cast("RequestHandler", self)
        return cast("dict[str, str]", handler.settings[self._OAUTH_SETTINGS_KEY])

    async def get_authenticated_user(
        self, redirect_uri: str, code: str, client_id: str | None = None, client_secret: str | None = None
    ) -> dict[str, Any]:
        """The answer of Google's token endpoint for ``code``: ``access_token``, ``expires_in``, ``id_token``, ...

        ``redirect_uri`` is the one given to `authorize_redirect`. Client id and secret are those of
        `get_google_oauth_settings` unless given.

        Raises `CheckFailed` if this browser did not begin the sign-in, and what the client raises.
        """
        pending = self._finish_pending(self._OAUTH_AUTHORIZE_URL, redirect_uri)
        if client_id is None or client_secret is None:
            known = self.get_google_oauth_settings()
            client_id = known["key"] if client_id is None else client_id
            client_secret = known["secret"] if client_secret is None else client_secret
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"client_id": client_id, "client_secret": client_secret}
        if pending is not None:
            form["code_verifier"] = pending.code_verifier
        response = await fetched(
            self.get_auth_http_client(),
            self._OAUTH_ACCESS_TOKEN_URL,
            follow_redirects=False,
            method="POST",
            body=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        return cast("dict[str, Any]", json_decode(response.body))
