"""One call for all who want its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class SharedCall:
    """Calls ``function`` when asked; who asks while a call is under way gets the outcome of that one."""

    __slots__ = ("_function", "_running")

    def __init__(self, function: Callable[[], Awaitable[None]]) -> None:
        self._function = function
        self._running: asyncio.Future[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a call is under way."""
        running = self._running
        # A call that a closed loop has left behind is nobody's any more.
        return running is not None and not running.done() and running.get_loop() is asyncio.get_running_loop()

    async def __call__(self) -> None:
        running = self._running
        if running is None or not self.is_running:
            running = self._running = asyncio.ensure_future(self._function())
            running.add_done_callback(_seen)
        # Who gives up waiting must not take the others' call along.
        await asyncio.shield(running)


def _seen(done: asyncio.Future[None]) -> None:
    if not done.cancelled():
        done.exception()  # raised to whoever waits; if nobody does any more, it is nobody's
