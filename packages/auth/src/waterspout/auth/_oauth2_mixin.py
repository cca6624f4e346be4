"""OAuth2Mixin: OAuth 2.0 (RFC 6749) with Tornado's names.

`waterspout.auth.oauth2` and `waterspout.auth.signin` are the ways for new code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlencode

from waterspout.auth._endpoints import without_query
from waterspout.auth._errors import AuthError
from waterspout.auth._legacy import ProviderMixin, fetched
from waterspout.escape import json_decode
from waterspout.httputil import url_concat

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["OAuth2Mixin"]


class OAuth2Mixin(ProviderMixin):
    """For a `RequestHandler` beside it in a class of its own, one for each provider.

    A subclass sets the addresses of its provider, ``_OAUTH_AUTHORIZE_URL`` and ``_OAUTH_ACCESS_TOKEN_URL``, and
    adds the step from code to user that the provider documents. `authorize_redirect` begins; the provider sends the
    user back to ``redirect_uri`` with a ``code``, and a ``state`` that `check_oauth_state` compares.
    """

    __module__ = "waterspout.auth"

    _OAUTH_AUTHORIZE_URL: ClassVar[str]
    _OAUTH_ACCESS_TOKEN_URL: ClassVar[str]
    #: Whether the code is bound to this sign-in by PKCE (RFC 7636). Only for classes that send the verifier, too.
    _OAUTH_PKCE = False
    #: For a provider that takes access tokens in the query alone.
    _OAUTH_TOKEN_IN_QUERY = False

    def authorize_redirect(
        self,
        redirect_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        extra_params: dict[str, Any] | None = None,
        scope: list[str] | None = None,
        response_type: str = "code",
    ) -> None:
        """Redirect the user to the provider, who asks whether this application may have access.

        ``redirect_uri`` is where the provider sends the user afterwards; it must be one that is registered there
        under ``client_id``. ``scope`` names what is asked for, ``extra_params`` are parameters beyond the standard,
        which go before those made here. ``client_secret`` is accepted for compatibility and never sent: it must not
        pass through the browser. This finishes the request; nothing needs to be awaited.

        A ``state`` is added, unless ``extra_params`` has one, and a signed cookie that binds it to this browser.

        Raises `AuthError` if the class has no ``_OAUTH_AUTHORIZE_URL``.
        """
        target = getattr(self, "_OAUTH_AUTHORIZE_URL", None)
        if target is None:
            raise AuthError(f"{type(self).__name__} does not say where to authorize: set _OAUTH_AUTHORIZE_URL")
        parameters: dict[str, Any] = {"response_type": response_type}
        if redirect_uri is not None:
            parameters["redirect_uri"] = redirect_uri
        if client_id is not None:
            parameters["client_id"] = client_id
        if scope:
            parameters["scope"] = " ".join(scope)
        parameters |= extra_params or {}
        pending = self._begin_pending(target, redirect_uri or "", parameters.get("state"))
        if pending is not None:
            parameters["state"] = pending.state
            if self._OAUTH_PKCE:
                parameters |= {"code_challenge": pending.code_challenge, "code_challenge_method": "S256"}
        cast("RequestHandler", self).redirect(url_concat(target, parameters))

    def check_oauth_state(self) -> None:
        """Raise `CheckFailed` unless the request's ``state`` is of a sign-in that this browser began here.

        For handlers with a step from code to user of their own: call it before the code is used. Each state is good
        for one call. ``get_authenticated_user`` of the classes here does it by itself.
        """
        self._finish_pending(self._OAUTH_AUTHORIZE_URL)

    def _oauth_request_token_url(
        self,
        redirect_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        code: str | None = None,
        extra_params: dict[str, Any] | None = None,
    ) -> str:
        """The address that gives an access token for ``code``, for providers that take all of it in the query."""
        named = {
            "redirect_uri": redirect_uri,
            "code": code,
            "client_id": client_id,
            "client_secret": client_secret,
        }
        query = {name: value for name, value in named.items() if value is not None}
        return url_concat(self._OAUTH_ACCESS_TOKEN_URL, query | (extra_params or {}))

    async def oauth2_request(
        self,
        url: str,
        access_token: str | None = None,
        post_args: dict[str, Any] | None = None,
        **args: Any,
    ) -> Any:
        """Call the provider's API and return the JSON it answers with, decoded.

        ``args`` become query parameters. The ``access_token`` goes into the Authorization header (RFC 6750, 2.1),
        where no log shows it; with ``compat="tornado"``, or ``_OAUTH_TOKEN_IN_QUERY`` in the class, into the query.
        With ``post_args``, even empty ones, the request is a POST with them as its form; else a GET.

        Raises `AuthError` for an answer that is no JSON, and what `AsyncHTTPClient.fetch` raises for statuses from 400
        on and for connections that fail.
        """
        query = dict(args)
        headers = {}
        if access_token is not None:
            if self._OAUTH_TOKEN_IN_QUERY or self._is_tornado_compat():
                query = {"access_token": access_token, **args}
            else:
                headers["Authorization"] = f"Bearer {access_token}"
        target = url_concat(url, {name: str(value) for name, value in query.items()}) if query else url
        client = self.get_auth_http_client()
        if post_args is None:
            response = await fetched(client, target, headers=headers)
        else:
            response = await fetched(client, target, method="POST", headers=headers, body=urlencode(post_args))
        try:
            return json_decode(response.body)
        except ValueError as error:
            # Neither the query nor the answer is repeated: both may hold tokens.
            raise AuthError(f"{without_query(url)} answered with something that is no JSON") from error
