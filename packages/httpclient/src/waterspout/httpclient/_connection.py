"""One connection to a server: what the stream tells, handed to the exchange that uses it.

A connection lasts for many exchanges. Its object is the stream's receiver all the time, so that a server that closes
an idle connection, or says something nobody asked for, is noticed at once (CS15), and nothing is registered anew for
each request.
"""

from __future__ import annotations

import socket
from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.http1 import MessageWriter, Reading, ResponseReader
from waterspout.httputil import HTTPInputError
from waterspout.iostream import StreamClosedError

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._route import Route
    from waterspout.iostream import IOStream

#: The socket's own method, which one that carries TLS hides.
_receive = socket.socket.recv
#: Seconds that a connection may have been idle without being asked whether it is alive: within them the loop has
#: hardly had a chance to miss anything.
FRESH = 0.005
#: Seconds after which a connection looks whether its exchange, or its own idleness, has lasted too long. Exchanges
#: with less time than this have a timer of their own.
LOOK_INTERVAL = 5.0


class Connection:
    """A stream, the reader of what comes from it, and who is waiting for that."""

    __slots__ = (
        "__weakref__",
        "deadline",
        "exchange",
        "idle_until",
        "last_used",
        "reader",
        "received",
        "route",
        "served",
        "stream",
    )

    deadline: float
    received: int
    served: int
    route: Route
    stream: IOStream
    reader: ResponseReader
    idle_until: float
    last_used: float

    def __init__(self, route: Route, stream: IOStream, reader: ResponseReader) -> None:
        self.route = route
        self.stream = stream
        self.reader = reader
        #: Who uses the connection; None while it is idle or closed.
        self.exchange: Exchange | None = None
        #: Requests sent so far.
        self.served = 0
        #: Bytes received so far.
        self.received = 0
        self.idle_until = inf
        #: Loop time at which the last response began.
        self.last_used = 0.0
        deadlines = route.pool.deadlines
        #: When `deadline_passed` is to be called next; never more than one interval away, so that it needs no
        #: attention from exchanges that come and go.
        self.deadline = deadlines.now + LOOK_INTERVAL
        deadlines.watch(self)

    def is_alive(self) -> bool:
        """Ask the kernel whether the server has closed, or sent anything, since the loop last looked.

        Bytes on a TLS connection that has served nobody yet may be TLS's own business (session tickets). Later they
        are the alert that announces the close, or what nobody asked for.
        """
        try:
            waiting = _receive(self.stream.socket, 1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return bool(waiting) and not self.served and self.route.url.scheme == "https"

    def release(self) -> None:
        """The exchange has its response and the connection is clean: the next one may have it."""
        self.exchange = None
        self.route.available(self)

    def given_up(self, timed_out: bool) -> None:
        """It is closed next, because nobody waits any longer.

        A server that has said nothing until a request's time was up may be gone, and then kept connections that have
        not been used since are as dead: they are closed, too, so that each does not take its own timeout to find out.
        """
        exchange = self.exchange
        if timed_out and exchange is not None and not exchange.first_byte:
            sent = exchange.timing.sent
            for idle in [idle for idle in self.route.idle if idle.served and idle.last_used < sent]:
                idle.close()

    def close(self) -> None:
        """Close now, whatever is under way; nobody is told."""
        self.exchange = None
        self.route.lost(self)
        self.stream.close()

    # What the pool's deadline wheel calls.

    def deadline_passed(self) -> None:
        """Some seconds have gone by: is anything overdue?"""
        deadlines = self.route.pool.deadlines
        now = deadlines.now
        exchange = self.exchange
        if exchange is not None:
            if exchange.deadline <= now:
                exchange.deadline_passed()
                return
            self.deadline = min(now + LOOK_INTERVAL, exchange.deadline)
        elif self.idle_until <= now:
            self.close()
            return
        else:
            self.deadline = min(now + LOOK_INTERVAL, self.idle_until)
        deadlines.watch(self)

    # What the stream calls.

    def data_received(self, data: bytes) -> None:
        """Bytes from the server."""
        exchange = self.exchange
        if exchange is None:
            # Nobody asked: whatever it is, it must not become the answer to the next request.
            self.close()
            return
        self.received += len(data)
        try:
            events = self.reader.receive(data)
        except HTTPInputError as error:
            self.close()
            exchange.broken(error)
            return
        if events:
            exchange.take(events)
        elif not exchange.first_byte:
            exchange.first_byte = True

    def eof_received(self) -> None:
        """The server will send no more."""
        exchange = self.exchange
        if exchange is None:
            self.route.lost(self)
            return
        reader = self.reader
        if reader.state is Reading.HEAD and not reader.held:
            self.close()
            exchange.lost(None)
            return
        try:
            events: Any = reader.receive_eof()
        except HTTPInputError as error:
            self.close()
            exchange.truncated(error)
            return
        if events:
            exchange.take(events)

    def connection_lost(self, error: BaseException | None) -> None:
        """The stream is closed."""
        self.route.lost(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.lost(error)

    def writable(self) -> None:
        """All that was queued has left; who waits for that has a future of its own."""

    def send(self, head: bytes, body: bytes | None) -> bool:
        """Queue a request; False if the stream turns out to be closed already."""
        self.served += 1
        try:
            if not body:
                self.stream.send(head)
            elif len(body) <= JOIN_LIMIT:
                self.stream.send(head + body)
            else:
                self.stream.send_many((head, body))
        except StreamClosedError:
            return False
        return True

    def body_writer(self, writer: MessageWriter) -> MessageWriter:
        """What frames the pieces of a body that is still being made."""
        return writer

    def end_body(self) -> None:
        """The body is complete; its framing has said so."""


#: A body up to this size is copied behind its head: one buffer leaves by a cheaper call than two.
JOIN_LIMIT = 8 * 1024
