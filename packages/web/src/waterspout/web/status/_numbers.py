"""What the page shows, counted while it happens: an observer of the server, in bounded memory."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from waterspout.http1connection import HTTP1ServerConnection, ObservedRequest, ServerObserver
from waterspout.httputil import HTTPInputError
from waterspout.ioloop import Lag
from waterspout.web.status._histogram import Histogram, Recent
from waterspout.web.status._routes import Routes
from waterspout.web.status._sampler import Sampler

__all__ = ["Numbers", "Sample", "Waiting"]

#: Samples that are kept, about one a second.
KEPT = 120
#: Seconds after which a request without an answer counts as waiting, and one whose answer goes on as a stream.
LONG = 1.0
#: The last times that a `LagMonitor` has reported.
LAGS = 5
#: Samples without a connection after which the second hand stops.
IDLE_SAMPLES = 3


class Sample(NamedTuple):
    """One second."""

    #: Requests that were answered in it, and those of them with a status of 500 and above, both by second.
    rate: float
    errors: float
    #: Percentiles of the time to the answer, in seconds.
    p50: float
    p95: float
    p99: float
    #: How late a timer came at worst, in seconds; the part of a processor that the process used.
    lag: float
    cpu: float
    connections: int
    waiting: int


#: A second in which nobody was connected.
NOTHING = Sample(0, 0, 0, 0, 0, 0, 0, 0, 0)


class Waiting(NamedTuple):
    """The requests in progress, looked through."""

    #: Without an answer for longer than `LONG`; the age of the oldest in seconds; how many for each route.
    number: int
    oldest: float
    by_route: dict[str, int]
    #: With an answer that goes on.
    streams: int


class Numbers(ServerObserver):
    """Counts for one process and loop; *waits* and *hidden* are templates of routes (see `Routes`)."""

    by_route: Routes
    started: float  #: seconds since the epoch
    connections: int  #: open ones
    accepted: int
    shed: int
    refused: int
    requests: int  #: answered ones
    received: int  #: bytes
    sent: int  #: bytes
    recent: Recent
    turn: int  #: how often a sample was taken: whoever waits for the next one looks at this

    def __init__(self, waits: Iterable[str], hidden: Iterable[str]) -> None:
        self.by_route = Routes(frozenset(waits), frozenset(hidden))
        self.started = time.time()
        self.connections = self.accepted = self.shed = self.refused = self.requests = 0
        self.received = self.sent = 0
        self.recent = Recent()
        self.samples: deque[Sample] = deque(maxlen=KEPT)
        self.lags: deque[tuple[float, float, str]] = deque(maxlen=LAGS)
        self.turn = 0
        self._active: dict[ObservedRequest, None] = {}
        self._websockets: set[HTTP1ServerConnection] = set()
        # Of the second that is now: times, answers, errors.
        self._second = Histogram()
        self._second_answers = self._second_errors = 0
        self._second_began = time.monotonic()
        self._cpu = time.process_time()
        self._silent = 0
        self._sampler = Sampler(self.sample)

    # The server tells.

    def connection_opened(self, connection: HTTP1ServerConnection) -> None:
        """See `ServerObserver`; so for all others."""
        self.connections += 1
        self.accepted += 1
        if self.connections == 1 and self._sampler.start(connection.stream.io_loop):
            slept = time.monotonic() - self._second_began
            self.samples.extend([NOTHING] * min(round(slept), KEPT))
            self._second_began, self._cpu = self._second_began + slept, time.process_time()

    def connection_closed(self, connection: HTTP1ServerConnection) -> None:
        self.connections -= 1
        self._websockets.discard(connection)

    def connection_shed(self, address: Any, why: str) -> None:
        self.shed += 1

    def request_refused(self, connection: HTTP1ServerConnection, error: BaseException) -> None:
        self.refused += 1

    def request_started(self, observed: ObservedRequest) -> None:
        self._active[observed] = None

    def head_sent(self, observed: ObservedRequest) -> None:
        route = self.by_route.of(observed.request.route)
        now = observed.first_byte or observed.began
        seconds = now - observed.began
        route.total.observe(seconds)
        route.recent.observe(seconds, now)
        if route.hidden:
            return
        self._second_answers += 1
        if not route.waits:
            self._second.observe(seconds)
            self.recent.observe(seconds, now)

    def request_finished(self, observed: ObservedRequest) -> None:
        # Whoever takes a connection over writes the head of the answer, if any, past the server.
        self._over(observed, observed.status or 101)
        if observed.status is None or observed.status == 101:
            self._websockets.add(observed.connection)

    def request_failed(self, observed: ObservedRequest, error: BaseException) -> None:
        self._over(observed, observed.status if isinstance(error, HTTPInputError) else None)

    def loop_lagged(self, lag: Lag) -> None:
        self.lags.appendleft((time.time(), lag.seconds, lag.callback))

    def _over(self, observed: ObservedRequest, status: int | None) -> None:
        self._active.pop(observed, None)
        route = self.by_route.of(observed.request.route)
        if route.hidden:
            return
        route.over[(status or 0) // 100] += 1
        self.requests += 1
        self.received += observed.received
        self.sent += observed.sent
        if status is not None and status >= 500:
            self._second_errors += 1

    # The page asks.

    @property
    def active(self) -> int:
        """Requests being read or answered, those for the page left out."""
        return sum(not self.by_route.of(each.request.route).hidden for each in self._active)

    @property
    def websockets(self) -> int:
        """Connections that another protocol has taken over."""
        return len(self._websockets)

    def waiting(self) -> Waiting:
        """Look through all requests in progress."""
        count, oldest, streams = 0, 0.0, 0
        by_route: dict[str, int] = {}
        for observed in self._active:
            route = self.by_route.of(observed.request.route)
            seconds = observed.seconds
            if route.hidden or seconds <= LONG:
                continue
            if observed.first_byte is not None:
                streams += 1
                continue
            count += 1
            oldest = max(oldest, seconds)
            by_route[route.name] = by_route.get(route.name, 0) + 1
        return Waiting(count, oldest, by_route, streams)

    def sample(self, lag: float) -> bool:
        """A second is over; whether another one shall be counted."""
        now, cpu = time.monotonic(), time.process_time()
        passed = max(now - self._second_began, 0.001)
        second, self._second = self._second, Histogram()
        answers, errors = self._second_answers, self._second_errors
        self._second_answers = self._second_errors = 0
        self.samples.append(
            Sample(
                rate=round(answers / passed, 1),
                errors=round(errors / passed, 1),
                p50=round(second.percentile(50), 6),
                p95=round(second.percentile(95), 6),
                p99=round(second.percentile(99), 6),
                lag=round(lag, 6),
                cpu=round((cpu - self._cpu) / passed, 4),
                connections=self.connections,
                waiting=self.waiting().number,
            )
        )
        self._second_began, self._cpu = now, cpu
        self.turn += 1
        self._silent = 0 if self.connections else self._silent + 1
        if self._silent < IDLE_SAMPLES:
            return True
        self._silent = 0
        return False  # until somebody connects

    def process(self) -> dict[str, Any]:
        """Which process this is: with several workers each has numbers of its own."""
        return {"pid": os.getpid(), "uptime": round(time.time() - self.started)}
