"""The lifespan protocol: an application is told when serving begins and ends (ASGI lifespan 2.0)."""

from __future__ import annotations

import asyncio
from typing import Any

from waterspout.log import app_log

__all__ = ["Lifespan", "LifespanFailed"]


class LifespanFailed(RuntimeError):
    """The application refused to start, or to stop in order; the message is its own."""

    __module__ = "waterspout.asgi"


class Lifespan:
    """Runs the application's lifespan in a task of its own. `state` is what it leaves for the requests."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._task: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answer: asyncio.Future[str | None] | None = None
        self._is_spoken = False
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Tell the application that serving begins; raises `LifespanFailed` if it cannot start.

        One that does not speak this protocol (it raises at once) is served without it; so is one that raises later,
        as ASGI has it, but that is logged as an error.
        """
        self._task = asyncio.get_running_loop().create_task(self._run())
        failure = await self._ask("lifespan.startup")
        if failure is not None:
            raise LifespanFailed(failure)

    async def shutdown(self) -> None:
        """Tell the application that serving has ended, and wait for its task."""
        if self._task is None or self._task.done():
            return
        failure = await self._ask("lifespan.shutdown")
        await self._task
        if failure is not None:
            raise LifespanFailed(failure)

    async def _ask(self, event: str) -> str | None:
        self._answer = asyncio.get_running_loop().create_future()
        self._events.put_nowait({"type": event})
        return await self._answer

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._receive, self._send)
        except Exception as error:
            if self._is_spoken:
                app_log.error("Exception in the lifespan of the ASGI application", exc_info=True)
            else:
                app_log.debug("the ASGI application has no lifespan: %r", error)
        finally:
            self._settle(None)

    async def _receive(self) -> dict[str, Any]:
        self._is_spoken = True
        return await self._events.get()

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        self._settle(str(message.get("message", "")) or kind if kind.endswith(".failed") else None)

    def _settle(self, failure: str | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(failure)
