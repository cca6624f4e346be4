"""What the scenarios' servers share: a free port that is told, and an end at SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application


async def _serve(make: Callable[[], Application], beside: AbstractAsyncContextManager[object]) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    # A storm of connections at the start must find room in the backlog.
    sockets = bind_sockets(0, "127.0.0.1", backlog=4096)
    async with beside:
        server = HTTPServer(make())
        server.add_sockets(sockets)
        print(f"listening on {sockets[0].getsockname()[1]}", flush=True)
        await stopped.wait()
        await server.drain(deadline=5)


def serve(make: Callable[[], Application], beside: AbstractAsyncContextManager[object] | None = None) -> None:
    """Serve what ``make`` makes on a free port, and write ``listening on PORT``, until SIGTERM."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(make, beside or nullcontext()))
