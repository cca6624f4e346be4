"""A client without an event loop: the same exchanges and pool, driven by the caller who waits.

Theory of operation. Exchanges, routes and connections are called back; who calls is none of their business. Here it
is `fetch` itself: it waits at the connection of its only exchange, and calls timers and deadlines that are due. What
is a coroutine elsewhere (making a connection) blocks here and ends in its first step. A program with one request
needs neither asyncio nor a thread, which are most of its start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Coroutine
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._blocking_stream import BlockingStream, connect
from waterspout.httpclient._connect_errors import connect_error
from waterspout.httpclient._core import DEFAULT_BODY_LIMIT, ClientCore
from waterspout.httpclient._errors import FetchError
from waterspout.httpclient._exchange import Exchange
from waterspout.httpclient._failures import closed_error
from waterspout.httpclient._pool import Pool
from waterspout.httpclient._proxy import ProxyRules
from waterspout.httpclient._redirect import PRIVATE_BY_CUSTOM
from waterspout.httpclient._settings import DEFAULTS, SettingsSource
from waterspout.util import is_tornado_compat

if TYPE_CHECKING:
    from waterspout.httpclient._proxy import Proxy
    from waterspout.httpclient._request import HTTPRequest
    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._route import Route
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._timing import Timing
    from waterspout.httpclient._tls import ContextCache
    from waterspout.httpclient._url import URL


class Timer:
    """A call that is to come; what `call_later` returns."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], object] | None) -> None:
        self.when = when
        self.callback = callback

    def cancel(self) -> None:
        """It is not to come."""
        self.callback = None


class Watched:
    """Items with deadlines, each looked at when the caller's wait ends; the interface of `Deadlines`."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: set[Any] = set()

    @property
    def now(self) -> float:
        """Seconds, monotonic."""
        return monotonic()

    def watch(self, item: Any) -> None:
        """Call ``item.deadline_passed()`` once ``item.deadline`` has passed."""
        self.items.add(item)

    def forget(self, item: Any) -> None:
        """Do not."""
        self.items.discard(item)


class BlockingClient(ClientCore):
    """Fetches one request at a time, in the thread that asks. With the defaults of `SimpleAsyncHTTPClient`."""

    def __init__(self, defaults: dict[str, Any] | None = None) -> None:
        self.compat = None
        self.is_compat = is_tornado_compat(None)
        self.jar = None
        self.observer = None
        self.max_body_size = DEFAULT_BODY_LIMIT
        self.max_header_size = None
        self.private_headers = tuple(PRIVATE_BY_CUSTOM)
        self.time = monotonic
        self.deadlines = Watched()
        self.defaults = {**DEFAULTS, **(defaults or {})}
        self.settings_source = SettingsSource(self.defaults)
        self.plain_settings = self.settings_source.plain()
        self._proxy_rules = None if self.is_compat else ProxyRules(os.environ)
        self._timers: list[Timer] = []
        self._exchange: Exchange | None = None
        self._contexts: ContextCache | None = None
        self._closed = False
        self.call_later = self._call_later
        self.pool = Pool(
            deadlines=self.deadlines,
            start=_run_at_once,
            open_stream=self._open_stream,  # type: ignore[arg-type]  # what a connection needs of a stream
            proxy_for=_no_proxy,
            time=self.time,
            observer=None,
            limits=self.reader_limits(),
            lenient=self.is_compat,
            max_connections=inf,
            max_per_host=inf,
            idle_timeout=60.0,
            http2=False,
        )

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        self.pool.close()

    def break_off(self) -> None:
        """`close`, for another thread than the one that fetches: its fetch fails, and the rest is left to it."""
        self._closed = True
        exchange = self._exchange
        connection: Any = None if exchange is None else exchange.connection
        if connection is not None:
            connection.stream.break_off()

    @property
    def has_proxies(self) -> bool:
        """Whether the environment names proxies, which this client does not know how to use."""
        return self._proxy_rules is not None and self._proxy_rules.names_any

    def can_fetch(self, request: HTTPRequest) -> bool:
        """Whether *request* asks for nothing that needs an event loop."""
        settings = self.settings_source.of(request)
        needs_loop = (
            settings.body_producer
            or settings.streaming_callback
            or settings.network_interface
            or settings.unix_socket
            or settings.proxy
            or settings.proxy_host
        )
        return not needs_loop

    def fetch(self, request: HTTPRequest, raise_error: bool) -> HTTPResponse:
        """Send *request*, of which `can_fetch` is true, and wait for the response."""
        settings = self.settings_source.of(request)
        answers: list[HTTPResponse] = []
        exchange = self._exchange = Exchange(self, request, settings, answers.append)
        try:
            exchange.start()
            while not answers:
                if self._closed:  # by another thread
                    exchange.fail(closed_error(exchange, None), final=True)
                else:
                    self._turn(exchange)
        except BaseException:
            exchange.cancel()
            raise
        finally:
            self._exchange = None
        (response,) = answers
        error = response.error
        if error is not None and (raise_error or not response._error_is_response_code):
            raise error
        return response

    def admit(self, exchange: Exchange) -> None:
        """Nobody waits in line here."""
        exchange.acquire()

    def leave(self, exchange: Exchange) -> None:
        """Nobody waits for the slot."""

    def _call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(monotonic() + seconds, callback)
        self._timers.append(timer)
        return timer

    def _turn(self, exchange: Exchange) -> None:
        """Wait for the exchange's connection, or for what is due next; then do it."""
        self._timers = [timer for timer in self._timers if timer.callback is not None]
        next_due = min((timer.when for timer in self._timers), default=inf)
        next_due = min(next_due, *(item.deadline for item in self.deadlines.items), inf)
        timeout = None if next_due == inf else next_due - monotonic()
        connection: Any = exchange.connection
        if connection is not None:
            connection.stream.turn(timeout)
        elif timeout is None:
            raise RuntimeError(f"nothing is left to wait for: {exchange.name()}")
        else:
            time.sleep(max(0.0, timeout))
        now = monotonic()
        for timer in [timer for timer in self._timers if timer.when <= now]:
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        for item in [item for item in self.deadlines.items if item.deadline <= now]:
            if item in self.deadlines.items:
                self.deadlines.items.discard(item)
                item.deadline_passed()

    async def _open_stream(
        self, route: Route, timing: Timing | None, time_left: Callable[[], float | None]
    ) -> BlockingStream:
        url = route.url
        try:
            context = self._context_for(route.settings) if url.scheme == "https" else None
            stream = BlockingStream(connect(url, context, time_left(), _family(route.settings)))
        except FetchError:
            raise
        except Exception as error:
            raise connect_error(error, route.name) from error
        stream.set_nodelay(True)
        if timing is not None:
            timing.connected = monotonic()
            if url.scheme == "https":
                timing.secured = timing.connected
        return stream

    def _context_for(self, settings: Settings) -> Any:
        if self._contexts is None:
            from waterspout.httpclient._tls import ContextCache  # ssl costs several milliseconds

            self._contexts = ContextCache(["http/1.1"], False)
        return self._contexts.get(settings)


def _no_proxy(settings: Settings, url: URL) -> Proxy | None:
    return None


def _family(settings: Settings) -> int:
    from socket import AF_INET, AF_UNSPEC

    return AF_INET if settings.allow_ipv6 is False else AF_UNSPEC


def _run_at_once(coroutine: Coroutine[Any, Any, None]) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return None
    coroutine.close()
    raise RuntimeError("a coroutine without a loop had to wait")
