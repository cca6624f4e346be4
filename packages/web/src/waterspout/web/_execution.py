"""How a handler is run: prepare -> method -> finish, in one place.

A handler whose methods return nothing is run straight through, in a context of its own and without a task. The first
awaitable that a method returns, which for ``async def`` is before its first line has run, is taken over by a task
that does the rest: `asyncio.current_task`, timeouts and cancellation work in it as anywhere. Where the Python has
eager tasks (3.12) the task's first step runs at once.

Methods are looked up at the time of the request, so that overriding and patching work. Those that do nothing are called
all the same: that takes less than finding out.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import CancelledError
from functools import partial
from typing import TYPE_CHECKING, Any

from waterspout.concurrent import BadYieldError, convert_yielded
from waterspout.iostream import StreamClosedError
from waterspout.web._errors import HTTPError
from waterspout.web._fetchmetadata import SAFE_METHODS
from waterspout.web._middleware import call_through

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler
    from waterspout.web._plan import CallPlan

__all__ = ["drive", "method_of", "run_all", "start", "start_in_task"]

_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}


def start(handler: RequestHandler, plan: CallPlan, args: Any, kwargs: Any) -> None:
    """Run *handler* as far as it goes without waiting; a task takes over where it waits.

    To be called in a context that is the request's own.
    """
    try:
        if args or kwargs:
            args, kwargs = plan.bind(handler, args, kwargs)
        method: Any = handler.get if plan.gets and handler.request.method == "GET" else plan.method(handler, plan)
        awaitable = handler.prepare()
        if awaitable is not None:
            return take_over(handler, prepared_then(handler, awaitable, method, args, kwargs))
        if handler._finished:
            return None
        awaitable = method(*args, **kwargs) if args or kwargs else method()
        if awaitable is not None:
            return take_over(handler, awaitable)
        if handler._auto_finish and not handler._finished:
            handler._finish_unasked()
    except Exception as error:
        handler._handle_request_exception(error)
    return None


def start_in_task(handler: RequestHandler, plan: CallPlan, args: Any, kwargs: Any) -> None:
    """`start` for what has to wait in any case, and for applications with middleware."""
    take_over(handler, run_all(handler, plan, args, kwargs))


def take_over(handler: RequestHandler, awaitable: Any) -> None:
    """Let a task wait for *awaitable*, and finish."""
    connection: Any = handler.request.connection
    if not handler._finished and hasattr(connection, "set_close_callback"):
        connection.set_close_callback(handler._connection_closed)
    coroutine = drive(handler, awaitable)
    # The stream knows its loop; asking asyncio for it costs a system call on Python 3.11 (getpid).
    stream: Any = getattr(connection, "stream", None)
    loop = asyncio.get_running_loop() if stream is None else stream.io_loop.asyncio_loop
    task = asyncio.Task(coroutine, loop=loop, name="request", **_EAGER)
    if not task.done():
        handler._task = task
        limit = handler.application.handler_timeout
        if limit is not None:
            handler._end_within(limit, task)


async def drive(handler: RequestHandler, awaitable: Any) -> None:
    """Wait for *awaitable*, all that is left to be done for the request, and finish; answer what it raises."""
    try:
        await (awaitable if hasattr(awaitable, "__await__") else _converted(handler, awaitable))
        if handler._headers_written and not handler._finished and handler._client_is_gone():
            handler._tell_client_left()  # who has begun a response hears of it while it can still be finished
        if handler._auto_finish and not handler._finished:
            handler._finish_unasked()
    except Exception as error:
        handler._handle_request_exception(error)
    except CancelledError as error:
        handler._handle_cancellation(error)
    finally:
        handler._task = None


async def prepared_then(handler: RequestHandler, awaitable: Any, method: Any, args: Any, kwargs: Any) -> None:
    """Wait for what ``prepare`` returned, then call *method* unless it has answered."""
    await _awaited(handler, awaitable, "prepare")
    if not handler._finished:
        result = method(*args, **kwargs)
        if result is not None:
            await _awaited(handler, result)


async def run_all(handler: RequestHandler, plan: CallPlan, args: Any, kwargs: Any) -> None:
    """All that is called for a request, whatever has to be waited for in between; what is raised passes through."""
    middleware = handler.application.middleware
    if middleware:
        await call_through(middleware, handler, partial(run_methods, handler, plan, args, kwargs))
    else:
        await run_methods(handler, plan, args, kwargs)


async def run_methods(handler: RequestHandler, plan: CallPlan, args: Any, kwargs: Any) -> None:
    """The user, where it is waited for, then ``prepare``, the body where it comes in pieces, and the method."""
    if args or kwargs:
        args, kwargs = plan.bind(handler, args, kwargs)
    method = plan.method(handler, plan)
    if plan.user:
        handler.current_user = None  # for error pages, should this raise
        handler.current_user = await handler.get_current_user()
    awaitable = handler.prepare()
    if awaitable is not None:
        await _awaited(handler, awaitable, "prepare")
    if handler._finished:
        return
    handler._body_wanted()
    if handler._body_complete is not None:
        try:
            await handler._body_complete
        except StreamClosedError:  # no body, no method: the client left, was refused, or has been answered
            handler._end_quietly()
            return
        if handler._finished:
            return
        limit, task = handler.application.handler_timeout, asyncio.current_task()
        if limit is not None and task is not None:
            handler._end_within(limit, task)
    result = method(*args, **kwargs)
    if result is not None:
        await _awaited(handler, result)


def _awaited(handler: RequestHandler, result: Any, called: str | None = None) -> Any:
    """What can be awaited: natively, or the Future of anything else that may be yielded."""
    return result if hasattr(result, "__await__") else _converted(handler, result, called)


def _converted(handler: RequestHandler, result: Any, called: str | None = None) -> Any:
    """The Future of a list or dictionary that *called* (the request's method, if None) has returned.

    Anything else was meant as the answer: `BadYieldError` says what to do instead.
    """
    try:
        return convert_yielded(result)
    except BadYieldError:
        from waterspout.web._mistakes import returned_value  # only when it has happened

        method = called or (handler.request.method or "").lower()
        raise BadYieldError(returned_value(handler, method, result)) from None


def method_of(handler: RequestHandler, plan: CallPlan) -> Any:
    """The bound method for the request's verb; refuses what the class does not support, and forged requests."""
    verb = handler.request.method
    name = plan.verbs.get(verb)
    if name is None:
        raise HTTPError(405)
    if verb not in SAFE_METHODS:
        handler._check_forgery()
    return getattr(handler, name)
