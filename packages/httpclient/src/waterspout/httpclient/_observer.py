"""Watching a client: for logs, metrics and traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from waterspout.httpclient._request import HTTPRequest
    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._timing import Timing


class ObservedFetch(Protocol):
    """One fetch as observers see it: the same object from its start to its end, which they may use as a key."""

    request: HTTPRequest
    #: The method and loop times of the request that is sent now; redirects and retries change them.
    method: str
    timing: Timing
    #: How many retries have begun.
    tried: int

    def shown_url(self) -> str:
        """The URL of the request that is sent now, without user name and password."""


ObservedFetch.__module__ = "waterspout.httpclient"


class ClientObserver:
    """Told what a client does: override what is of interest, ``AsyncHTTPClient(observer=...)``. Costs nothing unused.

    Called on the client's loop, in the middle of its work: be quick. An exception is logged and changes nothing.
    """

    __module__ = "waterspout.httpclient"

    def fetch_started(self, fetch: ObservedFetch) -> None:
        """`fetch` was called; the request's headers may still be added to, for example with a trace's context."""

    def fetch_queued(self, fetch: ObservedFetch) -> None:
        """The client has as many fetches under way as it may: this one waits for a slot."""

    def request_sent(self, fetch: ObservedFetch, reused: bool) -> None:
        """A request was handed to a connection, kept from an earlier one (*reused*) or new."""

    def head_received(self, fetch: ObservedFetch, status: int) -> None:
        """The head of a response has come; redirects and answers that are retried are told, too."""

    def fetch_finished(self, fetch: ObservedFetch, response: HTTPResponse) -> None:
        """The response is complete, whatever its status."""

    def fetch_failed(self, fetch: ObservedFetch, error: BaseException) -> None:
        """No usable response came; `asyncio.CancelledError` for a fetch that was cancelled."""

    def connection_opened(self, url: str, seconds: float) -> None:
        """A connection to the origin *url* was made, which took so long."""

    def connection_closed(self, url: str) -> None:
        """A connection to the origin *url* was closed by either side."""


def tell(method: Callable[..., None], *args: Any) -> None:
    """Call an observer's method; what it raises must not reach the fetch."""
    try:
        method(*args)
    except Exception:
        from waterspout.log import app_log  # logging is of no use to those who never log

        app_log.error("Exception in %r", method, exc_info=True)
