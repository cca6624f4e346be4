"""The client side of OAuth 1.0a (RFC 5849)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from waterspout.auth._endpoints import checked_endpoint
from waterspout.auth._errors import AuthError, CheckFailed, ProviderUnreachable
from waterspout.auth._secrets import equal
from waterspout.auth._transport import TIMEOUT, Answer, Transport
from waterspout.auth.oauth1._signature import authorization_header, signature
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat


class OAuth1Token:
    """A token and its secret: a request token or an access token. ``extra`` is what else came with it."""

    __module__ = "waterspout.auth.oauth1"
    __slots__ = ("extra", "secret", "token")

    token: str
    secret: str
    extra: dict[str, str]

    def __init__(self, token: str, secret: str, extra: Mapping[str, str] | None = None) -> None:
        self.token = token
        self.secret = secret
        self.extra = dict(extra or {})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ***>"


class OAuth1Client:
    """This application as one provider of OAuth 1.0a knows it.

    ::

        url, request_token = await client.begin("https://app.example/back")   # keep request_token for this browser
        token = await client.complete(arguments, request_token)               # arguments the user came back with
        me = await client.request("GET", "https://api.example/me", token)

    ``signature_method`` is HMAC-SHA1, which every provider knows, HMAC-SHA256 or HMAC-SHA512. Endpoints must be https
    (``allow_http_loopback`` for tests). Parameters travel in the Authorization header (RFC 5849, 3.5.1).
    """

    __module__ = "waterspout.auth.oauth1"

    request_token_endpoint: str
    authorization_endpoint: str
    access_token_endpoint: str
    transport: Transport

    def __init__(
        self,
        name: str,
        client_key: str,
        client_secret: str,
        *,
        request_token_endpoint: str,
        authorization_endpoint: str,
        access_token_endpoint: str,
        signature_method: str = "HMAC-SHA1",
        realm: str | None = None,
        http: AsyncHTTPClient | Callable[[], AsyncHTTPClient] | None = None,
        timeout: float = TIMEOUT,
        allow_http_loopback: bool = False,
    ) -> None:
        self.name = name
        self.client_key = client_key
        self._secret = client_secret
        self.signature_method = signature_method
        self.realm = realm
        self.allow_http_loopback = allow_http_loopback
        self.request_token_endpoint = self._endpoint(request_token_endpoint, "request_token_endpoint")
        self.authorization_endpoint = self._endpoint(authorization_endpoint, "authorization_endpoint")
        self.access_token_endpoint = self._endpoint(access_token_endpoint, "access_token_endpoint")
        self.transport = Transport(http, timeout=timeout)

    def _endpoint(self, url: str, what: str) -> str:
        return checked_endpoint(url, what, allow_http=self.allow_http_loopback)

    async def begin(self, callback_uri: str, **params: str) -> tuple[str, OAuth1Token]:
        """The URL to send the user to, and the request token that `complete` needs when the user comes back.

        Keep it where only this browser leads to it. ``callback_uri`` "oob" has the provider show a code instead.
        Raises `CheckFailed` if the provider does not confirm the callback: it would be OAuth 1.0 without the a,
        where anybody could finish a sign-in that somebody else began.
        """
        answer = await self.send("POST", self.request_token_endpoint, oauth={"oauth_callback": callback_uri})
        token = self._token_of(answer)
        if token.extra.get("oauth_callback_confirmed") != "true":
            raise CheckFailed("oauth_callback_confirmed", f"{self.name} does not confirm the callback (RFC 5849, 2.1)")
        return url_concat(self.authorization_endpoint, {"oauth_token": token.token, **params}), token

    async def complete(self, arguments: Mapping[str, str], request_token: OAuth1Token) -> OAuth1Token:
        """The access token, of the arguments the user came back with.

        Raises `CheckFailed` for another token than ``request_token``, and for a missing ``oauth_verifier``.
        """
        if not equal(arguments.get("oauth_token", ""), request_token.token):
            raise CheckFailed("oauth_token", "it is not that of the sign-in which this browser began")
        verifier = arguments.get("oauth_verifier")
        if not verifier:
            raise CheckFailed("oauth_verifier", f"the answer of {self.name} has none (RFC 5849, 2.2)")
        answer = await self.send("POST", self.access_token_endpoint, request_token, oauth={"oauth_verifier": verifier})
        return self._token_of(answer)

    async def request(
        self, method: str, url: str, token: OAuth1Token | None = None, form: Mapping[str, str] | None = None
    ) -> Any:
        """Call the provider's API as the token's user and return the JSON it answers with."""
        self._endpoint(url, "url")
        answer = await self.send(method, url, token, form=form)
        if not 200 <= answer.status <= 299:
            raise ProviderUnreachable(f"{answer.url} answered {answer.status}", answer.status)
        return answer.json()

    async def send(
        self,
        method: str,
        url: str,
        token: OAuth1Token | None = None,
        *,
        form: Mapping[str, str] | None = None,
        oauth: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one signed request, whatever the answer's status. Only forms can be bodies (RFC 5849, 3.4.1.3)."""
        headers = {"Authorization": self.authorization(method, url, token, form=form, oauth=oauth)}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        elif method in ("POST", "PUT", "PATCH"):
            body = b""
        return await self.transport.send(method, url, headers, body)

    def authorization(
        self,
        method: str,
        url: str,
        token: OAuth1Token | None = None,
        *,
        form: Mapping[str, str] | None = None,
        oauth: Mapping[str, str] | None = None,
    ) -> str:
        """The Authorization header of one request. Each has a nonce of its own: make one for each sending."""
        params = {
            "oauth_consumer_key": self.client_key,
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": self.signature_method,
            "oauth_timestamp": str(int(time.time())),
            "oauth_version": "1.0",
            **({} if token is None else {"oauth_token": token.token}),
            **(oauth or {}),
        }
        params["oauth_signature"] = signature(
            method,
            url,
            [*params.items(), *(form or {}).items()],
            self._secret,
            "" if token is None else token.secret,
            signature_method=self.signature_method,
        )
        return authorization_header(params, self.realm)

    def _token_of(self, answer: Answer) -> OAuth1Token:
        if not 200 <= answer.status <= 299:
            raise ProviderUnreachable(f"{answer.url} answered {answer.status}", answer.status)
        return token_of_form(answer.body, answer.url)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def token_of_form(body: bytes, source: str) -> OAuth1Token:
    """The token of a response (RFC 5849, 2.1 and 2.3). Raises `AuthError` if there is none in it."""
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, keep_blank_values=True)
    except ValueError:  # the text would be quoted in it
        raise AuthError(f"{source} answered with something that is no form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise AuthError(f"{source} answered with a field that is there twice")
    token, secret = fields.pop("oauth_token", ""), fields.pop("oauth_token_secret", None)
    if not token or secret is None:
        raise AuthError(f"{source} answered without oauth_token and oauth_token_secret")
    return OAuth1Token(token, secret, fields)
