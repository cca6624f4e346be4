"""The life of an application around a test: what `waterspout.httpserver.run` enters and leaves around its serving."""

from __future__ import annotations

import asyncio
from typing import Any

from waterspout.asynctest import get_async_test_timeout
from waterspout.ioloop import IOLoop
from waterspout.web import Application

__all__ = ["begin_life", "end_life", "has_life"]


def has_life(application: Any) -> bool:
    """Whether *application* wants to be told when serving begins and ends; most applications under test do not."""
    if isinstance(application, Application):
        return bool(application._lifespan)
    return hasattr(type(application), "__aenter__")


def begin_life(io_loop: IOLoop, application: Any) -> None:
    """Start *application* on *io_loop*, which runs until that is done.

    Raises what a startup hook or context raises, and TimeoutError after the seconds of `get_async_test_timeout`.
    """
    if not has_life(application):
        return
    seconds = get_async_test_timeout()

    async def begin() -> None:
        try:
            async with asyncio.timeout(seconds) as limit:
                await application.__aenter__()
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(
                    f"the application's lifespan had not started after {seconds:g} seconds; what it waits for may be"
                    " in the log above (ASYNC_TEST_TIMEOUT=SECONDS gives it longer)"
                ) from None
            raise

    io_loop.run_sync(begin)


def end_life(io_loop: IOLoop, application: Any) -> None:
    """End *application* on *io_loop*: background tasks, shutdown hooks, contexts. Raises what a context raises."""
    if has_life(application):
        io_loop.run_sync(lambda: application.__aexit__(None, None, None))
