"""What an application does before its first request and after its last.

One task enters and leaves everything, because what asks for it (cancel scopes, task groups) must be left by the task
that entered it. It is cancelled like others where `asyncio.run` ends, so the end is not missed then.
"""

from __future__ import annotations

import asyncio
import inspect
from asyncio import Future, Task
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from waterspout.log import app_log
from waterspout.web._background import BackgroundTasks

__all__ = ["Lifespan", "lifespan_of"]

Hook = Callable[[Any], Any]
Manager = Callable[[Any], AbstractAsyncContextManager[Any]]

#: Seconds that background tasks have to end at shutdown, where the setting ``shutdown_grace`` does not say.
GRACE = 10.0


class Lifespan:
    """Runs the hooks of *owner*, which is given to each: contexts around startup hooks and shutdown hooks."""

    def __init__(
        self,
        owner: Any,
        tasks: BackgroundTasks,
        *,
        contexts: Sequence[Manager] = (),
        on_startup: Sequence[Hook] = (),
        on_shutdown: Sequence[Hook] = (),
        grace: float = GRACE,
    ) -> None:
        self._owner = owner
        self._tasks = tasks
        self._contexts = contexts
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown
        self._grace = grace
        self._task: Task[None] | None = None
        self._started: Future[None] | None = None
        self._stop: Future[None] | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to be done before the first request."""
        return bool(self._contexts or self._on_startup or self._on_shutdown)

    async def startup(self) -> None:
        """Enter the contexts and call the startup hooks, in order; raises what one of them raises. Once only."""
        if self._started is None:
            loop = asyncio.get_running_loop()
            self._started, self._stop = loop.create_future(), loop.create_future()
            self._task = loop.create_task(self._live(self._started, self._stop), name="lifespan")
        await asyncio.shield(self._started)

    async def shutdown(self) -> None:
        """Let background tasks end, call the shutdown hooks, leave the contexts in reverse order.

        Raises what a context raises when it is left. May be called without `startup`, and twice.
        """
        task, stop = self._task, self._stop
        if task is None or stop is None:
            await self._tasks.drain(self._grace)
            return
        if not stop.done():
            stop.set_result(None)
        try:
            await asyncio.shield(task)
        finally:
            if task.done():
                self._task = self._started = self._stop = None

    async def _live(self, started: Future[None], stop: Future[None]) -> None:
        cancelled: asyncio.CancelledError | None = None
        try:
            async with AsyncExitStack() as stack:
                for manager in self._contexts:
                    await stack.enter_async_context(manager(self._owner))
                for hook in self._on_startup:
                    await _called(hook, self._owner)
                started.set_result(None)
                try:
                    await stop
                except asyncio.CancelledError as error:  # asyncio.run ends: everything is left as at any other end
                    cancelled = error
                await self._tasks.drain(self._grace)
                await self._call_shutdown_hooks()
        except BaseException as error:
            if started.done():
                raise
            self._task = self._started = self._stop = None  # it may be tried again
            if isinstance(error, Exception):
                started.set_exception(error)
            else:
                started.cancel()
                raise
        if cancelled is not None:
            raise cancelled

    async def _call_shutdown_hooks(self) -> None:
        for hook in self._on_shutdown:
            try:
                await _called(hook, self._owner)
            except Exception:
                app_log.error("Exception in the shutdown hook %r", hook, exc_info=True)


async def _called(hook: Hook, owner: Any) -> None:
    result = hook(owner)
    if result is not None and inspect.isawaitable(result):
        await result


def lifespan_of(owner: Any, settings: dict[str, Any], tasks: BackgroundTasks) -> Lifespan:
    """The settings ``lifespan``, ``on_startup``, ``on_shutdown`` (one function each, or several) and
    ``shutdown_grace``. Raises TypeError for what cannot be called.
    """
    contexts, startup, shutdown = (
        _functions(name, settings.get(name)) for name in ("lifespan", "on_startup", "on_shutdown")
    )
    grace = settings.get("shutdown_grace", GRACE)
    return Lifespan(owner, tasks, contexts=contexts, on_startup=startup, on_shutdown=shutdown, grace=grace)


def _functions(name: str, value: Any) -> Sequence[Callable[[Any], Any]]:
    if value is None:
        return ()
    functions = list(value) if isinstance(value, Iterable) else [value]
    for function in functions:
        if not callable(function):
            raise TypeError(f"the setting {name} takes functions of the application, not {function!r}")
    return functions
