"""Futures of both kinds, asyncio's and concurrent.futures', under one set of functions.

These functions exist because the two kinds differ at the edges: what happens when a result is set
after the waiter has cancelled, when a callback of a finished future runs, and which thread may
complete it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent import futures
from types import TracebackType
from typing import Any, TypeVar

from waterspout.log import app_log

_T = TypeVar("_T")

Future = asyncio.Future
"""What asynchronous operations return: asyncio's Future."""

FUTURES = (futures.Future, Future)
"""Both kinds of future, for isinstance."""


class ReturnValueIgnoredError(Exception):
    """Kept for code that catches it; nothing raises it any more."""

    __module__ = "waterspout.concurrent"


def is_future(x: Any) -> bool:
    """Whether `x` is a future of either kind."""
    return isinstance(x, FUTURES)


def future_set_result_unless_cancelled(future: futures.Future[_T] | Future[_T], value: _T) -> None:
    """Set the result of `future`, unless whoever waited for it has cancelled it.

    Raises asyncio.InvalidStateError if it has a result or an exception already.
    """
    if not future.cancelled():
        future.set_result(value)


def future_set_exception_unless_cancelled(future: futures.Future[_T] | Future[_T], exc: BaseException) -> None:
    """Set the exception of `future`; if it has been cancelled, log the exception instead.

    Where that should not be logged, ask ``future.cancelled()`` first and call set_exception.
    """
    if future.cancelled():
        app_log.error("Exception after Future was cancelled", exc_info=exc)
    else:
        future.set_exception(exc)


def future_set_exc_info(
    future: futures.Future[_T] | Future[_T],
    exc_info: tuple[type | None, BaseException | None, TracebackType | None],
) -> None:
    """Set the exception of a ``sys.exc_info()`` triple, which carries its traceback itself.

    Raises ValueError if the triple holds no exception. A cancelled future stays as it is; the
    exception is logged.
    """
    error = exc_info[1]
    if error is None:
        raise ValueError("future_set_exc_info called with no exception")
    future_set_exception_unless_cancelled(future, error)


def future_add_done_callback(future: futures.Future[_T] | Future[_T], callback: Callable[[Any], None]) -> None:
    """Call `callback` with `future` when it is done: now, if it is done already.

    `future.add_done_callback` differs: on asyncio's futures it always waits for the loop.
    """
    if future.done():
        callback(future)
    else:
        future.add_done_callback(callback)


def chain_future(a: Future[_T] | futures.Future[_T], b: Future[_T] | futures.Future[_T]) -> None:
    """When `a` completes, complete `b` the same way: result, exception or cancellation.

    If `b` is done by then it stays as it is. Cancelling `b` does nothing to `a`. The two may be of
    different kinds: `b` is completed in the thread of its loop, whichever thread completes `a`.
    """
    if isinstance(a, Future) or not isinstance(b, Future) or a.done():
        future_add_done_callback(a, lambda done: _copy_outcome(done, b))
        return
    loop = b.get_loop()

    def carry_over(done: futures.Future[_T]) -> None:
        try:
            loop.call_soon_threadsafe(_copy_outcome, done, b)
        except RuntimeError:
            # A closed loop will run nobody who waits for b: there is nothing left to tell.
            if not loop.is_closed():
                raise

    a.add_done_callback(carry_over)


def _copy_outcome(done: Any, target: Any) -> None:
    if target.done():
        return
    if done.cancelled():
        # A concurrent future that somebody has marked as running cannot be cancelled any more.
        if not target.cancel():
            target.set_exception(futures.CancelledError())
        return
    error = done.exception()
    if error is not None:
        target.set_exception(error)
    else:
        target.set_result(done.result())
