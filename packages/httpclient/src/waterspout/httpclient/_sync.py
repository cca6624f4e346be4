"""HTTPClient: fetching without a loop of one's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._base import AsyncHTTPClient
from waterspout.ioloop import IOLoop, new_event_loop

if TYPE_CHECKING:
    from waterspout.httpclient._request import HTTPRequest
    from waterspout.httpclient._response import HTTPResponse


class HTTPClient:
    """A blocking HTTP client.

    ::

        with HTTPClient() as http:
            print(http.fetch("https://example.com/").text)

    It runs an asynchronous client on a loop of its own in a thread of its own, so it also works where an event loop
    runs already (in notebooks, for example), and may be used from several threads at once. Callbacks of requests are
    called on that thread. *async_client_class* is made with *kwargs*; by default the configured `AsyncHTTPClient`.
    """

    __module__ = "waterspout.httpclient"

    _closed = True

    def __init__(self, async_client_class: type[AsyncHTTPClient] | None = None, **kwargs: Any) -> None:
        started: list[Any] = []
        ready = threading.Event()
        self._thread = threading.Thread(
            target=_serve,
            args=(async_client_class or AsyncHTTPClient, kwargs, started, ready),
            name="HTTPClient",
            daemon=True,
        )
        self._thread.start()
        ready.wait()
        if isinstance(started[0], BaseException):
            self._thread.join()
            raise started[0]
        self._async_client: AsyncHTTPClient
        self._loop: asyncio.AbstractEventLoop
        self._async_client, self._loop = started
        self._closed = False

    def fetch(self, request: str | HTTPRequest, **kwargs: Any) -> HTTPResponse:
        """Send *request* and wait for the response; see `AsyncHTTPClient.fetch`.

        Raises what it raises, and RuntimeError on a closed client. An interrupt (Ctrl-C) ends the fetch.
        """
        if self._closed:
            raise RuntimeError("fetch() on a closed HTTPClient")

        async def fetch() -> HTTPResponse:
            return await self._async_client.fetch(request, **kwargs)

        future = asyncio.run_coroutine_threadsafe(fetch(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Close all connections and end the thread. The client cannot be used any more."""
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> HTTPClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _serve(
    make: Callable[..., AsyncHTTPClient], kwargs: dict[str, Any], started: list[Any], ready: threading.Event
) -> None:
    """The thread: make the client, run its loop until `close` stops it."""
    try:
        io_loop = IOLoop(asyncio_loop=new_event_loop(), make_current=True)
        try:
            client = io_loop.run_sync(_maker(make, kwargs))
        except BaseException:
            io_loop.close(all_fds=True)
            raise
        started += [client, io_loop.asyncio_loop]
    except BaseException as error:
        started.append(error)
        return
    finally:
        ready.set()
    try:
        io_loop.start()
    finally:
        client.close()
        io_loop.asyncio_loop.run_until_complete(_last_turn())
        io_loop.close()


def _maker(make: Callable[..., AsyncHTTPClient], kwargs: dict[str, Any]) -> Callable[[], Any]:
    async def make_client() -> AsyncHTTPClient:
        # A client that others could share would outlive its loop if they did.
        return make(force_instance=True, **kwargs) if issubclass_of_client(make) else make(**kwargs)

    return make_client


def issubclass_of_client(make: Any) -> bool:
    """Whether *make* is a client class, which takes ``force_instance``."""
    return isinstance(make, type) and issubclass(make, AsyncHTTPClient)


async def _last_turn() -> None:
    """Let what close() queued happen: sockets leave the selector, cancelled tasks end."""
    for _ in range(3):
        await asyncio.sleep(0)
