"""Waiting for time to pass, and not longer than that: sleep, with_timeout, maybe_future."""

from __future__ import annotations

import asyncio
import datetime
from asyncio import Future
from collections.abc import Callable
from typing import Any, TypeVar

from waterspout.concurrent import (
    LazyFuture,
    ReadyFuture,
    as_loop_future,
    chain_future,
    future_add_done_callback,
    is_future,
)
from waterspout.ioloop import IOLoop
from waterspout.log import app_log
from waterspout.util import TimeoutError

_T = TypeVar("_T")


class _Sleep(LazyFuture[None]):
    """Done when its timer fires; takes the timer back if it is cancelled before."""

    __slots__ = ("_io_loop", "_timer")

    def __init__(self, duration: float) -> None:
        super().__init__()
        self._io_loop = IOLoop.current()
        self._timer = self._io_loop.call_later(duration, self._is_over)

    def _is_over(self) -> None:
        if not self.done():
            self.set_result(None)

    def cancel(self, msg: Any | None = None) -> bool:
        if not super().cancel(msg):
            return False
        self._io_loop.remove_timeout(self._timer)
        return True


def sleep(duration: float) -> Future[None]:
    """A Future that is done after `duration` seconds.

    It must be awaited or yielded; the call itself does not wait. The time starts with the call.
    """
    return _Sleep(duration)


def maybe_future(x: Any) -> Future[Any]:
    """`x` itself if it is a future, else a finished Future with `x` as its result.

    Other awaitables count as results; `convert_yielded` is for everything that can be waited for.
    """
    future: Future[Any] = x if is_future(x) else ReadyFuture(x)
    return future


def with_timeout(
    timeout: float | datetime.timedelta,
    future: Any,
    quiet_exceptions: type[Exception] | tuple[type[Exception], ...] = (),
    *,
    message: str | Callable[[], str] | None = None,
) -> Future[Any]:
    """`future` (any yieldable), but raising TimeoutError if it is not done by `timeout`.

    `timeout` is a timedelta from now or an absolute time on the scale of `IOLoop.time`. `message` is
    the text of the TimeoutError, or a function that returns it, called only when it is needed.

    `future` is not cancelled by the timeout (`asyncio.wait_for` does that). If it fails later, that
    is logged, unless with a type in `quiet_exceptions` or a cancellation.
    """
    awaited = as_loop_future(future)
    outcome: Future[Any] = Future()
    if awaited.done():
        if isinstance(awaited, Future):
            chain_future(awaited, outcome)
        else:
            outcome.set_result(awaited.result())
        return outcome
    io_loop = IOLoop.current()

    def log_late_failure(late: Future[Any]) -> None:
        try:
            late.result()
        except asyncio.CancelledError:
            app_log.debug("Future %r was cancelled after timeout", late)
        except Exception as error:
            if not isinstance(error, quiet_exceptions):
                app_log.error("Exception in Future %r after timeout", late, exc_info=error)

    def expire() -> None:
        if not outcome.done():
            text = message() if callable(message) else message
            outcome.set_exception(TimeoutError("Timeout" if text is None else text))
        # If it was done in this very turn of the loop, that is late as well.
        future_add_done_callback(awaited, log_late_failure)

    timer = io_loop.add_timeout(timeout, expire)
    chain_future(awaited, outcome)
    # Also when the outcome is cancelled by whoever waits for it.
    outcome.add_done_callback(lambda _: io_loop.remove_timeout(timer))
    return outcome
