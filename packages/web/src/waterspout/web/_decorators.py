"""Decorators for handler classes and methods."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from waterspout.util import is_tornado_compat
from waterspout.web._errors import HTTPError
from waterspout.web._handler import RequestHandler
from waterspout.web._redirect import with_slash, without_slash

__all__ = ["addslash", "authenticated", "removeslash", "stream_request_body"]

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
