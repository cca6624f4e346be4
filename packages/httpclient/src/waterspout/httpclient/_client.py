"""SimpleAsyncHTTPClient: the default client, on our own streams, with a pool of connections."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._base import AsyncHTTPClient, FetchFuture
from waterspout.httpclient._connect import Connector
from waterspout.httpclient._core import DEFAULT_BODY_LIMIT, ClientCore
from waterspout.httpclient._dns import CachingResolver, GuardedResolver
from waterspout.httpclient._errors import HTTPStreamClosedError
from waterspout.httpclient._exchange import Exchange
from waterspout.httpclient._observer import ClientObserver
from waterspout.httpclient._pool import Pool
from waterspout.httpclient._proxy import Proxy, ProxyRules, proxy_for
from waterspout.httpclient._redirect import PRIVATE_BY_CUSTOM
from waterspout.httpclient._request import PLAIN_SIZE, HTTPRequest
from waterspout.httpclient._statistics import PoolStatistics
from waterspout.ioloop import Deadlines
from waterspout.log import gen_log
from waterspout.netutil import OverrideResolver, Resolver
from waterspout.tcpclient import TCPClient
from waterspout.util import is_tornado_compat

if TYPE_CHECKING:
    from waterspout.httpclient._cookies import CookieJar
    from waterspout.httpclient._response import HTTPResponse
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._sse import ServerSentEvent
    from waterspout.httpclient._streaming import ResponseStream, StreamContext
    from waterspout.httpclient._url import URL

#: Seconds of silence that end a streamed response.
STREAM_READ_TIMEOUT = 60.0


class SimpleAsyncHTTPClient(ClientCore, AsyncHTTPClient):
    """The client that needs nothing but this package. Keywords of the constructor and of `AsyncHTTPClient.configure`:

    * ``max_clients`` (10): fetches under way at once; others wait in line, which counts against their timeouts.
    * ``hostname_mapping``: dictionary of host names to addresses, in front of ``resolver``, a `Resolver`;
      ``dns_ttl`` (30): seconds that an address is remembered.
    * ``max_body_size`` (that of ``max_buffer_size``, 100 MiB): bytes of a response's body, also of one that a streaming
      callback takes, before and after decompression; ``max_header_size``: bytes of its head.
    * ``defaults``: for what requests leave open.
    * ``max_connections``, ``max_connections_per_host``: at once, idle ones included; none by default.
      ``idle_timeout`` (60): seconds that an unused connection is kept; 0: none is kept.
    * ``cookies``: a `CookieJar`; without one, cookies are neither kept nor sent.
    * ``allow_address``: called with an address (text) before it is connected to, for example
      `is_public_address`: false forbids it.
    * ``private_headers``: names of the application's own headers that no redirect may carry to another origin.
    * ``trust_env``: whether the environment's http_proxy, https_proxy, all_proxy and no_proxy count for requests that
      name no proxy; by default they do, but not with ``compat="tornado"``.
    * ``http2``: offer HTTP/2 to https servers; one connection then carries many requests at once. Needs the extra:
      ``pip install 'waterspout-httpclient[http2]'``. HTTP/1.1 costs less CPU a request.
    * ``system_trust``: let the operating system judge certificates, where a request names no ``ca_certs``; needs the
      extra: ``pip install 'waterspout-httpclient[truststore]'``.
    * ``observer``: a `ClientObserver`, told what happens.
    * ``compat``: ``"tornado"`` follows Tornado where it is less strict; see docs/differences.md.
    """

    __module__ = "waterspout.simple_httpclient"

    is_compat: bool
    observer: ClientObserver | None
    time: Callable[[], float]
    call_later: Callable[..., Any]
    proxy_rules: ProxyRules | None
    private_headers: tuple[str, ...]
    deadlines: Deadlines
    connector: Connector
    pool: Pool
    plain_settings: Settings

    max_clients: int
    max_buffer_size: int
    max_header_size: int | None
    max_body_size: int
    resolver: Resolver
    own_resolver: bool
    tcp_client: TCPClient
    #: Exchanges that wait for a slot, and those under way.
    queue: deque[Exchange]
    active: dict[Exchange, None]

    def initialize(  # type: ignore[override]  # each implementation has its own keywords
        self,
        max_clients: int = 10,
        hostname_mapping: Mapping[Any, Any] | None = None,
        max_buffer_size: int = DEFAULT_BODY_LIMIT,
        resolver: Resolver | None = None,
        defaults: dict[str, Any] | None = None,
        max_header_size: int | None = None,
        max_body_size: int | None = None,
        *,
        max_connections: int | None = None,
        max_connections_per_host: int | None = None,
        idle_timeout: float = 60.0,
        dns_ttl: float = 30.0,
        cookies: CookieJar | None = None,
        allow_address: Callable[[str], bool] | None = None,
        private_headers: Iterable[str] = PRIVATE_BY_CUSTOM,
        trust_env: bool | None = None,
        observer: ClientObserver | None = None,
        http2: bool = False,
        system_trust: bool = False,
        compat: str | None = None,
    ) -> None:
        """See the class."""
        super().initialize(defaults=defaults)
        self.compat = compat
        self.is_compat = is_tornado_compat(compat)
        self.max_clients = max_clients
        self.max_buffer_size = max_buffer_size
        self.max_body_size = max_buffer_size if max_body_size is None else max_body_size
        self.max_header_size = max_header_size
        self.own_resolver = resolver is None
        # A resolver that was given is asked every time: only it knows how long its answers hold.
        self.resolver = CachingResolver(resolver=Resolver(), ttl=dns_ttl) if resolver is None else resolver
        if hostname_mapping is not None:
            self.resolver = OverrideResolver(resolver=self.resolver, mapping=hostname_mapping)
        self.jar = cookies
        self.observer = observer
        trusts = not self.is_compat if trust_env is None else trust_env
        self.proxy_rules = ProxyRules(os.environ) if trusts else None
        self.private_headers = tuple(private_headers)
        loop = self.io_loop.asyncio_loop
        # asyncio's own loops do nothing but ask this clock; asking it directly spares a Python call.
        self.time = monotonic if getattr(type(loop), "time", None) is asyncio.BaseEventLoop.time else loop.time
        self.call_later = loop.call_later
        self.deadlines = Deadlines(self.io_loop)
        guarded = (
            self.resolver if allow_address is None else GuardedResolver(resolver=self.resolver, allow=allow_address)
        )
        self.connector = Connector(TCPClient(resolver=guarded), max_buffer_size, http2, system_trust)
        self.tcp_client = self.connector.tcp_client
        self.pool = Pool(
            deadlines=self.deadlines,
            start=self._start_task,
            open_stream=self.connector.open,
            proxy_for=self._proxy_for,
            time=self.time,
            observer=observer,
            limits=self.reader_limits(),
            lenient=self.is_compat,
            max_connections=inf if max_connections is None else max_connections,
            max_per_host=inf if max_connections_per_host is None else max_connections_per_host,
            idle_timeout=idle_timeout,
            http2=http2,
        )
        self.queue = deque()
        self.active = {}
        self.plain_settings = self.settings_source.plain()
        if http2:
            # Now, not at the first https URL, is the time to learn that the extra is missing.
            import waterspout.httpclient._h2_library  # noqa: F401
        # A subclass that defines its own fetch_impl expects requests with all defaults filled in.
        self._fills_in = type(self).fetch_impl is SimpleAsyncHTTPClient.fetch_impl

    @property
    def waiting(self) -> dict[Exchange, None]:
        """The fetches that wait for a slot, first come first."""
        return dict.fromkeys(self.queue)

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Close all connections. Fetches under way, or waiting, fail with `HTTPStreamClosedError`."""
        if self._closed:
            return
        super().close()
        for exchange in [*self.queue, *self.active]:
            closed = HTTPStreamClosedError(f"{exchange.name()}: the client was closed", url=exchange.shown_url())
            exchange.fail(closed, final=True)
        self.queue.clear()
        self.active.clear()
        self.pool.close()
        self.deadlines.close()
        if self.own_resolver:
            self.resolver.close()
        self.tcp_client.close()

    def statistics(self) -> PoolStatistics:
        """Numbers of the connection pool; a copy."""
        return self.pool.current_statistics().copy()

    def fetch_impl(self, request: HTTPRequest, callback: Callable[[HTTPResponse], None]) -> None:
        """Carry *request* out and call *callback* with the response; what goes wrong is the response's ``error``."""
        if len(request.__dict__) == PLAIN_SIZE and request.__class__ is HTTPRequest:
            settings = self.plain_settings = self.settings_source.plain()
        else:
            settings = self.settings_source.of(request)
        exchange = Exchange(self, request, settings, callback)
        owner = getattr(callback, "__self__", None)
        if owner.__class__ is FetchFuture and not self.is_compat:
            # Tornado lets a cancelled fetch go on to its end, which programs that stop waiting for a POST rely upon.
            owner.abort = exchange.cancel
        exchange.start()

    def stream(self, request: str | HTTPRequest, raise_error: bool = True, **kwargs: Any) -> StreamContext:
        """Send *request* as `fetch` does, and read the response's body while it comes::

            async with http.stream("https://example.com/large") as response:
                async for piece in response:
                    ...

        The response is a `StreamedResponse`. Its head must arrive as fast as a fetch's; the body may take any time,
        as long as something comes every `STREAM_READ_TIMEOUT` seconds, unless the request says otherwise. Leaving
        the block before the end closes the connection. Raises what `fetch` raises.
        """
        if self._closed:
            raise RuntimeError(f"stream() on a closed {type(self).__name__}")
        if not isinstance(request, HTTPRequest):
            request = HTTPRequest(request, **{"request_timeout": 0, "read_timeout": STREAM_READ_TIMEOUT, **kwargs})
        elif kwargs:
            raise ValueError(f"arguments beside an HTTPRequest: {', '.join(kwargs)}; set them on the request itself")
        from waterspout.httpclient._streaming import StreamContext  # scripts that fetch do without

        return StreamContext(*self.open_stream(request), raise_error)

    def open_stream(self, request: HTTPRequest) -> tuple[Exchange, ResponseStream]:
        """The parts of `stream`: what is to be started, and what receives; for adapters to other interfaces."""
        from waterspout.httpclient._streaming import ResponseStream

        exchange = Exchange(self, request, self.settings_source.of(request), None)
        return exchange, ResponseStream(exchange, self.io_loop.asyncio_loop)

    def events(self, url: str, *, last_event_id: str = "", **kwargs: Any) -> AsyncIterator[ServerSentEvent]:
        """The server-sent events of *url*, reconnecting for ever; *kwargs* as for `HTTPRequest`.

        ::

            async for event in http.events("https://example.com/updates"):
                print(event.type, event.data)
        """
        from waterspout.httpclient._sse import events

        own = dict(kwargs.pop("headers", {}))
        options = {"request_timeout": 0, **kwargs}

        def connect(headers: dict[str, str]) -> StreamContext:
            return self.stream(HTTPRequest(url, headers={**own, **headers}, **options))

        return events(connect, url, last_event_id)

    # For exchanges.

    def admit(self, exchange: Exchange) -> None:
        """Let *exchange* begin, or wait for its turn."""
        if len(self.active) < self.max_clients and not self.queue:
            self.active[exchange] = None
            exchange.acquire()
            return
        self.queue.append(exchange)
        gen_log.debug(
            "max_clients limit reached, request queued. %d active, %d queued requests.",
            len(self.active),
            len(self.queue),
        )
        exchange.wait_in_queue()

    def leave(self, exchange: Exchange) -> None:
        """*exchange* is over: its slot is free."""
        if exchange in self.active:
            del self.active[exchange]
            while self.queue and len(self.active) < self.max_clients and not self._closed:
                following = self.queue.popleft()
                self.active[following] = None
                following.acquire()
        elif self.queue and exchange in self.queue:
            self.queue.remove(exchange)

    def _proxy_for(self, settings: Settings, url: URL) -> Proxy | None:
        return proxy_for(settings, url, self.proxy_rules)

    def _start_task(self, coroutine: Any) -> asyncio.Task[None]:
        return self.io_loop.asyncio_loop.create_task(coroutine)
