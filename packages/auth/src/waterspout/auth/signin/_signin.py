"""All of a sign-in: the way to a provider and back, the session, the tokens, and the way out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from waterspout.auth._endpoints import checked_endpoint
from waterspout.auth._errors import AuthError, CheckFailed, ProviderRefused
from waterspout.auth._pending import LIFETIME, PendingCookies, PendingSignIn
from waterspout.auth._secrets import Secret, new_token
from waterspout.auth._store import MemoryStore, Store
from waterspout.auth.oauth2 import Identity, OAuth2Client, TokenKeeper
from waterspout.auth.signin import _handlers as handlers
from waterspout.web import URLSpec, safe_next

if TYPE_CHECKING:
    from waterspout.auth.sessions import SessionMixin

#: Where a user's session says under which key the tokens of this sign-in are kept.
TOKENS = "tokens"
#: Characters of an address to go on to: it travels in a cookie.
MAX_NEXT = 1500


class SignIn:
    """Routes that sign users in with other sites' accounts.

    ::

        signin = SignIn([google, github], base_url="https://app.example", secret=cookie_secret)
        Application([*signin.routes(), ...], sessions=Sessions(cookie_secret), login_url="/signin/google")

    ============================================ ==========================================================
    ``PREFIX/NAME`` GET                          sends the user to the provider NAME; ``next`` says where to
                                                 go afterwards, on this host
    ``PREFIX/NAME/callback`` GET, POST           the ``redirect_uri`` to register with the provider
    ``PREFIX/NAME/backchannel-logout`` POST      for OpenID providers, where sessions have a store
    ``PREFIX/out`` POST                          ends the session, and goes on to the provider's own way out
    ============================================ ==========================================================

    * ``clients``: `OAuth2Client` and `OpenIDClient` objects, each with a name of its own.
    * ``base_url``: the application's own address, as browsers see it. It is never taken from a request, where
      anybody can write anything into the Host header.
    * ``secret``: as the setting ``cookie_secret``.
    * ``prefix`` ("/signin"), ``after_sign_in`` ("/"), ``after_sign_out`` ("/"): paths.
    * ``store``: remembers which sign-ins are finished, so that none is finished twice; share it between processes.
    * ``keep_tokens``: keep the providers' tokens in ``store``, for `access_token`.

    The application's setting ``sessions`` is a `Sessions`. Override `user_of` to decide who may come in, and
    `failed` for a page of your own.
    """

    __module__ = "waterspout.auth.signin"

    clients: dict[str, OAuth2Client]
    base_url: str
    prefix: str
    cookies: PendingCookies
    store: Store
    keepers: dict[str, TokenKeeper]

    def __init__(
        self,
        clients: Iterable[OAuth2Client],
        *,
        base_url: str,
        secret: Secret,
        prefix: str = "/signin",
        after_sign_in: str = "/",
        after_sign_out: str = "/",
        store: Store | None = None,
        keep_tokens: bool = False,
    ) -> None:
        self.clients = {}
        for client in clients:
            if client.name in self.clients or client.name == "out":
                raise ValueError(f"two providers are called {client.name!r}, or one is called 'out'")
            if not client.name.replace("-", "").replace("_", "").isalnum() or not client.name.isascii():
                raise ValueError(f"a provider's name becomes part of addresses: {client.name!r}")
            self.clients[client.name] = client
        self.base_url = checked_endpoint(base_url, "base_url", allow_http=True).rstrip("/")
        if urlsplit(self.base_url).query:
            raise ValueError("base_url must have no query")
        self.prefix = prefix.rstrip("/")
        self.after_sign_in = after_sign_in
        self.after_sign_out = after_sign_out
        self.cookies = PendingCookies(secret)
        self.store = MemoryStore() if store is None else store
        self.keepers = {name: TokenKeeper(one, self.store) for name, one in self.clients.items()} if keep_tokens else {}

    def routes(self) -> list[URLSpec]:
        """The rules for an `Application`."""
        routes = [URLSpec(f"{self.prefix}/out", handlers.SignOutHandler, {"signin": self}, name="signin-out")]
        for name, client in self.clients.items():
            given = {"signin": self, "client": client}
            path = f"{self.prefix}/{name}"
            routes.append(URLSpec(path, handlers.BeginHandler, given, name=f"signin-{name}"))
            routes.append(URLSpec(f"{path}/callback", handlers.CallbackHandler, given))
            if hasattr(client, "logout_notice"):
                routes.append(URLSpec(f"{path}/backchannel-logout", handlers.BackChannelLogoutHandler, given))
        return routes

    def redirect_uri(self, name: str) -> str:
        """What to register with the provider ``name``."""
        return f"{self.base_url}{self.prefix}/{name}/callback"

    # What applications override.

    async def user_of(self, handler: handlers.CallbackHandler, identity: Identity) -> dict[str, Any] | None:
        """What the session keeps of the user, as a dictionary of JSON values; None for one who may not come in.

        By default `Identity.user`: provider, ``iss``, ``sub``, name, e-mail address and the like. Keep ``iss``, ``sub``
        and ``sid``: a provider's logout is found by them.
        """
        return identity.user()

    def failed(self, handler: handlers.SignInHandler, error: AuthError) -> None:
        """Answer a sign-in that has failed. It is in the log already. ``error`` may repeat what the provider sent."""
        handlers.write_failure(handler, error)

    # The steps.

    def begin(self, handler: handlers.BeginHandler, client: OAuth2Client) -> PendingSignIn:
        """A new sign-in of the handler's browser; the response carries its cookie."""
        wanted = safe_next(handler.get_argument("next", ""), self.base_url, self.after_sign_in)
        if len(wanted) > MAX_NEXT:
            wanted = self.after_sign_in
        return self.cookies.begin(
            handler,
            client.name,
            self.redirect_uri(client.name),
            {"next": wanted},
            cross_site_post=client.response_mode == "form_post",
        )

    async def finish(
        self, handler: handlers.CallbackHandler, client: OAuth2Client, answer: dict[str, str]
    ) -> PendingSignIn:
        """Sign the user in whom the provider's ``answer`` names. Raises `AuthError`; then nobody is signed in."""
        pending = self.cookies.finish(handler, client.name, answer.get("state"))
        used = "signin:" + hashlib.sha256(pending.id.encode()).hexdigest()
        if not await self.store.add(used, b"", LIFETIME + 60):
            raise CheckFailed("state", "it was used before")
        identity = await client.complete(answer, pending)
        user = await self.user_of(handler, identity)
        if user is None:
            raise AuthError(f"the user of {client.name} may not sign in here")
        keeper = self.keepers.get(client.name)
        if keeper is not None:
            user = {**user, TOKENS: new_token()}
            await keeper.put(user[TOKENS], identity.tokens)
        await handler.sign_in(user)
        return pending

    async def access_token(self, handler: SessionMixin) -> str:
        """The signed-in user's access token, refreshed if need be; needs ``keep_tokens``.

        Raises `AuthError` if there is none. If the provider refuses to refresh for good, the session has ended
        before the error is raised: the user has to sign in again.
        """
        user = (await handler.load_session()).user or {}
        keeper = self.keepers.get(str(user.get("provider")))
        key = user.get(TOKENS)
        if keeper is None or not isinstance(key, str):
            raise AuthError("no tokens are kept for this user")
        try:
            return await keeper.access_token(key)
        except ProviderRefused as error:
            if error.error == "invalid_grant":
                await handler.sign_out()
            raise

    async def leave(self, handler: handlers.SignOutHandler) -> str:
        """End the handler's session and forget its tokens; where to go then."""
        user = (await handler.load_session()).user or {}
        client = self.clients.get(str(user.get("provider")))
        keeper, key = self.keepers.get(str(user.get("provider"))), user.get(TOKENS)
        id_token = None
        if keeper is not None and isinstance(key, str):
            tokens = await keeper.get(key)
            id_token = None if tokens is None else tokens.id_token
            await keeper.drop(key)
        await handler.sign_out()
        if client is None:
            return self.after_sign_out
        home = self.base_url + self.after_sign_out
        listed = getattr(client, "post_logout_redirect_uris", ())
        back = home if home in listed else None
        return await client.logout_url(post_logout_redirect_uri=back, id_token=id_token) or self.after_sign_out
