"""Sessions: what is remembered of a browser between requests, and who is signed in there."""

from waterspout.auth._store import MemoryStore, Store
from waterspout.auth.sessions._login_required import login_required
from waterspout.auth.sessions._mixin import SessionMixin
from waterspout.auth.sessions._redis import RedisStore
from waterspout.auth.sessions._session import Session
from waterspout.auth.sessions._sessions import Sessions

__all__ = ["MemoryStore", "RedisStore", "Session", "SessionMixin", "Sessions", "Store", "login_required"]
