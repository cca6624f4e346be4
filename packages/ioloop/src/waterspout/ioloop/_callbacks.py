"""Running what was given to `IOLoop.add_callback` and its kin: errors are logged, what comes back is awaited."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
from collections.abc import Callable
from typing import Any

from waterspout.log import app_log


class CallbackRunner:
    """Runs the callbacks of one loop; ``post(callback, *args)`` has something called on it, from any thread."""

    __slots__ = ("_post", "background")

    background: set[Any]  #: futures of what callbacks returned that are not done yet

    def __init__(self, post: Callable[..., None]) -> None:
        self._post = post
        self.background = set()

    def run(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call ``callback(*args)``; log its exception; if it returns an awaitable, run that and log its exception."""
        try:
            result = callback(*args)
            if result is not None:
                self._take_result(callback, result)
        except asyncio.CancelledError:
            pass
        except Exception:
            app_log.error("Exception in callback %r", callback, exc_info=True)

    def run_plain(self, callback: Callable[[], Any]) -> None:
        """`run` for a callback without arguments, which takes a third less time."""
        try:
            result = callback()
            if result is not None:
                self._take_result(callback, result)
        except asyncio.CancelledError:
            pass
        except Exception:
            app_log.error("Exception in callback %r", callback, exc_info=True)

    def _take_result(self, callback: Callable[..., Any], result: Any) -> None:
        pending = _as_future(result)
        if pending is not None:
            self.look_after(pending)
            self.when_done(pending, functools.partial(_report_failure, callback))

    def when_done(self, future: Any, callback: Callable[[Any], Any]) -> None:
        """Have ``callback(future)`` run on the loop when ``future`` (asyncio's or concurrent's) is done."""
        if isinstance(future, concurrent.futures.Future):
            future.add_done_callback(functools.partial(self._post, callback))
        else:
            future.add_done_callback(functools.partial(self.run, callback))

    def look_after(self, future: Any) -> None:
        """Hold a future that nobody else may hold until it is done: asyncio holds its tasks weakly."""
        self.background.add(future)
        self.when_done(future, self.background.discard)

    def abandon(self) -> None:
        """The loop never runs again. Nobody waits for what is left: asyncio need not complain when it is freed."""
        for future in self.background:
            if isinstance(future, asyncio.Task) and not future.done():
                future._log_destroy_pending = False  # type: ignore[attr-defined]  # as asyncio's own runner does
        self.background.clear()


def _report_failure(callback: Callable[..., Any], future: Any) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        app_log.error("Exception in callback %r", callback, exc_info=error)


def _as_future(result: Any) -> Any:
    """The future of what a callback returned, or None if it is nothing that can be awaited."""
    from waterspout.concurrent import BadYieldError, convert_yielded, moment  # a part of the start-up time

    try:
        future = convert_yielded(result)
    except BadYieldError:
        return None
    return None if future is moment else future
