"""The three answers of a status page: the page, its events, and the numbers for Prometheus."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from waterspout.web._errors import HTTPError
from waterspout.web._handler import RequestHandler

if TYPE_CHECKING:
    from waterspout.web.status._access import Access
    from waterspout.web.status._feed import Feed

__all__ = ["EventsHandler", "MetricsHandler", "PageHandler"]


class StatusHandler(RequestHandler):
    """Asks *access* before anything else."""

    SUPPORTED_METHODS = ("GET",)
    access: Access

    def set_default_headers(self) -> None:
        """See `RequestHandler`: nothing of it is kept, framed or guessed at."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "no-referrer")

    async def prepare(self) -> None:
        """See `RequestHandler`."""
        await self.access.check(self)

    def compute_etag(self) -> str | None:
        """See `RequestHandler`: no two answers are alike."""
        return None


class PageHandler(StatusHandler):
    """The page; its script asks for the events below its own path."""

    def initialize(self, access: Access, page: Callable[[], str]) -> None:
        """See `RequestHandler`."""
        self.access = access
        self._page = page

    def get(self) -> None:
        """Send it with a policy that lets nothing but its own style and script be used."""
        nonce = secrets.token_urlsafe(16)
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-{nonce}'; "
            f"script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.write(self._page().replace("NONCE", nonce))


class EventsHandler(StatusHandler):
    """One event at once, which holds the last minutes, then one a second until the client or the server leaves."""

    cancel_on_disconnect = True

    def initialize(self, access: Access, feed: Feed) -> None:
        """See `RequestHandler`."""
        self.access = access
        self._feed = feed

    async def get(self) -> None:
        """Raises `HTTPError` 503 where too many look on already."""
        with self._feed.viewer() as admitted:
            if not admitted:
                raise HTTPError(503, headers={"Retry-After": "10"})
            await self.send_event(self._feed.history(), event="history", retry=2000)
            # A server that drains waits for nobody who only looks on.
            while not getattr(self.request.connection, "draining", False):
                await self.send_event(await self._feed.next())


class MetricsHandler(StatusHandler):
    """The same numbers for Prometheus."""

    def initialize(self, access: Access, text: Callable[[], str], content_type: str) -> None:
        """See `RequestHandler`."""
        self.access = access
        self._text = text
        self._content_type = content_type

    def get(self) -> None:
        """Send them."""
        self.set_header("Content-Type", self._content_type)
        self.write(self._text())
