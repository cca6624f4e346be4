"""What a handler has to do with its browser's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from waterspout.auth.sessions._session import Session
from waterspout.auth.sessions._sessions import Sessions

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

__all__ = ["SessionMixin"]


class SessionMixin:
    """For a `RequestHandler`, before it in the class's bases: ``self.session``, and who is signed in.

    ::

        class Page(SessionMixin, RequestHandler):
            @authenticated
            def get(self): self.write(self.current_user["name"])

    The application's setting ``sessions`` is a `Sessions`. The session is loaded in `prepare`: a class with a
    ``prepare`` of its own begins it with ``await super().prepare()``. ``current_user`` is the session's user.
    """

    __module__ = "waterspout.auth.sessions"

    _session: Session | None = None

    async def prepare(self) -> None:
        """Load the session."""
        await self.load_session()

    @property
    def session(self) -> Session:
        """The browser's session. RuntimeError before it is loaded."""
        if self._session is None:
            raise RuntimeError(
                f"{type(self).__name__}.session is not loaded yet: begin prepare with `await super().prepare()`, "
                "or `await self.load_session()`"
            )
        return self._session

    async def load_session(self) -> Session:
        """The browser's session, loaded at the first call."""
        if self._session is None:
            self._session = await _sessions_of(self).load(cast("RequestHandler", self))
        return self._session

    async def save_session(self) -> None:
        """Keep the changes made to the session. Call it before the response is finished or flushed."""
        await _sessions_of(self).save(cast("RequestHandler", self), self.session)

    async def sign_in(self, user: dict[str, Any]) -> None:
        """Sign ``user`` (a dictionary of JSON values) in: the session goes on under a new id and cookie."""
        await _sessions_of(self).sign_in(cast("RequestHandler", self), self.session, user)
        cast("RequestHandler", self).current_user = user

    async def sign_out(self) -> None:
        """End the session, here and in the browser."""
        await _sessions_of(self).sign_out(cast("RequestHandler", self), self.session)
        cast("RequestHandler", self).current_user = None

    def get_current_user(self) -> Any:
        """The session's user."""
        return self.session.user


def _sessions_of(handler: Any) -> Sessions:
    found = handler.settings.get("sessions")
    if not isinstance(found, Sessions):
        raise RuntimeError("the application has no setting `sessions`: Application(..., sessions=Sessions(secret))")
    return found
