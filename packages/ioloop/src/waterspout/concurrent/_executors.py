"""Running synchronous methods on executors, and an executor that runs them at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent import futures
from typing import Any, ParamSpec, TypeVar

from waterspout.concurrent._futures import Future, chain_future

_T = TypeVar("_T")
_P = ParamSpec("_P")


class DummyExecutor(futures.Executor):
    """An executor without threads: `submit` runs the function before it returns.

    For tests, and where an executor is asked for and blocking is fine.
    """

    __module__ = "waterspout.concurrent"

    def submit(  # type: ignore[override]  # typeshed says that fn is positional only; executors take the keyword
        self, fn: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> futures.Future[_T]:
        """Run ``fn(*args, **kwargs)``; returns a finished future with its result or exception."""
        future: futures.Future[_T] = futures.Future()
        try:
            result = fn(*args, **kwargs)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        """Do nothing: everything submitted has run already, and more may still be submitted."""


dummy_executor: DummyExecutor = DummyExecutor()


def run_on_executor(*args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Decorate a synchronous method so that calls run it on an executor and return a Future.

    The executor is the attribute `executor` of the object; another attribute is named by a keyword:

        @run_on_executor(executor="_thread_pool")
        def compress(self, data): ...

    The Future belongs to the loop of the calling thread. Where the caller knows that the method
    blocks, `IOLoop.run_in_executor` at the place of the call says so more plainly.

    Raises ValueError if both a function and keywords are given, TypeError for unknown keywords.
    """
    if args and kwargs:
        raise ValueError("cannot combine positional and keyword args")
    attribute = kwargs.pop("executor", "executor")
    if kwargs:
        raise TypeError(f"run_on_executor has no argument {', '.join(kwargs)}")
    if len(args) > 1:
        raise ValueError(f"expected 1 argument, got {len(args)}")

    def decorate(method: Callable[..., _T]) -> Callable[..., Future[_T]]:
        @functools.wraps(method)
        def submit(self: Any, *args: Any, **kwargs: Any) -> Future[_T]:
            future: Future[_T] = Future()
            chain_future(getattr(self, attribute).submit(method, self, *args, **kwargs), future)
            return future

        return submit

    return decorate(args[0]) if args else decorate
