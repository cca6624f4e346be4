"""FacebookGraphMixin, with Tornado's names."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, ClassVar
from urllib.parse import urlencode

from waterspout.auth._errors import AuthError
from waterspout.auth._legacy import fetched
from waterspout.auth._oauth2_mixin import OAuth2Mixin
from waterspout.escape import json_decode

__all__ = ["FacebookGraphMixin"]

_FIELDS = ("id", "name", "first_name", "last_name", "locale", "picture", "link")


class FacebookGraphMixin(OAuth2Mixin):
    """Sign-in with Facebook, and calls to its Graph API."""

    __module__ = "waterspout.auth"

    _OAUTH_ACCESS_TOKEN_URL: ClassVar[str] = "https://graph.facebook.com/oauth/access_token?"
    _OAUTH_AUTHORIZE_URL: ClassVar[str] = "https://www.facebook.com/dialog/oauth?"
    _OAUTH_NO_CALLBACKS = False
    _FACEBOOK_BASE_URL = "https://graph.facebook.com"

    async def get_authenticated_user(
        self,
        redirect_uri: str,
        client_id: str,
        client_secret: str,
        code: str,
        extra_fields: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """The user for ``code``: the usual fields and those of ``extra_fields`` (a collection of names), each None if
        Facebook does not tell it, with ``access_token`` and ``session_expires`` (seconds, as text).

        Raises `CheckFailed` if this browser did not begin the sign-in, `AuthError` for an answer without a token.
        """
        self._finish_pending(self._OAUTH_AUTHORIZE_URL, redirect_uri)
        http = self.get_auth_http_client()
        if self._is_tornado_compat():
            response = await fetched(http, self._oauth_request_token_url(redirect_uri, client_id, client_secret, code))
        else:  # not in the URL: those end up in logs
            form = {"redirect_uri": redirect_uri, "code": code, "client_id": client_id, "client_secret": client_secret}
            response = await fetched(
                http, self._OAUTH_ACCESS_TOKEN_URL, method="POST", body=urlencode(form), follow_redirects=False
            )
        answer = json_decode(response.body)
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise AuthError("Facebook answered without an access_token")
        token = str(answer["access_token"])
        names = {*_FIELDS, *(extra_fields or ())}
        user = await self.facebook_request(
            path="/me",
            access_token=token,
            appsecret_proof=hmac.new(client_secret.encode(), token.encode(), hashlib.sha256).hexdigest(),
            fields=",".join(sorted(names)),
        )
        if user is None:
            return None
        found: dict[str, Any] = {name: user.get(name) for name in names}
        return found | {"access_token": token, "session_expires": str(answer.get("expires_in"))}

    async def facebook_request(
        self,
        path: str,
        access_token: str | None = None,
        post_args: dict[str, Any] | None = None,
        **args: Any,
    ) -> Any:
        """Call the Graph API at ``path`` (``/me/feed``); the rest is that of `oauth2_request`."""
        url = self._FACEBOOK_BASE_URL + path
        return await self.oauth2_request(url, access_token=access_token, post_args=post_args, **args)
