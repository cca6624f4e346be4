"""`IOLoop.run`: an application's entry point, from making the loop to leaving nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any

#: Collector thresholds for servers that hold very many connections.  With Python's defaults, a full collection walks
#: millions of long-lived objects again and again while clients connect.
SERVER_GC_THRESHOLDS = (100_000, 50, 100)


def run(
    main: Callable[[], Awaitable[Any] | None] | Coroutine[Any, Any, Any],
    make_loop: Callable[[], asyncio.AbstractEventLoop],
    *,
    debug: bool | None,
    signals: Iterable[signal.Signals],
    tune_gc: bool,
) -> Any:
    """See `IOLoop.run`, whose contract this is; ``make_loop`` gives an asyncio loop that has its IOLoop already."""
    if _is_running():
        raise RuntimeError("IOLoop.run cannot be called while an event loop is running on this thread: await instead")
    quiet: list[signal.Signals] = []
    with _tuned_collector(tune_gc), asyncio.Runner(debug=debug, loop_factory=make_loop) as runner:
        loop = runner.get_loop()
        try:
            return runner.run(_watched(main, loop, tuple(signals), quiet))
        except asyncio.CancelledError:
            if quiet:
                return None
            raise


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _watched(
    main: Callable[[], Awaitable[Any] | None] | Coroutine[Any, Any, Any],
    loop: asyncio.AbstractEventLoop,
    signals: tuple[signal.Signals, ...],
    quiet: list[signal.Signals],
) -> Any:
    task = asyncio.current_task()
    assert task is not None

    def end(number: signal.Signals) -> None:
        # The second signal is for whoever does not want to wait for the clean-up: it acts as it would without us.
        quiet.append(number)
        removers.pop(number)()
        task.cancel()

    if threading.current_thread() is not threading.main_thread():
        signals = ()  # Python gives them to the main thread alone
    removers = {number: _handle(loop, number, end) for number in signals}
    try:
        result = main if inspect.isawaitable(main) else main()
        return await result if inspect.isawaitable(result) else result
    finally:
        for remove in removers.values():
            remove()


def _handle(
    loop: asyncio.AbstractEventLoop, number: signal.Signals, callback: Callable[[signal.Signals], None]
) -> Callable[[], object]:
    """Have ``callback(number)`` called on the loop at that signal; returns what undoes it."""
    before = signal.getsignal(number)
    try:
        loop.add_signal_handler(number, callback, number)
    except NotImplementedError:  # loops on Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(callback, number))

    def undo() -> None:
        with contextlib.suppress(NotImplementedError):  # those loops have nothing to remove
            loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL if before is None else before)

    return undo


@contextlib.contextmanager
def _tuned_collector(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what exists at start-up stays, and need not be looked at by each full collection
    gc.set_threshold(*SERVER_GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
