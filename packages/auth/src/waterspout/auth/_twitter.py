"""TwitterMixin, with Tornado's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from waterspout.auth._legacy import fetched
from waterspout.auth._oauth1_mixin import OAuthMixin, signed_url
from waterspout.escape import json_decode

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["TwitterMixin"]

_API = "https://api.twitter.com"


class TwitterMixin(OAuthMixin):
    """Sign-in with Twitter by OAuth 1.0a, and calls to version 1.1 of its API.

    The settings ``twitter_consumer_key`` and ``twitter_consumer_secret`` say who this application is. X has moved on
    to OAuth 2: `waterspout.auth.providers` has the preset ``x``.
    """

    __module__ = "waterspout.auth"

    _TWITTER_BASE_URL = f"{_API}/1.1"
    _OAUTH_AUTHENTICATE_URL = f"{_API}/oauth/authenticate"
    _OAUTH_AUTHORIZE_URL = f"{_API}/oauth/authorize"
    _OAUTH_REQUEST_TOKEN_URL = f"{_API}/oauth/request_token"
    _OAUTH_ACCESS_TOKEN_URL = f"{_API}/oauth/access_token"
    _OAUTH_NO_CALLBACKS = False

    async def authenticate_redirect(self, callback_uri: str | None = None) -> None:
        """Like `authorize_redirect`, but who has allowed this application before comes straight back."""
        await self._redirect_to(self._OAUTH_AUTHENTICATE_URL, callback_uri, None, None)

    async def twitter_request(
        self, path: str, access_token: dict[str, Any], post_args: dict[str, Any] | None = None, **args: Any
    ) -> Any:
        """Call the API at ``path`` (``statuses/user_timeline/btaylor``, without ``.json``, or a whole URL).

        ``access_token`` is that of `get_authenticated_user`; ``args`` are query parameters; with ``post_args`` the
        request is a POST with them as its form. Returns the JSON of the answer, and raises what the client does.
        """
        url = path if path.startswith(("http:", "https:")) else f"{self._TWITTER_BASE_URL}{path}.json"
        http = self.get_auth_http_client()
        if post_args is None:
            response = await fetched(http, signed_url(self, url, access_token, args, "GET"))
        else:
            target = f"{url}?{urlencode(args)}" if args else url
            oauth = self._oauth_request_parameters(target, access_token, post_args, method="POST")
            target = f"{target}{'&' if args else '?'}{urlencode(oauth)}"
            response = await fetched(http, target, method="POST", body=urlencode(post_args))
        return json_decode(response.body)

    def _oauth_consumer_token(self) -> dict[str, Any]:
        handler = cast("RequestHandler", self)
        for name in ("twitter_consumer_key", "twitter_consumer_secret"):
            handler.require_setting(name, "Twitter OAuth")
        return {
            "key": handler.settings["twitter_consumer_key"],
            "secret": handler.settings["twitter_consumer_secret"],
        }

    async def _oauth_get_user_future(self, access_token: dict[str, Any]) -> dict[str, Any]:
        user = await self.twitter_request("/account/verify_credentials", access_token=access_token)
        if user:
            user["username"] = user["screen_name"]
        return cast("dict[str, Any]", user)
