"""HTTPServer: a TCP server whose connections speak HTTP/1.1."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.http1connection import (
    EnteredApplication,
    HTTP1ConnectionParameters,
    HTTP1ServerConnection,
    HTTPApplication,
    ObservedApplication,
    ObservedServerConnection,
    ServerObserver,
    ServerObservers,
    SlowHeads,
    UpgradedConnections,
    as_application,
    enters_requests,
)
from waterspout.httpserver._context import context_class
from waterspout.httpserver._drain import DrainResult, DrainState, drain
from waterspout.httpserver._guard import Guard
from waterspout.httpserver._proxies import ForwardingFields, ProxiedApplication, TornadoApplication, TrustedProxies
from waterspout.httputil import HTTPServerConnectionDelegate, HTTPServerRequest
from waterspout.ioloop import Deadlines
from waterspout.iostream import IOStream
from waterspout.log import app_log
from waterspout.tcpserver import TCPServer
from waterspout.util import Configurable, is_tornado_compat

if TYPE_CHECKING:
    import ssl

__all__ = ["HTTPServer"]

#: The interface's own `on_close`: not called, as it would be for each connection.
_DOES_NOTHING = HTTPServerConnectionDelegate.on_close

RequestCallback = HTTPServerConnectionDelegate | HTTPApplication | Callable[[HTTPServerRequest], None]


class HTTPServer(TCPServer, Configurable, HTTPServerConnectionDelegate):
    """A non-blocking, single-threaded HTTP/1.1 server.

    Give it an `Application`, any `HTTPServerConnectionDelegate`, or a function that takes an `HTTPServerRequest`
    and answers on its ``connection``. Then ``listen(port)`` (one process), ``bind`` and ``start(n)`` (several), or
    ``add_sockets``. The loop must be run by the caller.

    Times are seconds, sizes bytes, defaults in parentheses. ``header_timeout`` (30) is for a request's head from its
    first byte on; ``idle_connection_timeout`` (75; 30 before the first request of a connection) for the wait for it;
    ``body_timeout`` (none, but after ten seconds 500 bytes must come each second) for a whole body. They end with 408,
    or in silence where nothing had been said. ``max_header_size`` (32 KiB; a quarter of it for the request line),
    ``max_body_size`` (100 MiB) bound what is read (431/414, 413). ``decompress_request`` undoes gzip within the
    same limit. Of a client that sends many requests at once one is read and served at a time; 64 KiB of the others
    are kept, the rest waits with the client, as all do while 64 KiB of its answers wait for it. ``xheaders`` believes
    ``forwarding_headers``, but only from the proxies in ``trusted_downstream`` (addresses, CIDR networks,
    ``"unix:"``, or ``"*"``); name those that your proxy sets on every request: Forwarded, X-Forwarded-For or
    X-Real-Ip, X-Forwarded-Proto or X-Scheme, X-Forwarded-Host, X-Forwarded-Prefix. With ``proxy_protocol`` every
    connection must begin with a PROXY header (version 1 or 2) of a trusted proxy, before TLS. ``max_connections``
    (None: 0.8 of the descriptors that the process may have, after raising their limit) and ``max_connections_per_ip``
    (None: no such limit) turn further clients away with 503. The latter is for each IPv4 address, however it is written
    (``::ffff:192.0.2.1``), and for each /64 of IPv6, all of which one client usually has; link-local addresses are
    counted one by one. A proxy without ``proxy_protocol`` is one client. ``ssl_options`` and ``server_names`` are as
    for `TCPServer`;
    ``request.client_identity`` is who the client is by its certificate. ``observer`` is told what happens
    (`ServerObserver`): the access log and metrics are such; so is the `server_observer` of an application that has
    one.
    ``compat="tornado"`` takes malformed input as Tornado does, and X-Real-Ip and forwarding headers from everyone.
    """

    __module__ = "waterspout.httpserver"

    request_callback: RequestCallback
    conn_params: HTTP1ConnectionParameters
    protocol: str | None
    xheaders: bool
    trusted_downstream: list[str]
    observer: ServerObserver | None
    guard: Guard

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Everything is done by initialize(), as Configurable has it.
        pass

    def initialize(
        self,
        request_callback: RequestCallback,
        no_keep_alive: bool = False,
        xheaders: bool = False,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        protocol: str | None = None,
        decompress_request: bool = False,
        chunk_size: int | None = None,
        max_header_size: int | None = None,
        idle_connection_timeout: float | None = None,
        body_timeout: float | None = None,
        max_body_size: int | None = None,
        max_buffer_size: int | None = None,
        trusted_downstream: list[str] | None = None,
        compat: str | None = None,
        observer: ServerObserver | None = None,
        server_names: Mapping[str, dict[str, Any] | ssl.SSLContext] | None = None,
        forwarding_headers: Sequence[str] = ("X-Forwarded-For", "X-Forwarded-Proto"),
        proxy_protocol: bool = False,
        max_connections: int | None = None,
        max_connections_per_ip: int | None = None,
        header_timeout: float | None = None,
    ) -> None:
        """See the class. Raises `ValueError` for a `trusted_downstream` that names no address, and for
        `forwarding_headers` that are unknown or say the same."""
        self.request_callback = request_callback
        self.xheaders = xheaders
        self.protocol = protocol
        self.conn_params = HTTP1ConnectionParameters(
            no_keep_alive=no_keep_alive,
            chunk_size=chunk_size,
            max_header_size=max_header_size,
            header_timeout=header_timeout,
            idle_timeout=idle_connection_timeout,
            max_body_size=max_body_size if max_body_size is not None else max_buffer_size,
            body_timeout=body_timeout,
            decompress=decompress_request,
            compat=compat,
        )
        super().__init__(ssl_options=ssl_options, max_buffer_size=max_buffer_size, server_names=server_names)
        self.may_log: Callable[[str], bool] | None = self.conn_params.log_limit.allows
        self.trusted_downstream = trusted_downstream or []
        self._context_class = context_class(self.trusted_downstream)
        self.observer = observer = _all_of(observer, getattr(request_callback, "server_observer", None))
        proxies = TrustedProxies(self.trusted_downstream) if proxy_protocol else None
        self._forwarding = ForwardingFields(forwarding_headers)
        self._connections: set[HTTP1ServerConnection] = set()
        self.guard = Guard(
            max_connections, max_connections_per_ip, proxies, observer, self._connections, self.waiting,
            speaks_http=ssl_options is None,
        )  # fmt: skip
        if self._clients_may_wait():
            self.first_byte_timeout: float | None = self.conn_params.first_byte_timeout
        self._on_lost = self._connection_lost  # one for all connections
        self._upgraded = UpgradedConnections()
        self._drain: tuple[DrainState, asyncio.Task[DrainResult]] | None = None
        self._drain_callbacks: dict[object, Callable[[float], object]] = {}
        self._deadlines: Deadlines | None = None
        self._slow_heads: SlowHeads | None = None
        self._together: list[HTTP1ServerConnection] | None = None
        application = self._plain_application = as_application(request_callback)
        cls = type(self)
        if cls.start_request is not _start_request and isinstance(request_callback, HTTPServerConnectionDelegate):
            application = as_application(self)  # a subclass has its say
        self._hears_of_closing = cls.on_close is not _on_close
        self._application = self._wrapped(application, is_tornado_compat(compat))

    def _wrapped(self, application: HTTPApplication, tornado: bool) -> HTTPApplication:
        if self.observer is not None:
            kind = EnteredApplication if enters_requests(self.observer) else ObservedApplication
            application = kind(application)
        if not self.xheaders:
            return application
        hops = TrustedProxies(self.trusted_downstream)
        if tornado:
            return TornadoApplication(application, TrustedProxies(["*"]), hops, self._forwarding)
        return ProxiedApplication(application, hops, hops, self._forwarding)

    def _clients_may_wait(self) -> bool:
        """Whether nobody asks for a connection before its client has spoken.

        Over TLS the time for the handshake runs from the beginning; observers are told when a connection is opened.
        """
        cls = type(self)
        return (
            self.ssl_options is None
            and self.observer is None
            and self.guard.takes_all_alike
            and cls.serve_connection is HTTPServer.serve_connection
            and cls.handle_stream is HTTPServer.handle_stream
        )

    def may_wait(self, count: int) -> int:
        """See `TCPServer`."""
        gate = self.guard.plain
        return 0 if gate is None or self._drain is not None else min(count, gate.room)

    @classmethod
    def configurable_base(cls) -> type[Configurable]:
        """See `Configurable`."""
        return HTTPServer

    @classmethod
    def configurable_default(cls) -> type[Configurable]:
        """See `Configurable`."""
        return HTTPServer

    def serve_connection(self, connection: socket.socket, address: Any) -> None:
        """See `TCPServer`; the guard may turn *connection* away, or learn its client's address first."""
        gate = self.guard.plain
        if gate is not None and gate.has_room():
            super().serve_connection(connection, address)
        else:
            self.guard.let_in(connection, address, super().serve_connection)

    def stop(self) -> None:
        """See `TCPServer`."""
        super().stop()
        self.guard.close()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """A client has connected: serve it until it leaves."""
        if self.guard.plain is None:
            self.guard.count(stream, address)
        deadlines = self._deadlines
        if deadlines is None:
            deadlines = self._deadlines = Deadlines(stream.io_loop, self._resolution())
            self._slow_heads = SlowHeads(stream.io_loop)
        context = self._context_class(stream, address, self.protocol)
        if self.observer is None:
            connection = HTTP1ServerConnection(
                stream, self.conn_params, context, deadlines, self._on_lost, self._upgraded, self._slow_heads
            )
        else:
            connection = ObservedServerConnection(
                stream,
                self.conn_params,
                context,
                observer=self.observer,
                deadlines=deadlines,
                on_lost=self._on_lost,
                upgraded=self._upgraded,
                slow_heads=self._slow_heads,
            )
        self._connections.add(connection)
        if self._drain is not None:
            self._drain[0].connections += 1
            connection.drain()
        if self._together is None:
            connection.serve_application(self._application, True)
        else:
            self._together.append(connection)

    def serve_together(self, arrivals: Iterable[tuple[socket.socket, Any]]) -> None:
        """See `TCPServer`. All connections are made before the first request is read: what a processor has at hand for
        one step is what the next connection's needs, and a quarter of the whole is saved."""
        made: list[HTTP1ServerConnection] = []
        self._together = made
        try:
            serve = super().serve_connection  # past the guard: they were let in when they came
            for connection, address in arrivals:
                serve(connection, address)
        finally:
            self._together = None
        application = self._application
        for served in made:
            served.serve_application(application, True)

    def _connection_lost(self, connection: HTTP1ServerConnection) -> None:
        self._connections.discard(connection)
        told = self if self._hears_of_closing else self._plain_application
        on_close = getattr(told, "on_close", None)
        if on_close is not None and getattr(on_close, "__func__", None) is not _DOES_NOTHING:
            try:
                on_close(connection)
            except Exception:
                app_log.error("Exception in %r", on_close, exc_info=True)
        if not connection.stream.closed() and self.guard.plain is not None:  # another protocol has it now
            self.guard.count(connection.stream, None)

    def _resolution(self) -> float:
        """Seconds of one tick of the wheel: a second, finer only where a deadline is shorter than a few."""
        params = self.conn_params
        given = [t for t in (params.header_timeout, params.idle_timeout, params.body_timeout) if t]
        return max(0.02, min([1.0, *(t / 4 for t in given)]))

    async def close_all_connections(self) -> None:
        """Close every open HTTP connection, whatever it is doing; call `stop` first.

        Returns when all are closed. Those that another protocol has taken over (WebSockets) are not HTTP's any more and
        stay open, as in Tornado: `drain` ends them, too.
        """
        self.close_waiting()
        for connection in list(self._connections):
            connection.close()
        for connection in list(self._connections):
            connection.deadline = inf
            await connection.wait_closed()

    @property
    def draining(self) -> bool:
        """Whether `drain` was called."""
        return self._drain is not None

    def add_drain_callback(self, callback: Callable[[float], object]) -> Callable[[], None]:
        """Have ``callback(until)`` called when `drain` begins: end what would take longer (long polls, event streams).

        *until* is the deadline, on the scale of the loop's ``time()``. Returns a function that takes it back. For
        connections of other protocols see `HTTP1ServerConnection.hand_over`.
        """
        key = object()
        self._drain_callbacks[key] = callback

        def take_back() -> None:
            self._drain_callbacks.pop(key, None)

        return take_back

    async def drain(
        self, deadline: float = 30.0, *, idle_grace: float = 1.0, shared_sockets: bool = False
    ) -> DrainResult:
        """Stop without losing a request; returns what was done and what was cut.

        Accepts those that wait to be accepted, and nobody else. Every connection ends after what has been asked on
        it, the last response says ``Connection: close``; after *idle_grace* seconds connections that are silent are
        closed. At the *deadline* (seconds from now) what is still open is cut. A further call can only hurry it.

        *shared_sockets* says that other processes go on accepting on the same sockets: who waits is left to them.
        """
        now = asyncio.get_running_loop().time()
        until, idle_until = now + deadline, now + min(idle_grace, deadline)
        if self._drain is None:
            self.serve_waiting()
            state = DrainState(len(self._connections), until, idle_until)
            accepting = asyncio.ensure_future(self.stop_accepting(shared=shared_sockets))
            task = asyncio.ensure_future(drain(self._connections, self._upgraded, state, accepting))
            self._drain = (state, task)
            for connection in self._connections:
                connection.drain()
            callbacks, self._drain_callbacks = self._drain_callbacks, {}
            for callback in callbacks.values():
                try:
                    callback(until)
                except Exception:
                    app_log.error("Exception in drain callback %r", callback, exc_info=True)
        else:
            state, task = self._drain
            state.hurry(until, idle_until)
        return await asyncio.shield(task)

    def start_request(self, server_conn: object, request_conn: Any) -> Any:
        """Tornado's entry for subclasses and tests: the delegate that the request callback gives for a request.

        One that is overridden is asked for each request, where the request callback is a delegate.
        """
        callback = self.request_callback
        if isinstance(callback, HTTPServerConnectionDelegate):
            return callback.start_request(server_conn, request_conn)
        raise TypeError(f"{callback!r} takes whole requests; it has no delegate for one in parts")

    def on_close(self, server_conn: object) -> None:
        """Tornado's entry for subclasses: a connection has ended; the request callback is told if it asks."""
        on_close = getattr(self._plain_application, "on_close", None)
        if on_close is not None:
            on_close(server_conn)


#: A subclass, or an instrument that has replaced them, is asked instead.
_start_request, _on_close = HTTPServer.start_request, HTTPServer.on_close


def _all_of(*observers: ServerObserver | None) -> ServerObserver | None:
    """One observer for those that are there, told once each."""
    given = list(dict.fromkeys(observer for observer in observers if observer is not None))
    return ServerObservers(*given) if len(given) > 1 else given[0] if given else None
