"""Decorators for handler classes and methods."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

from waterspout.util import is_tornado_compat
from waterspout.web._errors import HTTPError
from waterspout.web._handler import RequestHandler
from waterspout.web._redirect import with_slash, without_slash

__all__ = ["Reading", "addslash", "authenticated", "cors", "read_request_body", "removeslash", "stream_request_body"]

if TYPE_CHECKING:
    from waterspout.web._cors import CORSPolicy

C = TypeVar("C", bound=type[RequestHandler])
Method = Callable[..., Awaitable[None] | None]


def stream_request_body(cls: C) -> C:
    """Class decorator: the handler gets its body in pieces.

    ``prepare`` is called when the head has come, ``data_received`` with each piece, the method when the body is
    whole. Arguments of the body are not parsed.
    """
    if not issubclass(cls, RequestHandler):
        raise TypeError(f"expected subclass of RequestHandler, got {cls!r}")
    cls._streams_body = True
    return cls


class Reading(NamedTuple):
    """How a handler reads its body itself."""

    max_body_size: int | None


def read_request_body(*, max_body_size: int | None = None) -> Callable[[C], C]:
    """Class decorator: the handler's methods run when the head has come, and read the body themselves.

    They do so with `RequestHandler.parts` or `RequestHandler.body_pieces`; nothing is kept in memory, and the client
    is slowed down to the pace of who reads. *max_body_size* (bytes) replaces the server's limit, and may be far above
    it. Arguments of the body are not parsed: XSRF tokens must come in a header. If the method answers before it has
    read the body, the connection is closed after the answer.
    """

    def decorate(cls: C) -> C:
        stream_request_body(cls)
        cls._reads_body = Reading(max_body_size)
        return cls

    return decorate


def cors(policy: CORSPolicy) -> Callable[[C], C]:
    """Class decorator: pages of other origins may read the handler's answers, as *policy* says.

    Preflights are answered; the setting ``cors`` does the same for a whole application.
    """

    def decorate(cls: C) -> C:
        own_options, own_headers = cls.options, cls.set_default_headers

        def options(self: RequestHandler, *args: Any, **kwargs: Any) -> Any:
            fields = policy.preflight_headers(self.request.headers)
            if fields is None:
                return own_options(self, *args, **kwargs)
            self.set_status(204)
            for name, value in fields:
                self.set_header(name, value)
            return None

        def set_default_headers(self: RequestHandler) -> None:
            own_headers(self)
            for name, value in policy.response_headers(self.request.headers):
                self.add_header(name, value)

        functools.update_wrapper(options, own_options)
        functools.update_wrapper(set_default_headers, own_headers)
        cls._cors_policy = policy
        cls.options = options
        cls.set_default_headers = set_default_headers  # type: ignore[method-assign,assignment]
        return cls

    return decorate


def authenticated(method: Method) -> Method:
    """Method decorator: only for users who are signed in (`RequestHandler.current_user`).

    Others are redirected to `RequestHandler.get_login_url`, with the page they wanted in ``next``; for anything but
    GET and HEAD they get 403.
    """

    @functools.wraps(method)
    def wrapper(self: RequestHandler, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        if self.current_user:
            return method(self, *args, **kwargs)
        if self.request.method not in ("GET", "HEAD"):
            raise HTTPError(403)
        url = self.get_login_url()
        if "?" not in url:
            absolute = bool(urlsplit(url).scheme)  # a login page elsewhere must know our host as well
            wanted = self.request.full_url() if absolute else self.request.uri
            url += "?" + urlencode({"next": wanted})
        self.redirect(url)
        return None

    return wrapper


def removeslash(method: Method) -> Method:
    """Method decorator: redirect ``/path/`` to ``/path``; use a route pattern such as ``/path/*``."""
    return _slash_decorator(method, without_slash)


def addslash(method: Method) -> Method:
    """Method decorator: redirect ``/path`` to ``/path/``; use a route pattern such as ``/path/?``."""
    return _slash_decorator(method, with_slash)


def _slash_decorator(method: Method, better: Callable[[str, str], str | None]) -> Method:
    @functools.wraps(method)
    def wrapper(self: RequestHandler, *args: Any, **kwargs: Any) -> Awaitable[None] | None:
        try:
            target = better(self.request.path, self.request.query) if self.request.path != "/" else None
        except ValueError as error:
            raise HTTPError(403 if is_tornado_compat(self._compat()) else 404, "%s", error) from None
        if target is None:
            return method(self, *args, **kwargs)
        if self.request.method not in ("GET", "HEAD"):
            raise HTTPError(404)
        self.redirect(target, permanent=True)
        return None

    return wrapper
