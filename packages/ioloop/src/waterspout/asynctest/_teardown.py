"""The end of a test's loop."""

from __future__ import annotations

import asyncio

from waterspout.ioloop import IOLoop


def finish_loop(io_loop: IOLoop) -> None:
    """Cancel what still runs on ``io_loop`` and wait for its clean-up, then close the loop and all its files."""
    loop = io_loop.asyncio_loop
    if not loop.is_closed():
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            # As the current loop: what cleans up may ask for it. Errors of tasks are logged by asyncio if nobody asks.
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        io_loop.close(all_fds=True)
