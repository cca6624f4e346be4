"""How fast an exchange must make progress, for those that ask: read and write timeouts and a minimum rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.httpclient._errors import HTTPTimeoutError, Phase

if TYPE_CHECKING:
    import asyncio

    from waterspout.httpclient._connection import Connection
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._h2_stream import RequestStream

#: Seconds after which a response must have reached its minimum rate: connections start slowly.
GRACE = 10.0
#: How often in a timeout progress is looked for, and so the part of it by which it may be late.
LOOKS = 4


class Pace:
    """Looks at intervals at what a connection has sent and received."""

    __slots__ = (
        "_connection",
        "_exchange",
        "_interval",
        "_last_progress",
        "_pending",
        "_received",
        "_since",
        "_start",
        "_timer",
    )

    def __init__(self, exchange: Exchange, connection: Connection | RequestStream) -> None:
        settings = exchange.settings
        self._exchange = exchange
        self._connection = connection
        self._start = self._received = connection.received
        self._pending = connection.stream.pending
        self._since = self._last_progress = exchange.client.time()
        timeouts = [limit for limit in (settings.read_timeout, settings.write_timeout) if limit]
        self._interval = min([*timeouts, GRACE]) / LOOKS
        self._timer: asyncio.TimerHandle = exchange.client.call_later(self._interval, self._look)

    def cancel(self) -> None:
        """The exchange needs no more watching."""
        self._timer.cancel()

    def _look(self) -> None:
        exchange = self._exchange
        connection = self._connection
        settings = exchange.settings
        now = exchange.client.time()
        pending = connection.stream.pending
        received = connection.received
        delivery = None if exchange.incoming is None else exchange.incoming.delivery
        delivering = delivery is not None and not delivery.is_done()
        if received != self._received or pending != self._pending or delivering:
            self._received, self._pending = received, pending
            self._last_progress = now
        silence = now - self._last_progress
        limit = settings.write_timeout if pending else settings.read_timeout
        if limit and silence >= limit:
            self._expire(f"nothing was {'sent' if pending else 'received'} for {silence:.3g} s")
            return
        lasted = now - self._since
        if settings.minimum_rate and lasted >= GRACE and exchange.phase is Phase.BODY and not delivering:
            rate = (received - self._start) / lasted
            if rate < settings.minimum_rate:
                self._expire(f"the response came at {rate:.0f} bytes/s, less than {settings.minimum_rate:.0f}")
                return
        self._timer = exchange.client.call_later(self._interval, self._look)

    def _expire(self, why: str) -> None:
        exchange = self._exchange
        phase = Phase.SEND if self._connection.stream.pending else exchange.phase
        exchange.fail(
            HTTPTimeoutError(f"Timeout during request: {exchange.name()}: {why}", url=exchange.shown_url(), phase=phase)
        )
