"""A client on an event loop of its own, in a thread of its own, for callers who wait."""

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


class ThreadedClient:
    """Runs *async_client_class*, made with *kwargs*, for any number of threads; see `HTTPClient`."""

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
        self.async_client: AsyncHTTPClient
        self._loop: asyncio.AbstractEventLoop
        self.async_client, self._loop = started
        self._closed = False

    def fetch(self, request: str | HTTPRequest, **kwargs: Any) -> HTTPResponse:
        """As `HTTPClient.fetch`; called from any thread."""

        async def fetch() -> HTTPResponse:
            return await self.async_client.fetch(request, **kwargs)

        future = asyncio.run_coroutine_threadsafe(fetch(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Close all connections and end the thread; may be called more than once, and from that thread."""
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()


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
