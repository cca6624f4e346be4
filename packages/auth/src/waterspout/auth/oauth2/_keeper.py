"""Tokens that are kept, and made new when they end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from waterspout.auth._errors import AuthError, ProviderRefused, ProviderUnreachable
from waterspout.auth._secrets import equal
from waterspout.auth._store import Store
from waterspout.auth.oauth2._client import OAuth2Client
from waterspout.auth.oauth2._tokens import TokenSet

#: Seconds that tokens are kept: providers let refresh tokens lie unused for about as long.
LIFETIME = 180 * 86400.0
#: Seconds after which a refresh that another process has begun is given up: more than a request may take.
LOCKED = 30.0
#: Seconds between looks at what another process is doing; in all, longer than its lock holds.
_PAUSES = (0.02, 0.05, 0.1, 0.2, *(0.5 for _ in range(90)))


class TokenKeeper:
    """Keeps the tokens of users and gives out access tokens that hold.

    ::

        keeper = TokenKeeper(client, store)
        await keeper.put(user_id, identity.tokens)
        token = await keeper.access_token(user_id)      # refreshed, if need be

    Tokens lie in ``store`` as they are: whoever can read it can use them. However many tasks ask at once, one refresh
    is under way for a key: providers that rotate refresh tokens take a second use of the old one for theft and end
    them all (RFC 9700, 4.14). That holds for several processes with one store, too: a lock lies beside the tokens
    while one of them asks. ``on_lost`` is called with the key when the provider refuses for good: the place to end
    the user's sessions.
    """

    __module__ = "waterspout.auth.oauth2"

    def __init__(
        self,
        client: OAuth2Client,
        store: Store,
        *,
        lifetime: float = LIFETIME,
        on_lost: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.client = client
        self.store = store
        self.lifetime = lifetime
        self._on_lost = on_lost
        self._running: dict[str, asyncio.Task[TokenSet]] = {}

    async def put(self, key: str, tokens: TokenSet) -> None:
        """Keep ``tokens`` for ``key``, any text of the application's own."""
        await self.store.set(self._name(key), tokens.to_json(), self.lifetime)

    async def get(self, key: str) -> TokenSet | None:
        """The tokens as they are kept, expired or not."""
        data = await self.store.get(self._name(key))
        return None if data is None else TokenSet.from_json(data)

    async def drop(self, key: str) -> None:
        """Forget them."""
        await self.store.delete(self._name(key))

    async def access_token(self, key: str) -> str:
        """An access token that holds for the next 30 seconds at least, as far as the provider has said.

        Raises `AuthError` if there are no tokens, or they have expired and no refresh token was given;
        `ProviderRefused` if the provider refuses to refresh: they are forgotten then.
        """
        tokens = await self._kept(key)
        if not tokens.is_expired():
            return tokens.access_token
        return (await self.refresh(key, tokens)).access_token

    async def refresh(self, key: str, tokens: TokenSet) -> TokenSet:
        """New tokens in place of ``tokens``; joins the refresh that is under way for the key, if one is."""
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(self._refresh(key, tokens))
            self._running[key] = running
            running.add_done_callback(lambda done: self._ended(key, done))
        # A caller who goes away must not take the others' refresh along.
        return await asyncio.shield(running)

    def _ended(self, key: str, done: asyncio.Task[TokenSet]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # whoever still waits is told by `refresh`

    async def _refresh(self, key: str, tokens: TokenSet) -> TokenSet:
        """The tokens that another process has made new, or those that we have."""
        name = self._name(key)
        for pause in _PAUSES:
            kept = await self._kept(key)
            if _is_newer(kept, tokens):
                return kept
            if await self.store.add(f"{name}:lock", b"", LOCKED):
                break
            await asyncio.sleep(pause)
        else:
            raise ProviderUnreachable(f"tokens of {self.client.name} have been refreshed elsewhere for too long")
        try:
            kept = await self._kept(key)  # once more: the lock may have been given back since
            return kept if _is_newer(kept, tokens) else await self._refresh_locked(key, kept)
        finally:
            await self.store.delete(f"{name}:lock")

    async def _refresh_locked(self, key: str, old: TokenSet) -> TokenSet:
        if old.refresh_token is None:
            raise AuthError(f"the access token of {self.client.name} has expired, and there is no refresh token")
        try:
            new = await self.client.refresh(old.refresh_token, previous=old)
        except ProviderRefused as error:
            if error.error == "invalid_grant":
                await self.drop(key)
                if self._on_lost is not None:
                    await self._on_lost(key)
            raise
        if new.id_token is None:
            new.id_token = old.id_token
        # Not `put`: who has signed out meanwhile stays signed out.
        await self.store.replace(self._name(key), new.to_json(), self.lifetime)
        return new

    async def _kept(self, key: str) -> TokenSet:
        kept = await self.get(key)
        if kept is None:
            raise AuthError(f"no tokens of {self.client.name} are kept for this user")
        return kept

    def _name(self, key: str) -> str:
        text = f"{self.client.name}\x00{key}".encode("utf-8", "surrogatepass")
        return "tokens:" + hashlib.sha256(text).hexdigest()


def _is_newer(kept: TokenSet, tokens: TokenSet) -> bool:
    """Whether ``kept`` is what somebody has put in place of ``tokens``, and holds."""
    return not equal(kept.access_token, tokens.access_token) and not kept.is_expired()
