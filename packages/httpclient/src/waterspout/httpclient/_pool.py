"""Which connections there are, who uses them, and who waits for one.

Theory of operation. A `Route` is a server together with every option that a connection to it depends on: only
requests of the same route share connections. Its idle connections are a stack: the one used last is the least
likely to have been closed by the server, and the others can grow old and be closed. An exchange that finds no idle
connection waits in the route's queue, and an attempt to connect is started for it; whichever is there first, the
new connection or one that somebody gives back, goes to the exchange that has waited longest. An attempt that nobody
waits for any more goes on only if its exchange was served by another connection: then its result becomes idle. If
the exchange was cancelled or timed out, so is the attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from waterspout.http1 import Limits, ResponseReader
from waterspout.httpclient._connection import Connection
from waterspout.httpclient._settings import Settings
from waterspout.httpclient._tunnel import proxy_auth
from waterspout.httpclient._url import URL

if TYPE_CHECKING:
    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._proxy import Proxy
    from waterspout.httpclient._timing import Timing
    from waterspout.ioloop import Deadlines
    from waterspout.iostream import IOStream

#: Routes remembered without a connection, so that their heads need not be made again.
_REMEMBERED_ROUTES = 1000


class PoolStatistics:
    """What a client's pool has done so far, and what it holds now."""

    __module__ = "waterspout.httpclient"
    __slots__ = ("closed", "connecting", "failed", "idle", "open", "opened", "reused", "waiting")

    opened: int
    reused: int
    closed: int
    failed: int
    connecting: int
    open: int
    idle: int
    waiting: int

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    def copy(self) -> PoolStatistics:
        """The same numbers, which change no more."""
        copy = PoolStatistics()
        for name in self.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(f'{name}={getattr(self, name)}' for name in self.__slots__)}>"


class Attempt:
    """One connection being made. `exchange` is who it is made for; None: for whoever comes."""

    __slots__ = ("exchange", "route", "task", "timing")

    def __init__(self, route: Route, exchange: Exchange) -> None:
        self.route = route
        self.exchange: Exchange | None = exchange
        self.timing: Timing | None = None
        self.task: asyncio.Task[None] | None = None


