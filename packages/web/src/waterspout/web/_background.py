"""Tasks that go on after the response, and end before the application does."""

from __future__ import annotations

import asyncio
from asyncio import Task
from collections.abc import Coroutine
from typing import Any

from waterspout.log import app_log

__all__ = ["BackgroundTasks"]


class BackgroundTasks:
    """The tasks of one application. Each is held until it is done; what one raises is logged."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str | None = None) -> Task[Any]:
        """Run *coroutine* in a task of its own, called *name*, on the running loop."""
        return self.hold(asyncio.get_running_loop().create_task(coroutine, name=name))

    def hold(self, task: Task[Any]) -> Task[Any]:
        """The same for a task that is there already."""
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        # SystemExit and KeyboardInterrupt, which are no Exceptions, have ended the loop already.
        if isinstance(error, Exception):
            app_log.error("Uncaught exception in the background task %s", task.get_name(), exc_info=error)

    async def drain(self, grace: float) -> None:
        """Wait up to *grace* seconds for all tasks, also for those that they start; then cancel and name the rest."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        while self._tasks and (left := deadline - loop.time()) > 0:
            await asyncio.wait(self._others(), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if rest := self._others():
            names = ", ".join(sorted(task.get_name() for task in rest)[:10])
            app_log.warning(
                "%d background tasks did not end within %g s and are cancelled: %s", len(rest), grace, names
            )
            for task in rest:
                task.cancel()
            await asyncio.wait(rest)

    def _others(self) -> set[Task[Any]]:
        return self._tasks - {asyncio.current_task()}
