"""Small handlers that need no code of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from waterspout.httputil import HTTPServerRequest, url_concat
from waterspout.web._errors import HTTPError
from waterspout.web._handler import RequestHandler
from waterspout.web._redirect import fill_redirect

__all__ = ["ErrorHandler", "FallbackHandler", "RedirectHandler"]


class ErrorHandler(RequestHandler):
    """Answers every request with the error page of *status_code*."""

    __module__ = "waterspout.web"

    def initialize(self, status_code: int) -> None:
        """Take the status from the route."""
        self.set_status(status_code)

    def prepare(self) -> None:
        """Answer."""
        raise HTTPError(self._status_code)

    def check_xsrf_cookie(self) -> None:
        """An error page changes nothing, so a POST to it needs no token."""

    def check_trusted_origin(self, origin: str) -> bool:
        """Nor does it matter where the request comes from."""
        return True


class RedirectHandler(RequestHandler):
    """Redirects GET requests to *url*, where ``{0}`` or ``{name}`` stand for the route's groups.

    The request's query is kept. *permanent* (the default) answers 301, else 302. A URL that would lead to another
    host by what the client put into a group is refused with 400 (RD2).
    """

    __module__ = "waterspout.web"

    def initialize(self, url: str, permanent: bool = True) -> None:
        """Take the target from the route."""
        self._url = url
        self._permanent = permanent

    def get(self, *args: Any, **kwargs: Any) -> None:
        """Redirect."""
        try:
            target = fill_redirect(self._url, args, kwargs)
        except ValueError as error:
            raise HTTPError(400, "%s", error) from None
        if self.request.query_arguments:
            pairs = [(name, value) for name, values in self.request.query_arguments.items() for value in values]
            target = url_concat(target, cast("list[tuple[str, str]]", pairs))
        self.redirect(target, permanent=self._permanent)


class FallbackHandler(RequestHandler):
    """Hands the request to another application: a callable that takes it whole, such as a WSGI container."""

    __module__ = "waterspout.web"

    def initialize(self, fallback: Callable[[HTTPServerRequest], None]) -> None:
        """Take the application from the route."""
        self.fallback = fallback

    def prepare(self) -> None:
        """Hand over; what follows is the other application's business."""
        self.fallback(self.request)
        self._finished = True
        self.on_finish()
