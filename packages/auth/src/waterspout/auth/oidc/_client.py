"""An OpenID Connect relying party (OpenID Connect Core 1.0), for the authorization code flow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from waterspout.auth._endpoints import checked_endpoint
from waterspout.auth._errors import AuthError, CheckFailed
from waterspout.auth._pending import PendingSignIn
from waterspout.auth._secrets import equal, from_b64url
from waterspout.auth._store import MemoryStore, Store
from waterspout.auth._transport import TIMEOUT, Answer
from waterspout.auth.oauth2 import ClientAuth, Identity, OAuth2Client, TokenSet
from waterspout.auth.oauth2._client import others_in
from waterspout.auth.oidc import _claims as check
from waterspout.auth.oidc._jose import strict_object
from waterspout.auth.oidc._keys import KeySet
from waterspout.auth.oidc._logout import LogoutNotice, checked_logout
from waterspout.auth.oidc._metadata import ProviderMetadata, discovery_url
from waterspout.auth.oidc._shared_call import SharedCall
from waterspout.auth.oidc._verifier import Verified, Verifier
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httputil import url_concat

if TYPE_CHECKING:
    from waterspout.auth.oauth2._client import UserOf

#: Seconds after which a provider is asked again about its endpoints.
METADATA_AGE = 86400.0
#: Where an issuer that stands for many has the id of the user's organization.
TENANT = "{tenantid}"
TENANT_ID = re.compile(r"[0-9A-Za-z.-]{1,64}")


class OpenIDClient(OAuth2Client):
    """This application as one OpenID provider knows it. Needs ``pip install 'waterspout-auth[oidc]'``.

    ::

        google = OpenIDClient("google", CLIENT_ID, CLIENT_SECRET, issuer="https://accounts.google.com", ...)
        url, pending = await google.begin("https://app.example/back")
        identity = await google.complete(arguments, pending)

    Beside the arguments of `OAuth2Client` that do not name endpoints:

    * ``issuer``: the provider's address, exactly as it calls itself; everything else is discovered from it, at the
      first use. ``metadata``: the discovery document, for a provider without one to fetch.
    * ``tenants``: for an issuer with ``{tenantid}`` in it, as Microsoft's for several organizations: whose users may
      sign in, by id, or ("*",) for anybody's. ``discovery``: where such an issuer's document is.
    * ``endpoint_hosts``: hosts beside the issuer's own that its endpoints may be on.
    * ``id_token_algs``: what ID tokens may be signed with; RS256 alone unless said. HS256 is by the client's secret.
    * ``with_userinfo``: ask the userinfo endpoint too, and have its claims with those of the ID token;
      ``userinfo_algs``: it must be signed with one of these.
    * ``max_age``: seconds since the user has proved themselves at the provider, which is asked to see to it.
    * ``require_at_hash``: refuse ID tokens that do not say which access token they came with.
    * ``post_logout_redirect_uris``: where the provider may send users after `logout_url`.
    * ``store``: remembers which logout notices have been seen; share it between processes.
    """

    __module__ = "waterspout.auth.oidc"

    issuer: str
    requires_iss: bool
    user_of: UserOf | None
    userinfo_endpoint: str | None
    revocation_endpoint: str | None
    endpoint_hosts: tuple[str, ...]
    tenants: frozenset[str]
    discovery_url: str | None
    post_logout_redirect_uris: tuple[str, ...]
    store: Store
    keys: KeySet

    def __init__(
        self,
        name: str,
        client_id: str,
        client_secret: str | ClientAuth | None = None,
        *,
        issuer: str,
        scope: Iterable[str] = ("openid", "profile", "email"),
        authorization_params: Mapping[str, str] | None = None,
        response_mode: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        discovery: str | None = None,
        tenants: Iterable[str] = (),
        endpoint_hosts: Iterable[str] = (),
        id_token_algs: Iterable[str] = ("RS256",),
        with_userinfo: bool = False,
        userinfo_algs: Iterable[str] | None = None,
        max_age: float | None = None,
        require_at_hash: bool = False,
        post_logout_redirect_uris: Iterable[str] = (),
        store: Store | None = None,
        http: AsyncHTTPClient | Callable[[], AsyncHTTPClient] | None = None,
        timeout: float = TIMEOUT,
        allow_http_loopback: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        scopes = (scope,) if isinstance(scope, str) else tuple(scope)
        if "openid" not in scopes:
            raise ValueError("scope must contain 'openid': without it the provider gives no ID token")
        self._configure(
            name, client_id, client_secret, scopes, authorization_params, response_mode, http, timeout,
            allow_http_loopback,
        )  # fmt: skip
        self.issuer = checked_endpoint(issuer, "issuer", allow_http=allow_http_loopback)
        self.requires_iss = False
        self.user_of = None
        self.authorization_endpoint = self.token_endpoint = None
        self.userinfo_endpoint = self.revocation_endpoint = None
        self.end_session_endpoint: str | None = None
        self.metadata: ProviderMetadata | None = None
        self.endpoint_hosts = tuple(endpoint_hosts)
        self.tenants = frozenset(tenants)
        if (TENANT in issuer) != bool(self.tenants):
            raise ValueError(f"an issuer with {TENANT} in it needs tenants, and no other can have them")
        self.discovery_url = self._endpoint(discovery or discovery_url(issuer), "discovery")
        self.with_userinfo = with_userinfo
        self.max_age = max_age
        self.require_at_hash = require_at_hash
        self.post_logout_redirect_uris = tuple(post_logout_redirect_uris)
        self.store = MemoryStore() if store is None else store
        self._clock = clock
        self._discovered = 0.0
        self._given = metadata
        self._discovery = SharedCall(self._discover)
        secret = client_secret if isinstance(client_secret, str) else None
        self.keys = KeySet(self._fetch_keys)
        self._verifier = Verifier(self.keys, id_token_algs, secret)
        self._userinfo_verifier = None if userinfo_algs is None else Verifier(self.keys, userinfo_algs, secret)

    # What the provider says of itself.

    async def prepare(self) -> None:
        """Have the provider's endpoints known: fetched at the first use, and again after a day.

        Raises `ProviderUnreachable`, or `CheckFailed` for a document that is not to be trusted.
        """
        known = self.metadata
        if known is not None and (self._given is not None or self._clock() - self._discovered < METADATA_AGE):
            return
        try:
            await self._discovery()
        except AuthError:
            if known is None:
                raise

    async def _discover(self) -> None:
        issuer = self.issuer
        document = self._given
        if document is None:
            answer = await self.transport.get(self.discovery_url or "")
            self._check_status(answer)
            document = answer.json_object()
        found = ProviderMetadata.of_document(
            document, issuer, endpoint_hosts=self.endpoint_hosts, allow_http=self.allow_http_loopback
        )
        self.metadata = found
        self.requires_iss = found.sends_iss
        self.authorization_endpoint = found.authorization_endpoint
        self.token_endpoint = found.token_endpoint
        self.userinfo_endpoint = found.userinfo_endpoint
        self.revocation_endpoint = found.revocation_endpoint
        self.end_session_endpoint = found.end_session_endpoint
        self._discovered = self._clock()

    async def _fetch_keys(self) -> dict[str, Any]:
        await self.prepare()
        assert self.metadata is not None
        answer = await self.transport.get(self.metadata.jwks_uri)
        self._check_status(answer)
        return answer.json_object()

    def _own_params(self, pending: PendingSignIn) -> dict[str, str]:
        params = {"nonce": pending.nonce}
        if self.max_age is not None:
            params["max_age"] = str(int(self.max_age))
        return params

    # Who the user is.

    async def complete(self, answer: Mapping[str, str], pending: PendingSignIn) -> Identity:
        """See `OAuth2Client.complete`; the ID token is checked as OpenID Connect Core, 3.1.3.7, wants it."""
        await self.prepare()
        code = self._checked_answer(answer, pending)
        tokens = await self.exchange(code, pending)
        identity = await self._identify(tokens, pending, code)
        identity.answer = others_in(answer)
        return identity

    async def identify(self, tokens: TokenSet, pending: PendingSignIn | None = None) -> Identity:
        """Who the ID token in ``tokens`` names. Without ``pending`` its nonce is not compared.

        Raises `CheckFailed`, whose ``check`` names what does not hold.
        """
        return await self._identify(tokens, pending, None)

    async def _identify(self, tokens: TokenSet, pending: PendingSignIn | None, code: str | None) -> Identity:
        if tokens.id_token is None:
            raise CheckFailed("id_token", f"{self.name} answered without one")
        verified = await self._verifier.verify(tokens.id_token, "ID token")
        claims = verified.claims
        self._check_claims(verified, tokens, code)
        if pending is not None:
            check.check_nonce(claims, pending.nonce)
        if self.with_userinfo:
            told = await self.userinfo(tokens.access_token, subject=claims["sub"])
            claims = {**told, **claims}  # what is signed goes first
        return Identity(self.name, claims["iss"], claims, tokens)

    def _check_claims(self, verified: Verified, tokens: TokenSet, code: str | None) -> None:
        claims, now = verified.claims, self._clock()
        self._check_token_issuer(claims)
        check.check_subject(claims)
        check.check_audience(claims, self.client_id)
        check.check_times(claims, now)
        if self.max_age is not None:
            check.check_auth_time(claims, now, self.max_age)
        if "events" in claims:
            raise CheckFailed("events", "the token is a security event, not an ID token")
        algorithm = verified.header["alg"]
        check.check_hash(claims, "at_hash", tokens.access_token, algorithm, required=self.require_at_hash)
        if code is not None:
            check.check_hash(claims, "c_hash", code, algorithm)

    def _check_token_issuer(self, claims: dict[str, Any]) -> None:
        issuer = self.issuer
        if self.tenants:
            tenant = claims.get("tid")
            if not isinstance(tenant, str) or not self.tenants & {tenant, "*"} or not TENANT_ID.fullmatch(tenant):
                raise CheckFailed("tid", "the token is of an organization whose users may not sign in here")
            issuer = issuer.replace(TENANT, tenant)
        check.check_issuer(claims, issuer)

    async def userinfo(self, access_token: str, *, subject: str | None = None) -> dict[str, Any]:
        """What the userinfo endpoint tells. With ``subject`` it must be of that user (5.3.2): `CheckFailed` else."""
        await self.prepare()
        if self.userinfo_endpoint is None:
            raise AuthError(f"{self.name} has no userinfo_endpoint")
        answer = await self.transport.get(
            self.userinfo_endpoint,
            {"Authorization": f"Bearer {access_token}", "Accept": "application/json, application/jwt"},
        )
        self._check_success(answer)
        claims = await self._userinfo_of(answer)
        if subject is not None and claims.get("sub") != subject:
            raise CheckFailed("sub", "the userinfo endpoint speaks of another user than the ID token")
        return claims

    async def _userinfo_of(self, answer: Answer) -> dict[str, Any]:
        is_signed = answer.content_type == "application/jwt"
        if self._userinfo_verifier is None:
            if is_signed:
                raise CheckFailed("userinfo", "it is signed: say with what it may be by userinfo_algs")
            return answer.json_object()
        if not is_signed:
            raise CheckFailed("userinfo", "it is not signed, and userinfo_algs wants it to be")
        verified = await self._userinfo_verifier.verify(answer.body.decode("latin-1"), "userinfo response")
        self._check_token_issuer(verified.claims)
        check.check_audience(verified.claims, self.client_id)
        return verified.claims

    async def refresh(
        self, refresh_token: str, scope: Iterable[str] | None = None, *, previous: TokenSet | None = None
    ) -> TokenSet:
        """See `OAuth2Client.refresh`. An ID token that comes along must be of the same user as that of ``previous``
        (12.2): `CheckFailed` else.
        """
        tokens = await super().refresh(refresh_token, scope)
        if tokens.id_token is not None:
            identity = await self.identify(tokens)
            if previous is not None and previous.id_token is not None:
                before = strict_object(from_b64url(previous.id_token.split(".")[1]))
                for name in ("iss", "sub"):
                    if before.get(name) != identity.claims.get(name):
                        raise CheckFailed(name, "the refreshed ID token is of another user")
        return tokens

    # Leaving.

    async def logout_url(
        self,
        *,
        post_logout_redirect_uri: str | None = None,
        id_token: str | None = None,
        state: str | None = None,
        **params: str | None,
    ) -> str | None:
        """Where to send a user who wants to leave the provider as well (RP-Initiated Logout 1.0).

        None if the provider has no such place. ``id_token`` spares the user a question at some providers, and
        is seen by the browser. Raises ValueError for a ``post_logout_redirect_uri`` that is not listed in
        ``post_logout_redirect_uris``.
        """
        await self.prepare()
        if self.end_session_endpoint is None:
            return None
        query = {"client_id": self.client_id, **{name: value for name, value in params.items() if value is not None}}
        if post_logout_redirect_uri is not None:
            if not any(equal(post_logout_redirect_uri, known) for known in self.post_logout_redirect_uris):
                raise ValueError("post_logout_redirect_uri is not one of the client's post_logout_redirect_uris")
            query["post_logout_redirect_uri"] = post_logout_redirect_uri
        if id_token is not None:
            query["id_token_hint"] = id_token
        if state is not None:
            query["state"] = state
        return url_concat(self.end_session_endpoint, query)

    async def logout_notice(self, logout_token: str) -> LogoutNotice:
        """Whose sessions a provider wants ended (Back-Channel Logout 1.0, 2.6).

        Raises `CheckFailed` for a token that is not the provider's, not such a notice, or was here before.
        """
        verified = await self._verifier.verify(logout_token, "logout token")
        self._check_token_issuer(verified.claims)
        check.check_audience(verified.claims, self.client_id)
        check.check_times(verified.claims, self._clock())
        return await checked_logout(verified, self.store, self._clock())

    def _check_status(self, answer: Answer) -> None:
        if answer.status != 200:
            self._check_success(answer)
            raise AuthError(f"{answer.url} answered {answer.status}")
