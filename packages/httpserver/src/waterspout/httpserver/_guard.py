"""What stands between a listening socket and the connections that a server serves: counting, and the PROXY protocol."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from typing import Any

from waterspout.http1connection import ServerObserver
from waterspout.httpserver._clientkey import peer_of
from waterspout.httpserver._descriptors import connections_allowed
from waterspout.httpserver._gate import ConnectionGate
from waterspout.httpserver._proxies import TrustedProxies
from waterspout.httpserver._proxyprotocol import ProxyHeader
from waterspout.httpserver._proxyreader import ProxyHeaderReader
from waterspout.httputil import LogLimit
from waterspout.iostream import IOStream
from waterspout.log import app_log, gen_log

__all__ = ["Guard"]

Serve = Callable[[socket.socket, Any], None]


class Guard:
    """Lets new connections of one server through to *serve*, or not.

    *limit* None is worked out when the first one comes: 0.8 of the descriptors that the process may have, after
    raising that number as far as it goes. *connections* are the server's, *waiting* those whose clients have not spoken
    yet. *proxies* not None has each connection begin with a PROXY header from one of these peers.
    """

    __slots__ = ("_connections", "_gate", "_limit", "_log", "_observer", "_per_peer", "_proxies", "_reading",
                 "_speaks_http", "_waiting", "plain")  # fmt: skip

    #: The gate, where nothing but room is asked of a new connection (and once the first one has come): whoever accepts
    #: may then let connections in by its numbers. Those in *connections* are not counted one by one: only streams that
    #: have left it and are still open need `count`.
    plain: ConnectionGate | None

    def __init__(
        self,
        limit: int | None,
        limit_per_peer: int | None,
        proxies: TrustedProxies | None,
        observer: ServerObserver | None,
        connections: Collection[object] = (),
        waiting: Collection[object] = (),
        *,
        speaks_http: bool,
    ) -> None:
        for name, number in (("max_connections", limit), ("max_connections_per_ip", limit_per_peer)):
            if number is not None and number < 1:
                raise ValueError(f"{name} must be at least 1, or None, not {number!r}")
        self._limit = limit
        self._per_peer = limit_per_peer
        self._proxies = proxies
        self._observer = observer
        self._speaks_http = speaks_http
        self._connections = connections
        self._waiting = waiting
        self._gate: ConnectionGate | None = None
        self.plain = None
        self._reading: set[ProxyHeaderReader] = set()
        self._log = LogLimit(records=5)

    @property
    def gate(self) -> ConnectionGate:
        """The counters."""
        gate = self._gate
        if gate is None:
            limit = connections_allowed() if self._limit is None else self._limit
            plain = self.takes_all_alike
            gate = self._gate = ConnectionGate(limit, self._per_peer, self._connections if plain else (), self._waiting)
            if plain:
                self.plain = gate
        return gate

    @property
    def takes_all_alike(self) -> bool:
        """Whether nothing but room is asked of a new connection, whoever its client is."""
        return self._per_peer is None and self._proxies is None

    def let_in(self, connection: socket.socket, address: Any, serve: Serve) -> None:
        """Call *serve* with the connection and its client's address, now or when its header has come, or close it."""
        if self._proxies is None:
            self._serve(connection, address, serve)
            return
        if not self._proxies.trusts_socket(connection.family, address):
            self._complain(address, "is no trusted proxy, and this port speaks the PROXY protocol")
            connection.close()
            return
        if len(self._reading) + self.gate.count >= self.gate.limit:
            self._turn_away(connection, address, f"all {self.gate.limit} connections are taken")
            return

        def header_came(reader: ProxyHeaderReader, result: ProxyHeader | Exception) -> None:
            self._reading.discard(reader)
            if isinstance(result, Exception):
                self._complain(address, f"sent no PROXY header: {result}")
                reader.connection.close()
                return
            try:
                self._serve(reader.connection, address if result.source is None else result.source, serve)
            except Exception:
                app_log.error("Error in connection callback", exc_info=True)
                reader.connection.close()

        self._reading.add(ProxyHeaderReader(connection, header_came))

    def _serve(self, connection: socket.socket, address: Any, serve: Serve) -> None:
        why = self.gate.refusal(address)
        if why is None:
            serve(connection, address)
        else:
            self._turn_away(connection, address, why)

    def count(self, stream: IOStream, address: Any) -> None:
        """*stream* is one of those to be counted from now on until it is closed."""
        self.gate.enter(stream, address)

    def close(self) -> None:
        """Close what has not become a connection yet."""
        for reader in list(self._reading):
            self._reading.discard(reader)
            reader.close()
        if self._gate is not None:
            self._gate.close()

    def _turn_away(self, connection: socket.socket, address: Any, why: str) -> None:
        self.gate.turn_away(connection, address, why, speaks_http=self._speaks_http)
        if self._observer is not None:
            try:
                self._observer.connection_shed(address, why)
            except Exception:
                app_log.error("Exception in connection_shed of %r", self._observer, exc_info=True)

    def _complain(self, address: Any, what: str) -> None:
        peer = str(peer_of(address))
        if self._log.allows(peer):
            gen_log.info("Closing the connection of %s: it %s", peer, what)
