"""All connections of one client: the routes that they belong to, and the limits on their number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from waterspout.http1 import Limits
from waterspout.httpclient._route import Route
from waterspout.httpclient._statistics import PoolStatistics

if TYPE_CHECKING:
    import asyncio

    from waterspout.httpclient._connection import Connection
    from waterspout.httpclient._observer import ClientObserver
    from waterspout.httpclient._proxy import Proxy
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._timing import Timing
    from waterspout.httpclient._url import URL
    from waterspout.ioloop import Deadlines
    from waterspout.iostream import IOStream

#: Routes remembered without a connection, so that their heads need not be made again.
_REMEMBERED_ROUTES = 1000


class Pool:
    """All connections of one client."""

    __slots__ = (
        "blocked",
        "closed",
        "deadlines",
        "http2",
        "idle_timeout",
        "lenient",
        "limits",
        "max_connections",
        "max_per_host",
        "observer",
        "open_stream",
        "plain_routes",
        "plain_settings",
        "proxy_for",
        "routes",
        "size",
        "start",
        "statistics",
        "time",
    )

    observer: ClientObserver | None
    http2: bool

    deadlines: Deadlines
    limits: Limits
    time: Callable[[], float]
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
        time: Callable[[], float],
        observer: ClientObserver | None,
        limits: Limits,
        lenient: bool,
        max_connections: float,
        max_per_host: float,
        idle_timeout: float,
        http2: bool,
    ) -> None:
        self.deadlines = deadlines
        self.start = start
        self.open_stream = open_stream
        self.proxy_for = proxy_for
        self.time = time
        self.observer = observer
        self.limits = limits
        self.lenient = lenient
        self.max_connections = max_connections
        self.max_per_host = max_per_host
        self.idle_timeout = idle_timeout
        self.http2 = http2
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
