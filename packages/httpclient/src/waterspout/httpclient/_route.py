"""The connections to one server: who uses them, and who waits for one.

Theory of operation. A `Route` is a server together with every option that a connection to it depends on: only
requests of the same route share connections. Its idle connections are a stack: the one used last is the least
likely to have been closed by the server, and the others can grow old and be closed. An exchange that finds no idle
connection waits in the route's queue, and an attempt to connect is started for it; whichever is there first, the
new connection or one that somebody gives back, goes to the exchange that has waited longest. An attempt that nobody
waits for any more goes on only if its exchange was served by another connection: then its result becomes idle. If
the exchange was cancelled or timed out, so is the attempt.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from waterspout.http1 import ResponseReader
from waterspout.httpclient._connection import Connection
from waterspout.httpclient._observer import tell

if TYPE_CHECKING:
    import asyncio

    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._h2 import Session
    from waterspout.httpclient._pool import Pool
    from waterspout.httpclient._proxy import Proxy
    from waterspout.httpclient._settings import Settings
    from waterspout.httpclient._timing import Timing
    from waterspout.httpclient._url import URL
    from waterspout.iostream import IOStream


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
        "session",
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
        self.proxy_auth: Auth | None = None
        if self.proxy is not None:
            from waterspout.httpclient._tunnel import proxy_auth  # few have a proxy

            self.proxy_auth = proxy_auth(self.proxy)
        self.connections: set[Connection | Session] = set()
        self.idle: list[Connection] = []
        self.waiting: dict[Exchange, Attempt | None] = {}
        self.attempts: set[Attempt] = set()
        #: Those attempts that are for whoever comes.
        self.spare: set[Attempt] = set()
        #: The HTTP/2 connection, which serves everybody at once, if the server speaks it.
        self.session: Session | None = None
        #: Header lines of a plain request, and the settings that they were made for.
        self.default_fields = ""
        self.fields_for: Settings | None = None

    @property
    def name(self) -> str:
        """The origin, for people."""
        return f"{self.url.scheme}://{self.url.authority}"

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
        if self.session is not None:
            return  # for one of its streams
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
        if self.waiting:
            self.connect_for_waiting()  # for those who want a new one this one makes room
        if pool.blocked:
            pool.unblock()

    def lost(self, connection: Connection | Session) -> None:
        """*connection* is closed or about to be; may be called more than once."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        if connection is self.session:
            self.session = None
        elif connection in self.idle:
            self.idle.remove(connection)
        pool = self.pool
        pool.deadlines.forget(connection)
        pool.size -= 1
        pool.statistics.closed += 1
        if pool.observer is not None:
            tell(pool.observer.connection_closed, self.name)
        if pool.blocked:
            pool.unblock()
        elif self.waiting:
            self.connect_for_waiting()

    # Making connections.

    def has_room(self) -> bool:
        """Whether one more connection may be made without closing another."""
        pool = self.pool
        return len(self.connections) + len(self.attempts) < pool.max_per_host and pool.size < pool.max_connections

    def connect_for_waiting(self) -> None:
        """There may be room again: make connections for those who wait without an attempt of their own."""
        if len(self.attempts) < len(self.waiting) and self.session is None:
            for exchange in [exchange for exchange, attempt in self.waiting.items() if attempt is None]:
                if not self._connect_for(exchange):
                    return

    def _connect_for(self, exchange: Exchange) -> bool:
        """Start an attempt for *exchange*; False where a limit forbids it."""
        pool = self.pool
        if pool.http2 and self.attempts and self.url.scheme == "https" and not self._speaks_http1():
            return False  # the first connection tells whether one is enough; to replace a session it is
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

    def _speaks_http1(self) -> bool:
        return any(isinstance(connection, Connection) for connection in self.connections)

    async def _make(self, attempt: Attempt) -> None:
        pool = self.pool
        connected = False
        began = pool.time()
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
        if pool.observer is not None:
            tell(pool.observer.connection_opened, self.name, pool.time() - began)
        if pool.http2 and spoken_protocol(stream) == "h2":
            self._begin_session(stream)
            return
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

    def _begin_session(self, stream: IOStream) -> None:
        """*stream* speaks HTTP/2: all who wait share it, and nobody needs another connection."""
        from waterspout.httpclient._h2 import Session  # needs the extra, which only those have who asked for it

        session = Session(self, stream)
        self.connections.add(session)
        self.session = session
        for exchange, attempt in self.waiting.items():
            self.waiting[exchange] = None
            if attempt is not None and attempt in self.attempts:
                self._end_attempt(attempt)
                if attempt.task is not None:
                    attempt.task.cancel()
        session.begin()
        self.streams_available()

    def streams_available(self) -> None:
        """The session can take more requests."""
        while self.waiting and self.session is not None and self.session.has_room():
            exchange = next(iter(self.waiting))
            del self.waiting[exchange]
            exchange.use(self.session.stream_for(exchange))

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


def spoken_protocol(stream: IOStream) -> str | None:
    """What was agreed upon by ALPN (RFC 7301); None where there was no TLS, or no agreement."""
    ask = getattr(stream.socket, "selected_alpn_protocol", None)
    return None if ask is None else ask()
