"""`gen_test`: tests that are coroutines."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, overload

from waterspout.asynctest._timeout import get_async_test_timeout
from waterspout.gen import coroutine
from waterspout.ioloop import IOLoop

TestFunction = Callable[..., Any]


@overload
def gen_test(*, timeout: float | None = None) -> Callable[[TestFunction], Callable[..., None]]: ...


@overload
def gen_test(func: TestFunction) -> Callable[..., None]: ...


def gen_test(
    func: TestFunction | None = None, timeout: float | None = None
) -> Callable[..., None] | Callable[[TestFunction], Callable[..., None]]:
    """Run a test that is an ``async def`` or a generator on its loop, to its end.

    For methods of `AsyncTestCase` (the loop is ``self.io_loop``) and for functions with an argument ``io_loop``, the
    fixture of our pytest plugin. After ``timeout`` seconds (default: as `get_async_test_timeout` says) the test fails
    with TimeoutError, whose cause shows where it was waiting. ``@gen_test`` and ``@gen_test(timeout=10)`` both work.
    """
    if timeout is None:
        timeout = get_async_test_timeout()

    def decorate(test: TestFunction) -> Callable[..., None]:
        @functools.wraps(test)
        def run_test(*args: Any, **kwargs: Any) -> Any:
            io_loop: IOLoop = kwargs["io_loop"] if "io_loop" in kwargs else args[0].io_loop
            return run_on_loop(io_loop, functools.partial(test, *args, **kwargs), timeout)

        return run_test

    return decorate if func is None else decorate(func)


gen_test.__module__ = "waterspout.asynctest"


def run_on_loop(io_loop: IOLoop, test: Callable[[], Any], timeout: float | None) -> Any:
    """``test()``'s result, or what its awaitable or generator comes to; TimeoutError after ``timeout`` seconds."""
    interrupted: list[asyncio.CancelledError] = []
    generators: list[Generator[Any, Any, Any]] = []

    async def watched(awaitable: Any) -> Any:
        try:
            return await awaitable
        except asyncio.CancelledError as error:
            interrupted.append(error)
            raise

    # What is not awaitable goes back to the caller, who complains: a test must not return anything.
    plain: list[Any] = []

    def start() -> Any:
        result = test()
        if isinstance(result, Generator):
            generators.append(result)
            result = coroutine(lambda: generators[0])()
        if inspect.isawaitable(result):
            return watched(result)
        plain.append(result)
        return None

    try:
        result = io_loop.run_sync(start, timeout=timeout)
    except TimeoutError as error:
        for generator in generators:
            generator.throw(error)  # the traceback shows the yield where it was waiting, and its clean-up runs
        if interrupted and error.__cause__ is None:
            raise error from interrupted[0]
        raise
    return plain[0] if plain else result
