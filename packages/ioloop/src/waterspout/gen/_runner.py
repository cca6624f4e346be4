"""Runner: drives the generator of a coroutine that has to wait.

A coroutine that ends without yielding never gets one. The runner resumes the generator in a loop as
long as what it yields is done already, so that a chain of finished futures costs no turns of the
loop; else it lets itself be called when the future is done.

No reference cycle may survive the coroutine, since cycles wait for the collector. An exception
holds its traceback, that holds the frames it passed, and those hold their callers' frames, all with
their variables: here no variable of such a frame may still lead to the future that holds the
exception. That is why `run` clears what it is done with and `_wake` its argument.
"""

from __future__ import annotations

import asyncio
import os
from asyncio import Future
from collections.abc import Callable, Generator
from contextvars import Context
from types import TracebackType
from typing import Any, TypeVar

from waterspout.concurrent import (
    as_loop_future,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
    moment,
)
from waterspout.concurrent._lazy import LazyFuture
from waterspout.gen._return import Return
from waterspout.ioloop import IOLoop

_T = TypeVar("_T")

_WATERSPOUT = os.path.dirname(os.path.dirname(__file__)) + os.sep


class CoroutineFuture(LazyFuture[_T]):
    """What a coroutine that had to wait returns; it keeps the runner alive as long as it is pending.

    Whatever the coroutine waits for may be held by nothing but the runner itself.
    """

    __slots__ = ("_runner",)

    def __init__(self) -> None:
        super().__init__()
        self._runner: Runner | None = None
        loop = asyncio._get_running_loop()
        if loop is None and (io_loop := IOLoop.current(instance=False)) is not None:
            loop = io_loop.asyncio_loop
        if loop is not None and loop.get_debug():
            self._note_caller()

    def _note_caller(self) -> None:
        """Remember where the coroutine was called, as asyncio's debug mode does for every future."""
        self._become_real()
        future: Any = self
        stack = future._source_traceback
        while stack and stack[-1].filename.startswith(_WATERSPOUT):
            stack.pop()


class Runner:
    """The state of a running `coroutine`: its generator and what it waits for.

    `result_future` gets what the generator returns or raises. `ctx_run` is the `run` method of the
    coroutine's context; the object must be made inside of that context, and all else happens there,
    too: what is yielded is started in it.
    """

    __module__ = "waterspout.gen"
    __slots__ = ("__weakref__", "_context", "ctx_run", "finished", "future", "gen", "result_future", "running")

    ctx_run: Callable[..., Any]
    gen: Generator[Any, Any, Any]
    running: bool
    finished: bool

    def __init__(
        self,
        ctx_run: Callable[..., Any],
        gen: Generator[Any, Any, _T],
        result_future: Future[_T],
        first_yielded: Any,
    ) -> None:
        """Go on with `gen`, which has just yielded `first_yielded`."""
        self.ctx_run = ctx_run
        # Callbacks run in this very context, not in a copy: tokens of context variables stay valid.
        context = getattr(ctx_run, "__self__", None)
        self._context = context if isinstance(context, Context) else None
        self.gen = gen
        self.result_future: Any = result_future
        self.future: Any = None
        self.running = False
        self.finished = False
        if type(result_future) is CoroutineFuture:
            result_future._runner = self
        goes_on = self.handle_yield(first_yielded)
        del gen, result_future, first_yielded
        if goes_on:
            self.run()

    @property
    def io_loop(self) -> IOLoop:
        """The loop that the coroutine runs on."""
        return IOLoop.current()

    def run(self) -> None:
        """Resume the generator until it ends or yields something that is not done.

        Does nothing if it is running or has ended, or if what it waits for is not done. It must be
        called in the context of the coroutine.
        """
        if self.running or self.finished or self.future is None:
            return
        self.running = True
        generator = self.gen
        try:
            while self.future.done():
                awaited, self.future = self.future, None
                failure: BaseException | None = None
                value = None
                try:
                    value = awaited.result()
                except BaseException as error:
                    failure = error
                awaited = None
                # Outside of the handler above: the generator must not see its exception as current.
                if failure is None:
                    yielded = generator.send(value)
                else:
                    try:
                        yielded = generator.throw(failure)
                    finally:
                        failure = None
                if not self.handle_yield(yielded):
                    break
        except (StopIteration, Return) as end:
            future_set_result_unless_cancelled(self._finish(), end.value)
        except asyncio.CancelledError as cancelled:
            self._finish().cancel(*cancelled.args[:1])
        except Exception as error:
            future_set_exception_unless_cancelled(self._finish(), error)
        except BaseException as error:
            # It ends the program or the loop; whoever waits must not wait for ever.
            future_set_exception_unless_cancelled(self._finish(), error)
            raise
        finally:
            self.running = False
            yielded = value = None

    def _finish(self) -> Any:
        """End; returns the future to complete, which this object must not lead to from now on."""
        result_future = self.result_future
        self.finished = True
        self.result_future = self.future = None
        if type(result_future) is CoroutineFuture:
            result_future._runner = None
        return result_future

    def handle_yield(self, yielded: Any) -> bool:
        """Wait for `yielded`; returns whether it is done, so that the generator can go on at once.

        If it cannot be waited for, BadYieldError is what the generator gets.
        """
        if not isinstance(yielded, Future):
            try:
                yielded = as_loop_future(yielded)
            except Exception as error:
                self.future = Future()
                self.future.set_exception(error)
                return True
            if yielded is moment:
                self.future = moment
                self.io_loop.asyncio_loop.call_soon(self.run, context=self._context)
                return False
        self.future = yielded
        if yielded.done():
            return True
        yielded.add_done_callback(self._wake, context=self._context)
        return False

    def _wake(self, future: Any) -> None:
        del future
        self.run()

    def handle_exception(self, typ: type[Exception], value: Exception, tb: TracebackType) -> bool:
        """Have the generator get `value` at its yield, if it is waiting there; returns whether it was."""
        if self.running or self.finished:
            return False
        self.future = Future()
        self.future.set_exception(value)
        self.ctx_run(self.run)
        return True
