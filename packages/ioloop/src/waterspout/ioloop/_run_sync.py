"""`IOLoop.run_sync`: start the loop, run one function to its end, stop the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import convert_yielded

if TYPE_CHECKING:
    from waterspout.ioloop._loop import IOLoop


def run_sync(io_loop: IOLoop, func: Callable[[], Any], timeout: float | None) -> Any:
    """See `IOLoop.run_sync`, whose contract this is."""
    running: list[Any] = []  # the function's future, once it has been called
    timers: list[asyncio.TimerHandle] = []
    expired: list[bool] = []
    waiting = True  # a future that is done after we gave it up must not stop the loop of somebody else

    def begin() -> None:
        began = io_loop.asyncio_loop.time()  # now and not before the loop runs: uvloop's clock stands still until then
        try:
            result = func()
            future = _done(io_loop) if result is None else convert_yielded(result)
        except Exception as error:
            future = _done(io_loop, error)
        running.append(future)
        io_loop.add_future(future, finish)
        if timeout is not None:
            # Behind the first step of a task: what was never entered could not clean up after itself.
            io_loop.asyncio_loop.call_soon(arm, began + timeout)

    def arm(deadline: float) -> None:
        if waiting:
            timers.append(io_loop.asyncio_loop.call_at(deadline, expire))

    def finish(_: Any) -> None:
        if waiting:
            io_loop.stop()

    def expire() -> None:
        expired.append(True)
        # A task that is cancelled gets the chance to clean up; the loop stops when it has.
        if not (running and running[0].cancel()):
            io_loop.stop()

    io_loop.add_callback(begin)
    try:
        io_loop.start()
    finally:
        waiting = False
        for timer in timers:
            timer.cancel()
    # Out of the closures: a future that stays pending must be freed with its last user, not by the garbage collector.
    future = running.pop() if running else None
    if future is not None and future.done() and not future.cancelled():
        return future.result()
    if future is not None and not future.done():
        io_loop._callbacks.look_after(future)  # it goes on when the loop is started again
    if expired:
        raise TimeoutError(f"Operation timed out after {timeout} seconds")
    if future is not None and future.cancelled():
        raise RuntimeError("The future was cancelled before it completed.")
    raise RuntimeError("Event loop stopped before Future completed.")


def _done(io_loop: IOLoop, error: Exception | None = None) -> asyncio.Future[None]:
    future: asyncio.Future[None] = io_loop.asyncio_loop.create_future()
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
    return future
