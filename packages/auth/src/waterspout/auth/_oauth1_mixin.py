"""OAuthMixin: OAuth 1.0 and 1.0a (RFC 5849) with Tornado's names.

`waterspout.auth.oauth1` is the way for new code.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urljoin

from waterspout.auth._errors import AuthError, CheckFailed
from waterspout.auth._legacy import ProviderMixin, fetched
from waterspout.auth._secrets import equal
from waterspout.auth.oauth1._client import OAuth1Token, token_of_form
from waterspout.auth.oauth1._signature import signature
from waterspout.escape import native_str
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["OAuthMixin"]

#: The request token on its way with the browser.
_COOKIE = "_oauth_request_token"
#: Days until an unfinished sign-in is forgotten: a quarter of an hour.
_COOKIE_DAYS = 900 / 86400


class OAuthMixin(ProviderMixin):
    """For a `RequestHandler` beside it in a class of its own, one for each provider.

    A subclass sets ``_OAUTH_REQUEST_TOKEN_URL``, ``_OAUTH_AUTHORIZE_URL``, ``_OAUTH_ACCESS_TOKEN_URL``,
    ``_OAUTH_VERSION`` ("1.0a", or "1.0"), ``_OAUTH_NO_CALLBACKS`` (True where the provider takes no callback), and
    defines `_oauth_consumer_token` and `_oauth_get_user_future`.
    """

    __module__ = "waterspout.auth"

    _OAUTH_VERSION = "1.0a"
    _OAUTH_NO_CALLBACKS = False

    async def authorize_redirect(
        self,
        callback_uri: str | None = None,
        extra_params: dict[str, Any] | None = None,
        http_client: AsyncHTTPClient | None = None,
    ) -> None:
        """Get a request token and redirect the user to the provider with it; finishes the request.

        ``callback_uri`` is where the user comes back to, relative to this page or absolute; "oob" has the provider
        show a code, and writes the provider's address instead of redirecting. ``extra_params`` are sent with the
        request for the token.

        Raises `AuthError` if the provider gives no token, or does not confirm the callback.
        """
        await self._redirect_to(self._setting("_OAUTH_AUTHORIZE_URL"), callback_uri, extra_params, http_client)

    async def get_authenticated_user(self, http_client: AsyncHTTPClient | None = None) -> dict[str, Any]:
        """The user who has come back: what `_oauth_get_user_future` gives, with ``access_token`` added.

        Raises `AuthError` if this browser did not begin the sign-in with the token it comes back with.
        """
        handler = cast("RequestHandler", self)
        request_token = self._read_cookie()
        handler.clear_cookie(_COOKIE)
        if request_token is None:
            raise CheckFailed("oauth_token", "this browser has begun no sign-in, or has finished it already")
        if not equal(handler.get_argument("oauth_token", ""), request_token.token):
            raise CheckFailed("oauth_token", "it is not that of the sign-in which this browser began")
        verifier = handler.get_argument("oauth_verifier", None)
        if verifier is None and self._OAUTH_VERSION == "1.0a" and not self._is_tornado_compat():
            raise CheckFailed("oauth_verifier", "the provider's answer has none (RFC 5849, 2.2)")
        http = http_client or self.get_auth_http_client()
        response = await fetched(http, self._oauth_access_token_url(request_token, verifier))
        granted = token_of_form(response.body, "the access token endpoint")
        access_token = {"key": granted.token, "secret": granted.secret, **granted.extra}
        if user := await self._oauth_get_user_future(access_token):
            return user | {"access_token": access_token}
        raise AuthError("there is no user for the access token")

    def _oauth_consumer_token(self) -> dict[str, Any]:
        """To be defined: ``{"key": ..., "secret": ...}``, what the provider knows this application by."""
        raise NotImplementedError(f"{type(self).__name__} must define _oauth_consumer_token")

    async def _oauth_get_user_future(self, access_token: dict[str, Any]) -> dict[str, Any]:
        """To be defined: the user that ``access_token`` (``key``, ``secret``) belongs to, as a dictionary."""
        raise NotImplementedError(f"{type(self).__name__} must define _oauth_get_user_future")

    def _oauth_request_parameters(
        self, url: str, access_token: dict[str, Any], parameters: dict[str, Any] | None = None, method: str = "GET"
    ) -> dict[str, Any]:
        """The ``oauth_`` parameters of a request to ``url`` on a user's behalf, signature included.

        ``parameters`` are those of its query or form, which are signed as well.
        """
        token = OAuth1Token(native_str(access_token["key"]), native_str(access_token["secret"]))
        return self._signed(method, url, parameters or {}, token)

    # The steps.

    async def _redirect_to(
        self,
        authorize_url: str,
        callback_uri: str | None,
        extra_params: dict[str, Any] | None,
        http_client: AsyncHTTPClient | None,
    ) -> None:
        if callback_uri and self._OAUTH_NO_CALLBACKS:
            raise Exception("This service does not support oauth_callback")
        http = http_client or self.get_auth_http_client()
        response = await fetched(http, self._oauth_request_token_url(callback_uri, extra_params))
        token = token_of_form(response.body, "the request token endpoint")
        if self._OAUTH_VERSION == "1.0a" and not self._is_tornado_compat():
            if token.extra.get("oauth_callback_confirmed") != "true":
                raise CheckFailed("oauth_callback_confirmed", "the provider does not confirm the callback")
        self._set_cookie(token)
        query = {"oauth_token": token.token}
        handler = cast("RequestHandler", self)
        if callback_uri == "oob":
            handler.finish(url_concat(authorize_url, query))
            return
        if callback_uri:
            query["oauth_callback"] = self._absolute(callback_uri)
        handler.redirect(url_concat(authorize_url, query))

    def _oauth_request_token_url(
        self, callback_uri: str | None = None, extra_params: dict[str, Any] | None = None
    ) -> str:
        params = dict(extra_params or {})
        if self._OAUTH_VERSION == "1.0a" and callback_uri:
            params["oauth_callback"] = "oob" if callback_uri == "oob" else self._absolute(callback_uri)
        url = self._setting("_OAUTH_REQUEST_TOKEN_URL")
        return url_concat(url, {**params, **self._signed("GET", url, params, None)})

    def _oauth_access_token_url(self, request_token: OAuth1Token, verifier: str | None) -> str:
        params = {} if verifier is None else {"oauth_verifier": verifier}
        url = self._setting("_OAUTH_ACCESS_TOKEN_URL")
        return url_concat(url, {**params, **self._signed("GET", url, params, request_token)})

    def _signed(self, method: str, url: str, params: dict[str, Any], token: OAuth1Token | None) -> dict[str, Any]:
        consumer = self._oauth_consumer_token()
        oauth = {
            "oauth_consumer_key": native_str(consumer["key"]),
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": secrets.token_hex(16),
            "oauth_version": "1.0",
        }
        if token is not None:
            oauth["oauth_token"] = token.token
        pairs = [
            (name, native_str(value) if isinstance(value, bytes) else str(value)) for name, value in params.items()
        ]
        oauth["oauth_signature"] = signature(
            method,
            url,
            [*oauth.items(), *pairs],
            native_str(consumer["secret"]),
            "" if token is None else token.secret,
        )
        return oauth

    # The request token on its way with the browser.

    def _set_cookie(self, token: OAuth1Token) -> None:
        handler = cast("RequestHandler", self)
        value = "|".join(b64encode(part.encode()).decode() for part in (token.token, token.secret))
        if self._signs_cookie():
            secure = handler.request.protocol == "https"
            handler.set_signed_cookie(
                _COOKIE, value, expires_days=_COOKIE_DAYS, httponly=True, secure=secure, samesite="lax"
            )
        else:
            handler.set_cookie(_COOKIE, value)

    def _read_cookie(self) -> OAuth1Token | None:
        handler = cast("RequestHandler", self)
        value: str | None
        if self._signs_cookie():
            data = handler.get_signed_cookie(_COOKIE, max_age_days=_COOKIE_DAYS)
            value = None if data is None else data.decode()
        else:
            value = handler.get_cookie(_COOKIE)
        if value is None:
            return None
        try:
            token, secret = (b64decode(part).decode() for part in value.split("|"))
        except ValueError:
            return None
        return OAuth1Token(token, secret)

    def _signs_cookie(self) -> bool:
        """Everywhere but with Tornado's ways, where tests and other processes know the plain form."""
        if self._is_tornado_compat():
            return False
        cast("RequestHandler", self).require_setting("cookie_secret", "sign-in")
        return True

    def _absolute(self, callback_uri: str) -> str:
        return urljoin(cast("RequestHandler", self).request.full_url(), callback_uri)

    def _setting(self, name: str) -> str:
        value = getattr(self, name, None)
        if value is None:
            raise AuthError(f"{type(self).__name__} does not say where to ask: set {name}")
        return cast(str, value)


def signed_url(mixin: OAuthMixin, url: str, access_token: dict[str, Any], args: dict[str, Any], method: str) -> str:
    """``url`` with ``args`` (of a GET) and the signature in its query."""
    oauth = mixin._oauth_request_parameters(url, access_token, args, method=method)
    query = {**args, **oauth} if method == "GET" else oauth
    return f"{url}?{urlencode(query)}"
