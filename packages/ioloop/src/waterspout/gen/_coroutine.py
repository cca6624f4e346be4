"""The `coroutine` decorator: generators as asynchronous functions."""

from __future__ import annotations

import asyncio
import functools
from asyncio import Future
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from inspect import CO_VARARGS, CO_VARKEYWORDS, isgeneratorfunction
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, overload

from waterspout.concurrent._lazy import BlankReadyFuture, DoneFuture, ReadyFuture
from waterspout.gen._return import Return
from waterspout.gen._runner import CoroutineFuture, Runner

_T = TypeVar("_T")
_P = ParamSpec("_P")

# Code that looks for Tornado's coroutines looks for this attribute.
_MARK = "__tornado_coroutine__"

_ENDED = object()
#: Where there is no first argument.
_ABSENT: Any = object()

#: What the future keeps; all else ends the program.
_KEPT = (Exception, asyncio.CancelledError)


@overload
def coroutine(func: Callable[_P, Generator[Any, Any, _T]]) -> Callable[_P, Future[_T]]: ...


@overload
def coroutine(func: Callable[_P, _T]) -> Callable[_P, Future[_T]]: ...


def coroutine(func: Callable[..., Any]) -> Callable[..., Future[Any]]:
    """Make a generator function asynchronous: calls return a Future, `yield` waits.

    The function starts at once, in the call, and in a context of its own: context variables that it
    sets are kept over each `yield` and not seen by the caller. What it yields may be anything that
    `convert_yielded` knows. It returns by `return value`, or by raising `Return(value)`.

    An exception is kept in the Future and raised where that is awaited. If the function raises
    asyncio.CancelledError, or yields a future that is cancelled and lets the exception pass, the
    returned Future is cancelled. Cancelling the returned Future does not stop the function. A
    function that returns something else than a generator is done with that.

    Use it where code shared with old Pythons or Tornado's API asks for it; `async def` is faster.
    """

    wrap = _wrap_generator_function if isgeneratorfunction(func) else _wrap_other_function
    call = functools.update_wrapper(wrap(func), func)
    setattr(call, _MARK, True)
    return call


# The two ways below are one, but for what each may leave out: a coroutine that never waits should
# cost little more than its function. To pack arguments and unpack them again costs as much as the
# call itself; most have none, or one: methods.


def _wrap_generator_function(func: Callable[..., Any]) -> Callable[..., Future[Any]]:
    def call(first: Any = _ABSENT, /, *rest: Any, **named: Any) -> Future[Any]:
        context = copy_context()
        ready: ReadyFuture[Any] = BlankReadyFuture()
        try:
            if first is _ABSENT:
                generator = func(**named) if named else func()
            else:
                generator = func(first, *rest, **named) if rest or named else func(first)
            generator = _keep_value(generator, ready)
            yielded = context.run(next, generator, _ENDED)
        except Return as end:
            return ReadyFuture(end.value)
        except asyncio.CancelledError as cancelled:
            return _cancelled(cancelled)
        except Exception as error:
            return _failed(error)
        if yielded is _ENDED:
            return ready
        future: Future[Any] = CoroutineFuture()
        run = context.run
        run(Runner, run, generator, future, yielded)
        try:
            return future
        finally:
            # An exception that came at once leads to this frame (see _runner), and each of these to
            # the exception, if it was raised here or passed on from what was yielded.
            del future, yielded

    return call


def _wrap_other_function(func: Callable[..., Any]) -> Callable[..., Future[Any]]:
    plain: type | None = None  # the last type of result that turned out to be no generator's

    def take(context: Context, result: Any) -> Future[Any]:
        """What `func` returned, if it was not of that type."""
        nonlocal plain
        if isinstance(result, Generator):
            going_on: Future[Any] = context.run(_drive_generator, result)
            return going_on
        plain = type(result)
        return ReadyFuture(result)

    def end(context: Context, error: BaseException) -> Future[Any]:
        """What `func` raised."""
        if isinstance(error, (StopIteration, Return)):
            return take(context, error.value)
        return _cancelled(error) if isinstance(error, asyncio.CancelledError) else _failed(error)

    def call(first: Any = _ABSENT, /, *rest: Any, **named: Any) -> Future[Any]:
        context = copy_context()
        try:
            if first is not _ABSENT:
                result = context.run(func, first, *rest, **named) if rest or named else context.run(func, first)
            else:
                result = context.run(func, **named) if named else context.run(func)
            if result is None:
                return DoneFuture()
            if type(result) is not plain:
                return take(context, result)
            ready: ReadyFuture[Any] = BlankReadyFuture()
            ready._value = result
            return ready
        except _KEPT as error:
            return end(context, error)

    # The same for what takes nothing. A dictionary of names, made for each call, is a tenth of it; here a name is
    # refused at once, by Python, in the words that the function itself would have for it.
    def call_bare(*unfit: Any) -> Future[Any]:
        context = copy_context()
        try:
            result = context.run(func, *unfit) if unfit else context.run(func)
            if result is None:
                return DoneFuture()
            if type(result) is not plain:
                return take(context, result)
            ready: ReadyFuture[Any] = BlankReadyFuture()
            ready._value = result
            return ready
        except _KEPT as error:
            return end(context, error)

    return call_bare if _takes_nothing(func) else call


def _takes_nothing(func: Callable[..., Any]) -> bool:
    """Whether it has no parameters at all, so that neither values nor names can be given."""
    if not isinstance(func, FunctionType):
        return False
    code = func.__code__
    return not (code.co_argcount or code.co_kwonlyargcount or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS))


def _keep_value(generator: Generator[Any, Any, _T], ready: ReadyFuture[_T]) -> Generator[Any, Any, _T]:
    """`generator`, but what it returns is the result of `ready` as well.

    `next(generator, default)` does not make a StopIteration where a generator ends, which is most
    of the cost of one that never yields; but it drops the value.
    """
    ready._value = value = yield from generator
    return value


# For functions that return a generator that somebody else has made.
_drive_generator = _wrap_generator_function(lambda generator: generator)


def _failed(error: BaseException) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _cancelled(cancelled: asyncio.CancelledError) -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel(*cancelled.args[:1])
    return future


def is_coroutine_function(func: Any) -> bool:
    """Whether `func` was made by `coroutine`; it says nothing of `async def` functions."""
    return getattr(func, _MARK, False)
