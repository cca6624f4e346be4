"""OAuth 2.0 (RFC 6749): sending users to a provider, and asking it on their behalf."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from waterspout.escape import json_decode
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat
from waterspout.web import RequestHandler

__all__ = ["OAuth2Mixin"]


class OAuth2Mixin:
    """Abstract base for OAuth 2.0 and its relatives; mix it into a `RequestHandler`.

    Subclasses define ``_OAUTH_AUTHORIZE_URL``, where users are sent to agree, and ``_OAUTH_ACCESS_TOKEN_URL``, where a
    code is changed for a token.
    """

    __module__ = "waterspout.auth"

    _OAUTH_AUTHORIZE_URL: str
    _OAUTH_ACCESS_TOKEN_URL: str

    def authorize_redirect(
        self,
        redirect_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        extra_params: dict[str, Any] | None = None,
        scope: list[str] | None = None,
        response_type: str = "code",
    ) -> None:
        """Send the user to the provider, which will send them back to *redirect_uri* with a code.

        *scope* is what is asked for; *extra_params* are added to the URL and win over the others. *client_secret* is
        taken for compatibility and never sent: a browser must not see it. Finishes the request.
        """
        handler = cast(RequestHandler, self)
        arguments: dict[str, Any] = {"response_type": response_type}
        if redirect_uri is not None:
            arguments["redirect_uri"] = redirect_uri
        if client_id is not None:
            arguments["client_id"] = client_id
        if scope:
            arguments["scope"] = " ".join(scope)
        arguments.update(extra_params or {})
        handler.redirect(url_concat(self._OAUTH_AUTHORIZE_URL, arguments))

    def _oauth_request_token_url(
        self,
        redirect_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        code: str | None = None,
        extra_params: dict[str, Any] | None = None,
    ) -> str:
        """The URL that changes *code* for a token, for providers that take everything in the query."""
        given = {
            "redirect_uri": redirect_uri,
            "code": code,
            "client_id": client_id,
            "client_secret": client_secret,
            **(extra_params or {}),
        }
        return url_concat(self._OAUTH_ACCESS_TOKEN_URL, {k: v for k, v in given.items() if v is not None})

    async def oauth2_request(
        self, url: str, access_token: str | None = None, post_args: dict[str, Any] | None = None, **args: Any
    ) -> Any:
        """Fetch *url* with *args* in its query, as the owner of *access_token*, and return the decoded JSON.

        With *post_args* it is a POST of that form. Raises `waterspout.httpclient.HTTPError` for an error status and
        `ValueError` for what is no JSON.
        """
        query = dict(args)
        if access_token is not None:
            query["access_token"] = access_token
        if query:
            url = url_concat(url, query)
        http = self.get_auth_http_client()
        if post_args is None:
            response = await http.fetch(url)
        else:
            response = await http.fetch(url, method="POST", body=urlencode(post_args))
        return json_decode(response.body)

    def get_auth_http_client(self) -> AsyncHTTPClient:
        """The client that talks to the provider; override it for one with other settings."""
        return AsyncHTTPClient()
