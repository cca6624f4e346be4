"""AsyncHTTPClient: the interface of every asynchronous client, and the factory of the configured one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import future_set_exception_unless_cancelled
from waterspout.httpclient._request import HTTPRequest
from waterspout.httpclient._settings import DEFAULTS, SettingsSource, filled_in
from waterspout.ioloop import IOLoop
from waterspout.util import Configurable, import_object

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._sse import ServerSentEvent
    from waterspout.httpclient._streaming import StreamedResponse

#: Where an IOLoop carries the clients that its coroutines share: a dictionary by class.
_SHARED = "_shared_http_clients"


class FetchFuture(asyncio.Future["HTTPResponse"]):
    """What `fetch` returns. Cancelling it ends the fetch and closes its connection, without a callback's detour."""

    __slots__ = ("abort", "raise_error")

    raise_error: bool
    #: What ends the fetch under way; None before it began and after it ended.
    abort: Callable[[], None] | None

    def settle(self, response: HTTPResponse) -> None:
        """The fetch has ended."""
        self.abort = None
        error = response.error
        if self.done():
            # Cancelled, by an implementation that does not end a cancelled fetch; an error is at least not lost.
            if error is not None:
                future_set_exception_unless_cancelled(self, error)
            return
        if error is not None and (self.raise_error or not response._error_is_response_code):
            self.set_exception(error)
        else:
            self.set_result(response)

    def cancel(self, msg: Any = None) -> bool:
        """As every Future's."""
        if not super().cancel(msg):
            return False
        abort, self.abort = self.abort, None
        if abort is not None:
            abort()
        return True


class AsyncHTTPClient(Configurable):
    """A non-blocking HTTP client.

    ::

        async with AsyncHTTPClient() as http:
            response = await http.fetch("https://example.com/")
        print(response.text)

    ``AsyncHTTPClient()`` makes an object of the configured implementation, by default `SimpleAsyncHTTPClient`, and
    gives everybody on the same IOLoop the same object. ``AsyncHTTPClient(force_instance=True, ...)`` and
    ``async with AsyncHTTPClient(...)`` with any argument make one of their own. What all implementations take:

    * ``defaults``: a dictionary of values for what requests leave open, for example
      ``AsyncHTTPClient.configure(None, defaults=dict(user_agent="mine"))``;
    * ``max_clients``: how many fetches may be under way at once; others wait.
    """

    __module__ = "waterspout.httpclient"

    settings_source: SettingsSource

    io_loop: IOLoop
    defaults: dict[str, Any]
    _shares: bool
    _closed: bool
    #: Whether `fetch_impl` takes requests as they are and fills the defaults in itself.
    _fills_in: bool = False

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        return AsyncHTTPClient

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        # By name: it is of no use to those who configure another, and stands above this file.
        found: type[Configurable] = import_object("waterspout.httpclient.SimpleAsyncHTTPClient")
        return found

    @classmethod
    def is_unconfigured(cls) -> bool:
        """Whether `configure` has not been called: ``AsyncHTTPClient()`` makes the default client with its defaults."""
        implementation, options = AsyncHTTPClient._save_configuration()
        return implementation is None and not options

    def __new__(cls, force_instance: bool = False, **kwargs: Any) -> AsyncHTTPClient:
        """The client that is shared on this IOLoop; one of its own with *force_instance*."""
        io_loop = IOLoop.current()
        shared: dict[type, AsyncHTTPClient] = io_loop.__dict__.setdefault(_SHARED, {})
        if not force_instance:
            found = shared.get(cls)
            if found is not None:
                return found
        made: AsyncHTTPClient = super().__new__(cls, **kwargs)
        made._shares = not force_instance
        if not force_instance:
            shared[cls] = made
        return made

    def initialize(self, defaults: dict[str, Any] | None = None) -> None:
        """Called by the constructor with its arguments; implementations call it with *defaults*."""
        self.io_loop = IOLoop.current()
        self.defaults = {**DEFAULTS, **(defaults or {})}
        self.settings_source = SettingsSource(self.defaults)
        self._shares = False
        self._closed = False

    def close(self) -> None:
        """Close all connections; fetches under way fail. The client cannot be used any more.

        Needed only for clients of one's own, and when the IOLoop is closed.
        """
        if self._closed:
            return
        self._closed = True
        shared: dict[type, AsyncHTTPClient] = self.io_loop.__dict__.get(_SHARED, {})
        for cls in [cls for cls, client in shared.items() if client is self]:
            del shared[cls]

    async def __aenter__(self) -> AsyncHTTPClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def fetch(
        self, request: str | HTTPRequest, raise_error: bool = True, **kwargs: Any
    ) -> asyncio.Future[HTTPResponse]:
        """Send *request*, an `HTTPRequest` or a URL to which *kwargs* are added as for `HTTPRequest`.

        The Future's result is an `HTTPResponse`. Any status but 2xx raises `HTTPClientError`, unless *raise_error*
        is false; what keeps a response from coming at all (`FetchError` and others) is raised in any case.
        Cancelling the Future closes the request's connection. Raises RuntimeError on a closed client, ValueError for
        *kwargs* beside an `HTTPRequest`.
        """
        if self._closed:
            raise RuntimeError(f"fetch() on a closed {type(self).__name__}")
        if not isinstance(request, HTTPRequest):
            request = HTTPRequest(request, **kwargs) if kwargs else HTTPRequest._to(request)
        elif kwargs:
            raise ValueError(f"arguments beside an HTTPRequest: {', '.join(kwargs)}; set them on the request itself")
        future = FetchFuture(loop=self.io_loop.asyncio_loop)
        future.raise_error = raise_error
        future.abort = None
        self.fetch_impl(request if self._fills_in else filled_in(request, self.defaults), future.settle)
        return future

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """What implementations define: carry *request* out and call *callback* once, with a response in every case.

        *request* is a copy in which no default is left open; its ``original_request`` is the user's.
        """
        raise NotImplementedError(f"{type(self).__name__} must define fetch_impl")

    def stream(
        self, request: str | HTTPRequest, raise_error: bool = True, **kwargs: Any
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Send *request* as `fetch` does, and read the response's body while it comes: ``async with http.stream(...)``.

        NotImplementedError where the configured implementation has no such thing, as `curl_httpclient`'s: give its
        requests a ``streaming_callback``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no stream(): give the request a streaming_callback")

    def events(self, url: str, *, last_event_id: str = "", **kwargs: Any) -> AsyncIterator[ServerSentEvent]:
        """The server-sent events of *url*, reconnecting for ever; *kwargs* as for `HTTPRequest`.

        NotImplementedError where the configured implementation has no `stream`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no events(), because it has no stream()")