class Route:
    """The connections to one server with one set of connection options."""

    __slots__ = (
        "attempts",
        "connections",
        "default_fields",
        "fields_for",
        "idle",
        "key",
        "pool",
        "proxy",
        "proxy_auth",
        "settings",
        "spare",
        "url",
        "waiting",
    )

    pool: Pool
    key: Hashable
    url: URL
    settings: Settings
    default_fields: str

    def __init__(self, pool: Pool, key: Hashable, url: URL, settings: Settings) -> None:
        self.pool = pool
        self.key = key
        #: Some URL of the server; only its origin counts.
        self.url = url
        self.settings = settings
        #: What connections go through, and who we are to it.
        self.proxy: Proxy | None = pool.proxy_for(settings, url)
        self.proxy_auth: Auth | None = None if self.proxy is None else proxy_auth(self.proxy)
        self.connections: set[Connection] = set()
        self.idle: list[Connection] = []
        self.waiting: dict[Exchange, Attempt | None] = {}
        self.attempts: set[Attempt] = set()
        #: Those attempts that are for whoever comes.
        self.spare: set[Attempt] = set()
        #: Header lines of a plain request, and the settings that they were made for.
        self.default_fields = ""
        self.fields_for: Settings | None = None

    # For exchanges.

    def target_for(self, target: str) -> str:
        """*target* as it stands in the request line: the whole URL for a proxy that forwards (RFC 9112, 3.2.2)."""
        return f"http://{self.url.authority}{target}" if self.forwards else target

    @property
    def forwards(self) -> bool:
        """Whether requests are sent to an HTTP proxy that forwards them, and not through a tunnel or directly."""
        proxy = self.proxy
        return proxy is not None and not proxy.is_socks and self.url.scheme == "http"

    def unused(self) -> list[Connection]:
        """An idle connection that no request was sent on yet, if there is one; it is idle no more."""
        unused = [connection for connection in self.idle if not connection.served]
        if unused:
            self.idle = [connection for connection in self.idle if connection.served or connection is not unused[-1]]
        return unused[-1:]

    def request(self, exchange: Exchange) -> None:
        """Call ``exchange.use(connection)`` once there is one for it, later; or ``exchange.refused(error)``."""
        if self.spare:
            attempt = self.waiting[exchange] = self.spare.pop()
            attempt.exchange = exchange
            return
        self.waiting[exchange] = None
        # Those before it that have no attempt were kept from one by a limit, so there is no need to look at them.
        self._connect_for(exchange)

    def give_up(self, exchange: Exchange) -> None:
        """*exchange* no longer waits."""
        attempt = self.waiting.pop(exchange, None)
        if attempt is not None:
            self._pass_on(attempt, cancel=True)

    # For connections.

    def available(self, connection: Connection) -> None:
        """*connection* can serve another exchange."""
        if self.waiting:
            for exchange in self.waiting:
                # One that was let down by a kept connection waits for a new one.
                if not (exchange.repeated and connection.served):
                    attempt = self.waiting.pop(exchange)
                    if attempt is not None:
                        self._pass_on(attempt, cancel=False)
                    exchange.use(connection)
                    return
        pool = self.pool
        if pool.closed or pool.idle_timeout <= 0:
            connection.close()
            return
        connection.idle_until = pool.deadlines.now + pool.idle_timeout
        self.idle.append(connection)
        if pool.blocked:
            pool.unblock()

    def lost(self, connection: Connection) -> None:
        """*connection* is closed or about to be; may be called more than once."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        if connection.exchange is None and connection in self.idle:
            self.idle.remove(connection)
        pool = self.pool
        pool.deadlines.forget(connection)
        pool.size -= 1
        pool.statistics.closed += 1
        if pool.blocked:
            pool.unblock()
        elif self.waiting:
            self.connect_for_waiting()

    # Making connections.

    def connect_for_waiting(self) -> None:
        """There may be room again: make connections for those who wait without an attempt of their own."""
        if len(self.attempts) < len(self.waiting):
            for exchange in [exchange for exchange, attempt in self.waiting.items() if attempt is None]:
                if not self._connect_for(exchange):
                    return

    def _connect_for(self, exchange: Exchange) -> bool:
        """Start an attempt for *exchange*; False where a limit forbids it."""
        pool = self.pool
        if len(self.connections) + len(self.attempts) >= pool.max_per_host:
            if not self.idle:
                return False
            self.idle[0].close()  # the exchange wants a new connection, not one of these
        if pool.size >= pool.max_connections and not pool.close_an_idle_one():
            pool.blocked[self] = None
            return False
        if self.waiting.get(exchange) is not None:
            return True  # the connection that was closed for it made room, and somebody was quicker
        attempt = self.waiting[exchange] = Attempt(self, exchange)
        self.attempts.add(attempt)
        pool.size += 1
        attempt.task = pool.start(self._make(attempt))
        return True

    async def _make(self, attempt: Attempt) -> None:
        pool = self.pool
        connected = False
        try:
            exchange = attempt.exchange
            if exchange is None:
                stream = await pool.open_stream(self, None, lambda: None)
            else:
                stream = await pool.open_stream(self, exchange.timing, exchange.time_to_connect)
            connected = True
        except Exception as error:
            pool.statistics.failed += 1
            loser = attempt.exchange
            if loser is not None and self.waiting.get(loser) is attempt:
                del self.waiting[loser]
                loser.refused(error)
            return
        finally:
            if not connected:
                self._end_attempt(attempt)
        if attempt not in self.attempts:  # given up while its last step was on its way
            stream.close()
            return
        self.attempts.discard(attempt)
        self.spare.discard(attempt)
        pool.statistics.opened += 1
        connection = Connection(self, stream, ResponseReader(pool.limits, lenient=pool.lenient))
        self.connections.add(connection)
        owner = attempt.exchange
        attempt.exchange = None
        if owner is not None and self.waiting.get(owner) is attempt:
            self.waiting[owner] = None
        self.available(connection)
        stream.set_receiver(connection)
        if self.waiting:
            self.connect_for_waiting()

    def _pass_on(self, attempt: Attempt, *, cancel: bool) -> None:
        """The exchange that *attempt* was for needs it no more: let another waiting one have it."""
        for exchange, own in self.waiting.items():
            if own is None:
                self.waiting[exchange] = attempt
                attempt.exchange = exchange
                return
        attempt.exchange = None
        if not cancel:
            self.spare.add(attempt)
            return
        # Accounted for here, since a task that is cancelled before its first step never runs at all.
        self._end_attempt(attempt)
        if attempt.task is not None:
            attempt.task.cancel()

    def _end_attempt(self, attempt: Attempt) -> None:
        """*attempt* comes to nothing; may be called more than once."""
        if attempt not in self.attempts:
            return
        self.attempts.discard(attempt)
        self.spare.discard(attempt)
        pool = self.pool
        pool.size -= 1
        if pool.blocked:
            pool.unblock()
        elif self.waiting:
            self.connect_for_waiting()


class Pool:
    """All connections of one client."""

    __slots__ = (
        "blocked",
        "closed",
        "deadlines",
        "idle_timeout",
        "lenient",
        "limits",
        "max_connections",
        "max_per_host",
        "open_stream",
        "plain_routes",
        "plain_settings",
        "proxy_for",
        "routes",
        "size",
        "start",
        "statistics",
    )

    deadlines: Deadlines
    limits: Limits
    start: Callable[[Any], asyncio.Task[None]]
    open_stream: Callable[..., Awaitable[IOStream]]
    proxy_for: Callable[[Settings, URL], Proxy | None]
    lenient: bool
    max_connections: float
    max_per_host: float
    idle_timeout: float
    size: int
    statistics: PoolStatistics
    closed: bool

    def __init__(
        self,
        *,
        deadlines: Deadlines,
        start: Callable[[Any], asyncio.Task[None]],
        open_stream: Callable[[Route, Timing | None, Callable[[], float | None]], Awaitable[IOStream]],
        proxy_for: Callable[[Settings, URL], Proxy | None],
        limits: Limits,
        lenient: bool,
        max_connections: float,
        max_per_host: float,
        idle_timeout: float,
    ) -> None:
        self.deadlines = deadlines
        self.start = start
        self.open_stream = open_stream
        self.proxy_for = proxy_for
        self.limits = limits
        self.lenient = lenient
        self.max_connections = max_connections
        self.max_per_host = max_per_host
        self.idle_timeout = idle_timeout
        self.closed = False
        #: Connections, those being made included.
        self.size = 0
        self.routes: dict[Hashable, Route] = {}
        #: Routes for `plain_settings` by the origin as it is written in URLs.
        self.plain_routes: dict[str, Route] = {}
        self.plain_settings: Settings | None = None
        #: Routes with an exchange that waits because the pool is full.
        self.blocked: dict[Route, None] = {}
        self.statistics = PoolStatistics()

    def route_to(self, url: URL, settings: Settings) -> Route:
        """The route for requests to the origin of *url* with *settings*."""
        key = (url.origin, settings.connection_key)
        route = self.routes.get(key)
        if route is None:
            if len(self.routes) >= _REMEMBERED_ROUTES:
                self._forget_unused()
            route = self.routes[key] = Route(self, key, url, settings)
        return route

    def plain_route(self, origin: str, settings: Settings) -> Route | None:
        """The route that `remember_plain` was told for *origin* and *settings*, or None."""
        if settings is not self.plain_settings:
            self.plain_routes.clear()
            self.plain_settings = settings
        return self.plain_routes.get(origin)

    def remember_plain(self, origin: str, route: Route) -> None:
        """URLs that begin with *origin* go by *route*, with the settings last asked for."""
        if len(self.plain_routes) >= _REMEMBERED_ROUTES:
            self.plain_routes.clear()
        self.plain_routes[origin] = route

    def close_an_idle_one(self) -> bool:
        """Close the connection that has been idle longest, to make room; False if none is idle."""
        oldest = min((route.idle[0] for route in self.routes.values() if route.idle), key=_idle_since, default=None)
        if oldest is None:
            return False
        oldest.close()
        return True

    def unblock(self) -> None:
        """There may be room again: let the route that has waited longest try."""
        route = next(iter(self.blocked))
        del self.blocked[route]
        route.connect_for_waiting()

    def close(self) -> None:
        """Close every connection and stop every attempt."""
        self.closed = True
        self.blocked.clear()
        for route in self.routes.values():
            route.waiting.clear()
            for attempt in list(route.attempts):
                route._pass_on(attempt, cancel=True)
            for connection in list(route.connections):
                connection.close()
        self.routes.clear()
        self.plain_routes.clear()

    def current_statistics(self) -> PoolStatistics:
        """`statistics`, the present numbers counted."""
        found = self.statistics
        routes = self.routes.values()
        found.open = sum(len(route.connections) for route in routes)
        found.idle = sum(len(route.idle) for route in routes)
        found.connecting = sum(len(route.attempts) for route in routes)
        found.waiting = sum(len(route.waiting) for route in routes)
        return found

    def _forget_unused(self) -> None:
        for key, route in list(self.routes.items()):
            if not (route.connections or route.attempts or route.waiting):
                del self.routes[key]
        self.plain_routes.clear()


def _idle_since(connection: Connection) -> float:
    return connection.idle_until
