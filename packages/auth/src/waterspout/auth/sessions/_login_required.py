"""The door for methods that only signed-in users may call."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from waterspout.auth._endpoints import without_query
from waterspout.web import HTTPError, safe_next

if TYPE_CHECKING:
    from waterspout.web import RequestHandler

    Method = Callable[..., Awaitable[None] | None]

__all__ = ["login_required"]


def login_required(
    method: Method | None = None, *, max_age: float | None = None, allow: Callable[[Any], bool] | None = None
) -> Any:
    """Method decorator: only for users who are signed in. Beside `waterspout.web.authenticated` it

    * loads the session itself where the class has one (``load_session``), so it works in any `prepare`;
    * with ``max_age`` wants a sign-in not longer than that many seconds ago, and sends the user to sign in again
      (whether the provider asks for a password then is settled by `OpenIDClient`'s ``max_age``);
    * with ``allow`` asks it about the user: 403 if it says no;
    * tells scripts: a request that does not accept HTML gets 401 instead of a redirect.

    Others are redirected to `RequestHandler.get_login_url` with ``next`` as the page's path, never another host's; for
    anything but GET and HEAD they get 401. Answers are kept out of caches (``Cache-Control: private, no-store``).
    Bare (``@login_required``) or called (``@login_required(max_age=300)``).
    """
    if method is None:
        return functools.partial(login_required, max_age=max_age, allow=allow)
    wrapped = method

    @functools.wraps(wrapped)
    async def wrapper(self: RequestHandler, *args: Any, **kwargs: Any) -> None:
        load: Callable[[], Awaitable[Any]] | None = getattr(self, "load_session", None)
        session = None if load is None else await load()
        user = self.current_user
        if not user or (max_age is not None and not _is_fresh(session, max_age)):
            _send_to_login(self)
            return
        if allow is not None and not allow(user):
            raise HTTPError(403, "the user may not do this")
        self.set_header("Cache-Control", "private, no-store")
        result = wrapped(self, *args, **kwargs)
        if inspect.isawaitable(result):
            await result

    return wrapper


def _is_fresh(session: Any, max_age: float) -> bool:
    if session is None:
        raise RuntimeError("login_required(max_age=...) needs a session: use SessionMixin")
    return bool(time.time() - session.signed_in <= max_age)


def _send_to_login(handler: RequestHandler) -> None:
    accepts = handler.request.headers.get("Accept", "*/*")
    if handler.request.method not in ("GET", "HEAD") or not ("text/html" in accepts or "*/*" in accepts):
        raise HTTPError(401, "nobody is signed in")
    url = handler.get_login_url()
    wanted = safe_next(handler.request.uri, default="/")
    separator = "&" if "?" in url else "?"
    handler.set_header("Cache-Control", "no-store")
    if "next=" not in url[len(without_query(url)) :]:
        url += separator + urlencode({"next": wanted})
    handler.redirect(url)
