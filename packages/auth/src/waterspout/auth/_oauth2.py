"""OAuth 2.0 (RFC 6749): sending the user to a provider, and calling the provider's API with the token got from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlencode

from waterspout.auth._errors import AuthError
from waterspout.escape import json_decode
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["OAuth2Mixin"]


class OAuth2Mixin:
    """For a `RequestHandler` beside it in a class of its own, one for each provider.

    A subclass sets the addresses of its provider, ``_OAUTH_AUTHORIZE_URL`` and ``_OAUTH_ACCESS_TOKEN_URL``, and
    adds the step from code to user that the provider documents. `authorize_redirect` begins; the provider sends the
    user back to ``redirect_uri`` with a ``code``.
    """

    __module__ = "waterspout.auth"

    _OAUTH_AUTHORIZE_URL: ClassVar[str]
    _OAUTH_ACCESS_TOKEN_URL: ClassVar[str]

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
        cast("RequestHandler", self).redirect(url_concat(target, parameters))

    async def oauth2_request(
        self,
        url: str,
        access_token: str | None = None,
        post_args: dict[str, Any] | None = None,
        **args: Any,
    ) -> Any:
        """Call the provider's API and return the JSON it answers with, decoded.

        ``args`` and the ``access_token`` become query parameters. With ``post_args``, even empty ones, the request
        is a POST with them as its form; else a GET.

        Raises `AuthError` for an answer that is no JSON, and what `AsyncHTTPClient.fetch` raises for statuses from 400
        on and for connections that fail.
        """
        query = {"access_token": access_token, **args} if access_token is not None else args
        target = url_concat(url, {name: str(value) for name, value in query.items()}) if query else url
        client = self.get_auth_http_client()
        if post_args is None:
            response = await client.fetch(target)
        else:
            response = await client.fetch(target, method="POST", body=urlencode(post_args))
        try:
            return json_decode(response.body)
        except ValueError as error:
            # Neither the query nor the answer is repeated: both may hold tokens.
            raise AuthError(f"{url.partition('?')[0]} answered with something that is no JSON") from error

    def get_auth_http_client(self) -> AsyncHTTPClient:
        """Return the client for requests to the provider; override it to use a client with other settings."""
        return AsyncHTTPClient()
