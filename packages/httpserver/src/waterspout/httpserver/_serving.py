"""One process that serves until it is told to stop: the whole of a single server, and each worker of several."""

from __future__ import annotations

import asyncio
import gc
import inspect
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from waterspout.httpserver._drain import DrainResult
from waterspout.httpserver._server import HTTPServer
from waterspout.httpserver._settings import IDLE_GRACE, Order, Settings
from waterspout.ioloop import IOLoop
from waterspout.log import app_log, gen_log
from waterspout.util import ExplainedError

__all__ = ["Serving"]

#: Seconds after which a drain that was asked for by a signal says whom it still waits for.
PATIENCE: Final = 1.0

#: Collector thresholds for many connections: with Python's own, full collections walk millions of long-lived objects
#: again and again while clients connect.
GC_THRESHOLDS: Final = (100_000, 50, 100)


class Serving:
    """Runs the application of *settings* on *sockets*.

    `order` may be called from the loop at any time: the first one drains, a further one hurries it, and `Order.QUIT`
    after that does not wait for the application to end either. *on_ready* is
    called when the server accepts, *on_drain* when it begins to stop, *on_failure* with the error that explains why it
    cannot start (default: a line in the log). Exit status: 0, or 1 if it could not start.
    """

    def __init__(
        self,
        settings: Settings,
        sockets: Sequence[socket.socket],
        *,
        on_ready: Callable[[], object],
        on_drain: Callable[[Order], object],
        on_failure: Callable[[str], object] | None = None,
    ) -> None:
        self.settings = settings
        self.sockets = sockets
        self.on_ready = on_ready
        self.on_drain = on_drain
        self.on_failure = on_failure or say_failure
        self.ready = False
        self.result: DrainResult | None = None
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._task: asyncio.Task[Any] | None = None
        self._told_early = False
        self._drained = False

    def run(self, prepare: Callable[[asyncio.AbstractEventLoop], object]) -> int:
        """Serve on a new loop; *prepare* is called on it first (signal handlers, control). Returns the exit status."""

        async def main() -> int:
            prepare(asyncio.get_running_loop())
            self._task = asyncio.current_task()
            try:
                await self._serve()
            except asyncio.CancelledError:
                if not (self._told_early or self._drained):
                    raise
            except ExplainedError as error:
                if self.ready:
                    app_log.error("%s: %s", self._what_failed(), error)
                else:
                    self.on_failure(str(error))
                return 1
            except Exception:
                app_log.error("%s", self._what_failed(), exc_info=True)
                return 1
            return 0

        status: int = IOLoop.run(main, loop_factory=self.settings.loop_factory, signals=())
        return status

    def _what_failed(self) -> str:
        return "The application failed while the server stopped" if self.ready else "The server could not start"

    def order(self, order: Order) -> None:
        """Stop, in this manner."""
        if self._drained:
            if order is Order.QUIT and self._task is not None:
                gen_log.warning("Stopped before the application had ended")
                self._task.cancel()
        elif self.ready:
            self._orders.put_nowait(order)
        elif self._task is not None and not self._told_early:
            self._told_early = True
            self._task.cancel()  # it has not begun to serve: there is nobody to wait for

    async def _serve(self) -> None:
        settings = self.settings
        async with AsyncExitStack() as stack:
            app = await settings.make_application()
            if hasattr(type(app), "__aenter__"):  # it wants to be told when serving begins and ends
                await stack.enter_async_context(app)
            server = HTTPServer(app, **settings.options)
            await _call(settings.on_start, server)
            if settings.on_stop is not None:
                stack.push_async_callback(_call, settings.on_stop, server)
            server.add_sockets(self.sockets)
            if settings.tune_gc:
                _tune_collector(stack)
            self.ready = True
            self.on_ready()
            order = await self._orders.get()
            await self._drain(server, order)
            self._drained = True
            if order in (Order.TERMINATE, Order.INTERRUPT):
                asyncio.get_running_loop().call_later(PATIENCE, _tell_of_the_application)

    async def _drain(self, server: HTTPServer, order: Order) -> None:
        self.on_drain(order)
        drained = self._begin(server, order)
        patience = PATIENCE if order in (Order.TERMINATE, Order.INTERRUPT) else None
        while not drained.done():
            further = asyncio.ensure_future(self._orders.get())
            await asyncio.wait({drained, further}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if further.done():
                drained = self._begin(server, further.result())  # the same drain, hurried
            else:
                further.cancel()
                if not drained.done():
                    self._tell_who_is_waited_for(server)
            patience = None
        self.result = await drained
        if not self.result.clean:
            gen_log.warning("Stopped: %s", self.result)

    def _tell_who_is_waited_for(self, server: HTTPServer) -> None:
        """So that a server that waits does not look as if it hung."""
        under_way = sum(connection.request is not None for connection in server._connections)
        if under_way:
            gen_log.info(
                "Stopping: %d %s under way, waited for up to %g s; a second signal (Ctrl-C) cuts what is left",
                under_way,
                "request is" if under_way == 1 else "requests are",
                self.settings.drain_deadline,
            )

    def _begin(self, server: HTTPServer, order: Order) -> asyncio.Task[DrainResult]:
        deadline = 0.0 if order is Order.QUIT else self.settings.drain_deadline
        grace = IDLE_GRACE[order]
        shared = order is Order.RETIRE or self.settings.sockets_outlive
        return asyncio.ensure_future(
            server.drain(deadline, idle_grace=deadline if grace is None else grace, shared_sockets=shared)
        )


def _tell_of_the_application() -> None:
    gen_log.info("Stopping: the application has not ended yet; a further signal (Ctrl-C) does not wait for it")


def say_failure(why: str) -> None:
    """Why the server could not start, where that explains itself."""
    app_log.error("The server could not start: %s", why)


async def _call(hook: Callable[[HTTPServer], Any] | None, server: HTTPServer) -> None:
    if hook is not None:
        result = hook(server)
        if inspect.isawaitable(result):
            await result


def _tune_collector(stack: AsyncExitStack) -> None:
    """What exists when serving begins stays: no full collection need look at it; and those become rare."""
    stack.callback(gc.unfreeze)
    stack.callback(gc.set_threshold, *gc.get_threshold())
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def signals_to(
    loop: asyncio.AbstractEventLoop, order: Callable[[Order], object], first: dict[signal.Signals, Order]
) -> None:
    """Have each signal of *first* give its order, and any further one `Order.QUIT`."""
    told = False

    def arrived(number: signal.Signals) -> None:
        nonlocal told
        order(Order.QUIT if told else first[number])
        told = True

    for number in first:
        loop.add_signal_handler(number, arrived, number)
