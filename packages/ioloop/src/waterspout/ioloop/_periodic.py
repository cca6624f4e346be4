"""`PeriodicCallback`: call a function again and again, on a schedule that does not drift."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import BadYieldError, convert_yielded
from waterspout.ioloop._loop import IOLoop
from waterspout.log import app_log

if TYPE_CHECKING:
    import datetime


def following(previous: float, now: float, period: float) -> float:
    """When to call next: the first whole period after ``previous`` that is later than ``now``.

    Calls that a slow callback made impossible are skipped, the others stay on the schedule. If the clock was set back
    (``now`` before ``previous``), one period after ``previous``: the call that is just over must not be repeated.
    """
    if now < previous:
        return previous + period
    return previous + (math.floor((now - previous) / period) + 1) * period


class PeriodicCallback:
    """Call ``callback`` every ``callback_time`` (milliseconds, or a timedelta) from `start` to `stop`.

    If it takes longer than that, calls are skipped to get back on schedule. If it returns an awaitable, the next call
    waits until that is done. An exception is logged on ``app_log`` and the calls go on. With ``jitter`` (0 to 1) each
    period varies by that part of itself: 0.1 means between 95 % and 105 %, so that many processes do not act in step.

    ValueError if ``callback_time`` is not positive.
    """

    __module__ = "waterspout.ioloop"

    callback_time: float  #: milliseconds
    io_loop: IOLoop  #: the loop that it was started on

    def __init__(
        self, callback: Callable[[], Any], callback_time: datetime.timedelta | float, jitter: float = 0
    ) -> None:
        if hasattr(callback_time, "total_seconds"):
            callback_time = callback_time.total_seconds() * 1000
        if callback_time <= 0:
            raise ValueError("Periodic callback must have a positive callback_time")
        self.callback = callback
        self.callback_time = callback_time
        self.jitter = jitter
        self._next_timeout = 0.0  # on the clock of the asyncio loop, in seconds
        self._timer: asyncio.TimerHandle | None = None
        self._busy: Any = None  # the future of a call that is not done yet

    def start(self) -> None:
        """Start calling, on the current loop; the first call comes after one period."""
        if self._timer is not None:
            return
        self.io_loop = IOLoop.current()
        self._next_timeout = self.io_loop.asyncio_loop.time()
        self._schedule()

    def stop(self) -> None:
        """Stop calling; a call that is under way goes on to its end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._timer is not None

    def _schedule(self) -> None:
        loop = self.io_loop.asyncio_loop
        self._update_next(loop.time())
        self._timer = loop.call_at(self._next_timeout, self._call)

    def _update_next(self, current_time: float) -> None:
        period = self.callback_time / 1000.0
        if self.jitter:
            import random  # takes long to import, and few programs use jitter

            period *= 1 + self.jitter * (random.random() - 0.5)
        self._next_timeout = following(self._next_timeout, current_time, period)

    def _call(self) -> None:
        timer = self._timer
        if self._busy is not None:  # stopped and started again while a call went on
            self._schedule()
            return
        try:
            result = self.callback()
            if result is not None:
                self._busy = convert_yielded(result)
        except (BadYieldError, asyncio.CancelledError):
            pass  # it returned something that is not awaitable; what it asked for was cancelled
        except Exception:
            app_log.error("Exception in callback %r", self.callback, exc_info=True)
        if self._busy is not None:
            self.io_loop.add_future(self._busy, lambda future: self._finished(timer, future))
        else:
            self._go_on(timer)

    def _finished(self, timer: asyncio.TimerHandle | None, future: Any) -> None:
        self._busy = None
        if not future.cancelled() and (error := future.exception()) is not None:
            app_log.error("Exception in callback %r", self.callback, exc_info=error)
        self._go_on(timer)

    def _go_on(self, timer: asyncio.TimerHandle | None) -> None:
        """After a call that ``timer`` made: unless it was stopped meanwhile; a restart has set a timer of its own."""
        if timer is not None and self._timer is timer:
            self._schedule()
