"""A body handed piece by piece to the user's streaming callback, no faster than it wants it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from waterspout.concurrent import BadYieldError, convert_yielded
from waterspout.httpclient._errors import FetchError

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange
    from waterspout.httpclient._request import StreamingCallback


class Delivery:
    """Calls the callback with each piece; while what it returned is not done, nothing more is read.

    Pieces come as iterators, so that compressed data is not decompressed before it is wanted.
    """

    __slots__ = ("_busy", "_callback", "_exchange", "_then", "_waiting")

    def __init__(self, exchange: Exchange, callback: StreamingCallback) -> None:
        self._exchange = exchange
        self._callback = callback
        self._busy: asyncio.Future[None] | None = None
        self._waiting: deque[Iterator[bytes]] = deque()
        self._then: Callable[[], None] | None = None

    def is_done(self) -> bool:
        """Whether all that was fed has been taken."""
        return self._busy is None and not self._waiting

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Deliver *pieces*, now or as soon as the callback is ready for them."""
        self._waiting.append(iter(pieces))
        if self._busy is None:
            self._go_on()

    def when_done(self, then: Callable[[], None]) -> None:
        """Call *then* once all has been taken; not if the exchange fails before."""
        self._then = then

    def cancel(self) -> None:
        """The exchange is over: deliver nothing more, and cancel a callback that is still at work."""
        self._waiting.clear()
        self._then = None
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.cancel()

    def _go_on(self) -> None:
        waiting = self._waiting
        exchange = self._exchange
        while waiting:
            try:
                for piece in waiting[0]:
                    result = exchange.run(self._callback, piece)
                    if result is not None:
                        exchange.run(self._wait_for, result)
                        if self._busy is not None:
                            return
                    if exchange.answer is None:
                        return
            except FetchError as error:
                exchange.fail(error)
                return
            except Exception as error:
                exchange.callback_failed(error)
                return
            if waiting:
                waiting.popleft()
        then, self._then = self._then, None
        if then is not None:
            then()

    def _wait_for(self, result: object) -> None:
        try:
            future = convert_yielded(result)
        except BadYieldError:  # a value that is no awaitable is of no interest
            return
        if future.done():
            future.result()
            return
        self._busy = future
        connection = self._exchange.connection
        if connection is not None:
            connection.stream.pause_receiving()
        future.add_done_callback(self._taken)

    def _taken(self, future: asyncio.Future[None]) -> None:
        if future is not self._busy:
            return
        self._busy = None
        error = future.exception() if not future.cancelled() else asyncio.CancelledError()
        if error is not None:
            self._exchange.callback_failed(error)
            return
        self._go_on()
        connection = self._exchange.connection
        if self._busy is None and connection is not None:
            connection.stream.resume_receiving()
