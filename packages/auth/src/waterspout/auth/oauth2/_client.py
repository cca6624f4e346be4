"""The client side of OAuth 2.0 (RFC 6749), as its security practice (RFC 9700) wants it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from waterspout.auth._endpoints import checked_endpoint, host_of
from waterspout.auth._errors import AuthError, CheckFailed, ProviderRefused, ProviderUnreachable
from waterspout.auth._pending import PendingSignIn
from waterspout.auth._secrets import equal
from waterspout.auth._transport import TIMEOUT, Answer, Transport
from waterspout.auth.oauth2._client_auth import ClientAuth, client_auth
from waterspout.auth.oauth2._identity import Identity
from waterspout.auth.oauth2._tokens import TokenSet
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat

if TYPE_CHECKING:
    UserOf = Callable[[dict[str, Any]], dict[str, Any]]

#: Made here alone: an application's extra parameters may not replace them.
_OURS = frozenset(
    ("client_id", "client_secret", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_mode",
     "response_type", "scope", "state")
)  # fmt: skip


class OAuth2Client:
    """This application as one provider knows it.

    * ``name``: what the application calls the provider, in routes and error messages.
    * ``client_id``, ``client_secret``: from the provider; the secret may also be a `ClientAuth`, and None for a client
      without one.
    * ``authorization_endpoint``, ``token_endpoint``, ``userinfo_endpoint``, ``revocation_endpoint``: addresses, https.
    * ``scope``: what is asked for. ``authorization_params``: what the provider wants beyond the standard.
    * ``issuer``: where the provider has one: an ``iss`` in its answer must be that (RFC 9207).
    * ``user_of``: makes the user's claims, with ``sub``, of what ``userinfo_endpoint`` answers.
    * ``response_mode``: "form_post" has the code come in a form instead of the URL.
    * ``http``: an `AsyncHTTPClient` or what makes one; ``timeout``: seconds for each request.
    * ``allow_http_loopback``: admit ``http://localhost`` and the like as the provider, for tests and development.

    Every sign-in has a state of its own and a PKCE challenge (S256), whether the provider says that it knows them
    or not. Raises ValueError for endpoints that may not be called.
    """

    __module__ = "waterspout.auth.oauth2"

    client_auth: ClientAuth
    scope: tuple[str, ...]
    authorization_params: dict[str, str]
    transport: Transport
    issuer: str | None
    requires_iss: bool
    user_of: UserOf | None
    authorization_endpoint: str | None
    token_endpoint: str | None
    userinfo_endpoint: str | None
    revocation_endpoint: str | None

    def __init__(
        self,
        name: str,
        client_id: str,
        client_secret: str | ClientAuth | None = None,
        *,
        authorization_endpoint: str,
        token_endpoint: str,
        userinfo_endpoint: str | None = None,
        revocation_endpoint: str | None = None,
        scope: Iterable[str] = (),
        authorization_params: Mapping[str, str] | None = None,
        issuer: str | None = None,
        requires_iss: bool = False,
        user_of: UserOf | None = None,
        response_mode: str | None = None,
        http: AsyncHTTPClient | Callable[[], AsyncHTTPClient] | None = None,
        timeout: float = TIMEOUT,
        allow_http_loopback: bool = False,
    ) -> None:
        self._configure(
            name, client_id, client_secret, scope, authorization_params, response_mode, http, timeout,
            allow_http_loopback,
        )  # fmt: skip
        self.issuer = issuer
        self.requires_iss = requires_iss
        self.user_of = user_of
        self.authorization_endpoint = self._endpoint(authorization_endpoint, "authorization_endpoint")
        self.token_endpoint = self._endpoint(token_endpoint, "token_endpoint")
        self.userinfo_endpoint = self._endpoint(userinfo_endpoint, "userinfo_endpoint")
        self.revocation_endpoint = self._endpoint(revocation_endpoint, "revocation_endpoint")

    def _configure(
        self,
        name: str,
        client_id: str,
        client_secret: str | ClientAuth | None,
        scope: Iterable[str],
        authorization_params: Mapping[str, str] | None,
        response_mode: str | None,
        http: AsyncHTTPClient | Callable[[], AsyncHTTPClient] | None,
        timeout: float,
        allow_http_loopback: bool,
    ) -> None:
        """What does not depend on where the endpoints are known from."""
        self.name = name
        self.client_id = client_id
        self.client_auth = client_auth(client_secret)
        self.scope = (scope,) if isinstance(scope, str) else tuple(scope)
        self.authorization_params = dict(authorization_params or {})
        if response_mode not in (None, "query", "form_post"):
            raise ValueError(f"response_mode must be 'query' or 'form_post', not {response_mode!r}")
        self.response_mode = response_mode
        self.transport = Transport(http, timeout=timeout)
        self.allow_http_loopback = allow_http_loopback

    def _endpoint(self, url: str | None, what: str) -> str | None:
        return None if url is None else checked_endpoint(url, what, allow_http=self.allow_http_loopback)

    async def prepare(self) -> None:
        """Have the endpoints known. Called by everything that needs them; here they are from the beginning."""

    # Sending the user there.

    async def begin(
        self, redirect_uri: str, *, data: dict[str, Any] | None = None, **params: str
    ) -> tuple[str, PendingSignIn]:
        """For plain use: the URL to send the user to, and what `complete` needs when the user comes back.

        Keep the second value where only this user's browser leads to it. ``params`` go into the URL.
        """
        pending = PendingSignIn(self.name, redirect_uri, data)
        return await self.authorization_url(pending, **params), pending

    async def authorization_url(self, pending: PendingSignIn, **params: str) -> str:
        """The URL that begins ``pending``. Raises ValueError for ``params`` that are made here."""
        await self.prepare()
        given = {**self.authorization_params, **params}
        if taken := _OURS & given.keys():
            raise ValueError(f"made by the client itself, not to be given: {', '.join(sorted(taken))}")
        if self.authorization_endpoint is None:
            raise AuthError(f"{self.name} has no authorization_endpoint")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": pending.redirect_uri,
            "scope": " ".join(self.scope),
            "state": pending.state,
            "code_challenge": pending.code_challenge,
            "code_challenge_method": "S256",
            **self._own_params(pending),
            **given,
        }
        if self.response_mode is not None:
            query["response_mode"] = self.response_mode
        return url_concat(self.authorization_endpoint, {name: value for name, value in query.items() if value})

    def _own_params(self, pending: PendingSignIn) -> dict[str, str]:
        return {}

    # The user is back.

    async def complete(self, answer: Mapping[str, str], pending: PendingSignIn) -> Identity:
        """Who the user is, of the parameters the user came back with and the sign-in that was begun.

        Raises `CheckFailed` if they do not belong together, `ProviderRefused` if the provider (or the user) said no,
        and what `exchange` and `identify` raise. Nothing has been sent to anybody when the first check fails.
        """
        await self.prepare()
        code = self._checked_answer(answer, pending)
        tokens = await self.exchange(code, pending)
        identity = await self.identify(tokens, pending)
        identity.answer = others_in(answer)
        return identity

    def _checked_answer(self, answer: Mapping[str, str], pending: PendingSignIn) -> str:
        """The code, once the answer is known to be from the right provider to the right browser."""
        if pending.provider != self.name:
            raise CheckFailed("state", f"it was begun with another provider than {self.name}")
        pending.check_state(answer.get("state"))
        self._check_issuer(answer.get("iss"))
        error = answer.get("error")
        if error:
            raise ProviderRefused(self.name, error, answer.get("error_description", ""))
        code = answer.get("code")
        if not code:
            raise CheckFailed("code", f"the answer of {self.name} has neither a code nor an error")
        return code

    def _check_issuer(self, issuer: str | None) -> None:
        """RFC 9207: the answer says whose it is, so that one provider cannot pass on another's code."""
        if issuer is None:
            if self.requires_iss:
                raise CheckFailed("iss", f"{self.name} promises an iss in its answers, and there is none (RFC 9207)")
        elif self.issuer is not None and not equal(issuer, self.issuer):
            raise CheckFailed("iss", f"the answer is from another issuer than {self.issuer} (RFC 9207)")

    async def exchange(self, code: str, pending: PendingSignIn) -> TokenSet:
        """The tokens for a code. Raises `ProviderRefused` or `ProviderUnreachable`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.code_verifier,
        }
        return await self._ask_for_tokens(form)

    async def identify(self, tokens: TokenSet, pending: PendingSignIn | None = None) -> Identity:
        """Who the tokens' user is: what the userinfo endpoint says, made into claims by ``user_of``.

        Raises `CheckFailed` if that gives no ``sub``.
        """
        answer = await self.userinfo(tokens.access_token)
        claims = dict(answer) if self.user_of is None else self.user_of(answer)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise CheckFailed("sub", f"{self.name} does not say which user it is: give user_of")
        return Identity(self.name, self.issuer or f"https://{host_of(self.token_endpoint or '')}", claims, tokens)

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        """What the provider tells of the token's user."""
        await self.prepare()
        if self.userinfo_endpoint is None:
            raise AuthError(f"{self.name} has no userinfo_endpoint")
        answer = await self.transport.get(self.userinfo_endpoint, {"Authorization": f"Bearer {access_token}"})
        self._check_success(answer)
        return answer.json_object()

    # Tokens.

    async def refresh(
        self, refresh_token: str, scope: Iterable[str] | None = None, *, previous: TokenSet | None = None
    ) -> TokenSet:
        """New tokens (RFC 6749, 6); the refresh token stays the old one where the provider gives no new one.

        ``previous`` are the tokens that are made new, for what has to be compared with them.

        Raises `ProviderRefused` with ``error == "invalid_grant"`` if it is not good any more: the user has to sign
        in again. To be sure that two tasks never use one refresh token at once, use a `TokenKeeper`.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if scope is not None:
            form["scope"] = " ".join(scope)
        tokens = await self._ask_for_tokens(form)
        if tokens.refresh_token is None:
            tokens.refresh_token = refresh_token
        return tokens

    async def client_credentials(self, scope: Iterable[str] = (), **params: str) -> TokenSet:
        """Tokens for the application itself, without a user (RFC 6749, 4.4)."""
        form = {"grant_type": "client_credentials", "scope": " ".join(scope), **params}
        return await self._ask_for_tokens({name: value for name, value in form.items() if value})

    async def revoke(self, token: str, hint: str | None = None) -> None:
        """Make ``token`` useless (RFC 7009). Raises `AuthError` if the provider has no endpoint for that."""
        await self.prepare()
        if self.revocation_endpoint is None:
            raise AuthError(f"{self.name} has no revocation_endpoint")
        form = {"token": token, **({} if hint is None else {"token_type_hint": hint})}
        answer = await self._post_as_client(self.revocation_endpoint, form)
        self._check_success(answer, _secrets_in(form))

    async def _ask_for_tokens(self, form: dict[str, str]) -> TokenSet:
        await self.prepare()
        if self.token_endpoint is None:
            raise AuthError(f"{self.name} has no token_endpoint")
        now = time.time()
        answer = await self._post_as_client(self.token_endpoint, form)
        self._check_success(answer, _secrets_in(form))
        return TokenSet.of_answer(answer.json_object(), answer.url, now)

    async def _post_as_client(self, url: str, form: dict[str, str]) -> Answer:
        headers: dict[str, str] = {}
        self.client_auth.sign(form, headers, client_id=self.client_id, audience=self.issuer or url)
        return await self.transport.post(url, form, headers)

    def _check_success(self, answer: Answer, sent: Iterable[str] = ()) -> None:
        """Raise what an answer that is no success says, without what was ``sent``, should the provider repeat it.

        GitHub sends its errors with status 200.
        """
        is_json = answer.content_type.endswith("json")
        if answer.status == 200 and not is_json:
            return
        error, description = "", ""
        if is_json and answer.body:
            value = answer.json()
            if isinstance(value, dict) and isinstance(value.get("error"), str):
                error, description = value["error"], str(value.get("error_description") or "")
        if not 200 <= answer.status <= 299 and not error:
            raise ProviderUnreachable(f"{answer.url} answered {answer.status}", answer.status)
        if error:
            for secret in sent:
                error, description = error.replace(secret, "***"), description.replace(secret, "***")
            raise ProviderRefused(self.name, error, description)

    async def logout_url(self, **params: str | None) -> str | None:
        """Where to send a user who wants to leave the provider as well; None, for OAuth 2.0 knows no such place."""
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.client_auth.method}>"


#: Fields of requests that nobody may read in a log.
_SECRET_FIELDS = ("code", "code_verifier", "refresh_token", "token", "client_secret", "client_assertion")


def _secrets_in(form: Mapping[str, str]) -> list[str]:
    return [form[name] for name in _SECRET_FIELDS if form.get(name)]


#: Parameters of an answer that have been used up (RFC 6749, 4.1.2; RFC 9207).
_OF_ANSWER = ("code", "state", "iss", "id_token", "access_token")


def others_in(answer: Mapping[str, str]) -> dict[str, str]:
    """What a provider has added to its answer."""
    return {name: value for name, value in answer.items() if name not in _OF_ANSWER}
