"""The sessions of an application: cookies in, cookies out, and what is kept between."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from waterspout.auth._secrets import Secret
from waterspout.auth.sessions._sealing import Encrypted, Seal, Signed
from waterspout.auth.sessions._session import Session

if TYPE_CHECKING:
    from waterspout.auth._store import Store
    from waterspout.web import RequestHandler

_PURPOSE = "session"
_DAY = 86400.0
#: The share of ``idle`` after which a session that is used is given its full time again: not with every request.
_RENEWAL = 0.1


class Sessions:
    """What an application's setting ``sessions`` is: how sessions are kept, and for how long.

    ::

        Application(..., sessions=Sessions(cookie_secret))                         # all in a signed cookie
        Application(..., sessions=Sessions(cookie_secret, encrypt=True))           # which nobody can read
        Application(..., sessions=Sessions(cookie_secret, store=MemoryStore()))    # an id in the cookie, the rest here

    * ``secret``: as the setting ``cookie_secret``: one secret, or several by version, of which the highest signs.
    * ``store``: a `Store`; without one, everything is in the cookie, which holds about 3,000 bytes, and a session
      that was ended elsewhere lives on in a stolen copy. Back-channel logout needs a store.
    * ``encrypt``: for the cookie without a store; needs the extra ``oidc``.
    * ``lifetime`` (14 days): seconds after which the user must sign in again, whatever happens; ``idle`` (2 days):
      seconds after which a session that is not used has ended.
    * ``cookie_name``; ``secure``: whether the cookie is for https alone: by default it is where the request came by
      https, and is then called ``__Host-`` and the name, so that no other host can plant it. ``samesite``: "lax", or
      "strict", "none".
    """

    __module__ = "waterspout.auth.sessions"

    idle: float

    def __init__(
        self,
        secret: Secret,
        *,
        store: Store | None = None,
        encrypt: bool = False,
        lifetime: float = 14 * _DAY,
        idle: float = 2 * _DAY,
        cookie_name: str = "session",
        secure: bool | None = None,
        samesite: str = "lax",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.lifetime = lifetime
        self.idle = min(idle, lifetime)
        self.cookie_name = cookie_name
        self.secure = secure
        self.samesite = samesite
        self._clock = clock
        self._seal: Seal = Encrypted(secret, _PURPOSE) if encrypt and store is None else Signed(secret, _PURPOSE)

    async def load(self, handler: RequestHandler) -> Session:
        """The session of the request's browser; a new one if it has none, or none that is still good."""
        now = self._clock()
        opened = self._opened_cookie(handler)
        if opened is None:
            return Session.new(now)
        seen, content = opened
        data: bytes | None = content
        if self.store is not None:
            data = await self.store.get(_key(content.decode("ascii", "replace")))
        session = None if data is None else _session_of(data)
        if session is None or not self._is_alive(session, seen, now) or await self._is_revoked(session):
            return Session.new(now)
        if now - seen > self.idle * _RENEWAL:
            await self._renew(handler, session)
        return session

    async def save(self, handler: RequestHandler, session: Session) -> None:
        """Keep ``session``, and have the response carry its cookie. Call it before the response's head has left.

        It is kept as a whole: of two requests that save one session at once, the values of the later one stay.
        Raises ValueError if it does not fit into a cookie, TypeError for values that are no JSON.
        """
        data = session.to_json()
        if self.store is not None:
            put = self.store.set if session.is_new else self.store.replace
            if await put(_key(session.id), data, self._time_to_live(session)) is False:
                return  # ended or renamed by another request meanwhile: it must not come back
            data = session.id.encode()
        self._send_cookie(handler, data)
        session.is_new = session.is_changed = False

    async def _renew(self, handler: RequestHandler, session: Session) -> None:
        """Let the session live on. Its values are left to the requests that change them, where the store can do so."""
        touch: Callable[[str, float], Awaitable[bool]] | None = getattr(self.store, "touch", None)
        if touch is None:
            await self.save(handler, session)
        elif await touch(_key(session.id), self._time_to_live(session)):
            self._send_cookie(handler, session.id.encode())

    def _time_to_live(self, session: Session) -> float:
        remaining = session.created + self.lifetime - self._clock()
        return min(self.idle, max(remaining, 1.0))

    def _send_cookie(self, handler: RequestHandler, data: bytes) -> None:
        """Have the response carry a cookie that is as old as now."""
        name, secure = self._cookie(handler)
        value = self._seal.seal(name, b"%d:%s" % (self._clock(), data))
        try:
            handler.set_cookie(
                name, value, max_age=int(self.idle), httponly=True, secure=secure, samesite=self.samesite
            )
        except ValueError as error:
            if self.store is None and len(value) > 3000:
                raise ValueError(
                    f"the session makes a cookie of {len(value)} bytes, which browsers drop: give Sessions a store"
                ) from error
            raise

    async def sign_in(self, handler: RequestHandler, session: Session, user: dict[str, Any]) -> None:
        """Make ``user`` (a dictionary of JSON values) the one who is signed in, under a new session id.

        The session's values stay where nobody was signed in, or the same user (by ``iss`` and ``sub``, where both have
        them); what was another's is cleared.
        """
        if session.user is not None and not _is_same(session.user, user):
            session.clear()
        old = session.id
        session.rotate()
        session.is_new = True
        session.user = user
        session.created = session.signed_in = self._clock()
        await self.save(handler, session)
        if self.store is not None:
            await self.store.delete(_key(old))

    async def sign_out(self, handler: RequestHandler, session: Session) -> None:
        """End the session: nothing of it is kept, here or in the browser."""
        await self.end(session)
        session.rotate()
        session.is_new = True
        session.clear()
        session.user = None
        session.signed_in = 0.0
        name, secure = self._cookie(handler)
        handler.clear_cookie(name, httponly=True, secure=secure, samesite=self.samesite)

    async def end(self, session: Session) -> None:
        """Forget the session on the server; its cookie names nothing any more. Nothing happens without a store."""
        if self.store is not None:
            await self.store.delete(_key(session.id))

    async def revoke(self, issuer: str, *, subject: str | None = None, sid: str | None = None) -> None:
        """End what has begun until now of the sessions with a user of this ``iss`` and ``sub``, or with this ``sid``:
        what a provider asks for in a back-channel logout. With both, of the user's sessions end the one with the
        ``sid`` and those without any. Needs a store; ValueError without one.
        """
        if self.store is None:
            raise ValueError(
                "sessions that are wholly in cookies cannot be ended from elsewhere: give Sessions a store"
            )
        now = repr(self._clock()).encode()
        marks = {"sid": sid, "sub": subject if sid is None else None, "sub without sid": subject if sid else None}
        for kind, value in marks.items():
            if value is not None:
                await self.store.set(_revocation_key(kind, issuer, value), now, self.lifetime)

    async def _is_revoked(self, session: Session) -> bool:
        user = session.user
        if self.store is None or user is None or not isinstance(user.get("iss"), str):
            return False
        sid, subject = user.get("sid"), user.get("sub")
        marks = {"sid": sid, "sub": subject, "sub without sid": subject if sid is None else None}
        for kind, value in marks.items():
            mark = None if value is None else await self.store.get(_revocation_key(kind, user["iss"], str(value)))
            if mark is not None and session.signed_in <= float(mark):
                return True
        return False

    def _is_alive(self, session: Session, seen: float, now: float) -> bool:
        return now - session.created < self.lifetime and now - seen < self.idle

    def _opened_cookie(self, handler: RequestHandler) -> tuple[float, bytes] | None:
        """When the cookie was made, and what it holds; None if there is none of ours."""
        name, _ = self._cookie(handler)
        value = handler.get_cookie(name)
        data = None if value is None else self._seal.open(name, value)
        seen, separator, content = (data or b"").partition(b":")
        return (float(seen), content) if separator and seen.isdigit() else None

    def _cookie(self, handler: RequestHandler) -> tuple[str, bool]:
        """The cookie's name, and whether it is for https alone."""
        secure = handler.request.protocol == "https" if self.secure is None else self.secure
        return (f"__Host-{self.cookie_name}" if secure else self.cookie_name), secure


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = ("iss", "sub")
    if all(name in one and name in other for name in names):
        return all(one[name] == other[name] for name in names)
    return one == other


def _session_of(data: bytes) -> Session | None:
    try:
        return Session.from_json(data)
    except ValueError:  # written by another version of the application's own code
        return None


def _key(session_id: str) -> str:
    # Hashed, so that who reads the store cannot walk in with the ids, and any id makes a key that a store can hold.
    return "session:" + hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()


def _revocation_key(kind: str, issuer: str, value: str) -> str:
    named = "\x00".join((kind, issuer, value)).encode("utf-8", "surrogatepass")
    return "revoked:" + hashlib.sha256(named).hexdigest()
