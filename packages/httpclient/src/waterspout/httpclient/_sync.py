"""HTTPClient: fetching without a loop of one's own."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._request import HTTPRequest

if TYPE_CHECKING:
    from waterspout.httpclient._base import AsyncHTTPClient
    from waterspout.httpclient._blocking import BlockingClient
    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._threaded import ThreadedClient


class HTTPClient:
    """A blocking HTTP client.

    ::

        with HTTPClient() as http:
            print(http.fetch("https://example.com/").text)

    It also works where an event loop runs already (in notebooks, for example), and may be used from several threads
    at once. *async_client_class* is made with *kwargs*; by default the configured `AsyncHTTPClient`.

    One plain request at a time is sent and waited for in the caller's own thread, without any event loop. For what
    needs one (other implementations and options than ``defaults``, proxies, streaming, bodies from producers, several
    threads at once) it runs an asynchronous client on a loop of its own in a thread of its own; callbacks of such
    requests are called on that thread.

    A forked process may use the client that it inherits: it makes connections of its own.
    """

    __module__ = "waterspout.httpclient"

    _closed = True
    _blocking: BlockingClient | None
    _threaded: ThreadedClient | None

    def __init__(self, async_client_class: type[AsyncHTTPClient] | None = None, **kwargs: Any) -> None:
        self._class = async_client_class
        self._kwargs = kwargs
        self._begin()
        self._closed = False

    def _begin(self) -> None:
        self._process = os.getpid()
        self._busy = threading.Lock()
        self._making = threading.Lock()
        self._blocking = self._threaded = None
        if self._class is None and self._kwargs.keys() <= {"defaults"} and _is_default_configured():
            from waterspout.httpclient._blocking import BlockingClient

            client = BlockingClient(**self._kwargs)
            if not client.has_proxies:
                self._blocking = client
        if self._blocking is None:
            self._threaded = _threaded(self._class, self._kwargs)

    def fetch(self, request: str | HTTPRequest, raise_error: bool = True, **kwargs: Any) -> HTTPResponse:
        """Send *request* and wait for the response; see `AsyncHTTPClient.fetch`.

        Raises what it raises, and RuntimeError on a closed client. An interrupt (Ctrl-C) ends the fetch.
        """
        if self._closed:
            raise RuntimeError("fetch() on a closed HTTPClient")
        if not isinstance(request, HTTPRequest):
            request = HTTPRequest(request, **kwargs)
        elif kwargs:
            raise ValueError(f"arguments beside an HTTPRequest: {', '.join(kwargs)}; set them on the request itself")
        if self._process != os.getpid():
            # The connections are the parent's, who goes on using them, and the thread is not here. The loop is left
            # alone: it would take its sockets from the parent's epoll instance.
            if self._blocking is not None:
                self._blocking.close()
            self._begin()
        blocking = self._blocking
        if blocking is not None and blocking.can_fetch(request) and self._busy.acquire(blocking=False):
            try:
                return blocking.fetch(request, raise_error)
            finally:
                self._busy.release()
                if self._closed:
                    self._close_blocking()
        return self._on_loop().fetch(request, raise_error=raise_error)

    def close(self) -> None:
        """Close all connections. Fetches of other threads fail. The client cannot be used any more."""
        if self._closed:
            return
        self._closed = True
        self._close_blocking()
        if self._threaded is not None and self._process == os.getpid():
            self._threaded.close()

    def __enter__(self) -> HTTPClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _close_blocking(self) -> None:
        """Close the connections; those in another thread's use are closed by it, as soon as it sees them broken off."""
        if self._blocking is None:
            return
        if self._busy.acquire(blocking=False):
            try:
                self._blocking.close()
            finally:
                self._busy.release()
        else:
            self._blocking.break_off()

    def _on_loop(self) -> ThreadedClient:
        with self._making:
            if self._threaded is None:
                self._threaded = _threaded(self._class, self._kwargs)
            return self._threaded


def _threaded(async_client_class: type[AsyncHTTPClient] | None, kwargs: dict[str, Any]) -> ThreadedClient:
    from waterspout.httpclient._threaded import ThreadedClient  # asyncio is most of a small program's start

    return ThreadedClient(async_client_class, **kwargs)


def _is_default_configured() -> bool:
    """Whether `AsyncHTTPClient.configure` has not been called; then that class need not even be loaded."""
    base = sys.modules.get("waterspout.httpclient._base")
    return base is None or base.AsyncHTTPClient.is_unconfigured()
