"""The lifespan of an application under an ASGI server (ASGI lifespan 2.0)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from waterspout.log import app_log
from waterspout.util import ExplainedError

if TYPE_CHECKING:
    from waterspout.web._application import Application

__all__ = ["run_lifespan"]


async def run_lifespan(
    application: Application,
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Start and stop *application* as the server says; it hears of what a hook raises."""
    while True:
        kind = (await receive())["type"]
        try:
            await (application.startup() if kind == "lifespan.startup" else application.shutdown())
        except Exception as error:
            if isinstance(error, ExplainedError):
                message = str(error)  # the server logs it
            else:
                message = f"{type(error).__name__}: {error}"
                app_log.error("The application failed at %s", kind, exc_info=True)
            await send({"type": kind + ".failed", "message": message})
            return
        await send({"type": kind + ".complete"})
        if kind == "lifespan.shutdown":
            return
