"""The life of an application: it listens, starts, works in the background, and ends."""

from __future__ import annotations

import socket
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import IOLoop
from waterspout.log import app_log
from waterspout.util import ExplainedError

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Coroutine
    from typing import Self

    from waterspout.web._background import BackgroundTasks
    from waterspout.web._lifespan import Lifespan

__all__ = ["ApplicationLife"]


class ApplicationLife:
    """A part of `Application`; see there."""

    compat: str | None
    _context: Context | None
    _lifespan: Lifespan
    _tasks: BackgroundTasks

    def listen(
        self,
        port: int,
        address: str | None = None,
        *,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = 4096,
        flags: int | None = None,
        reuse_port: bool = False,
        **kwargs: Any,
    ) -> HTTPServer:
        """Start an `HTTPServer` for this application on *port* (0: any free one) and return it.

        *kwargs* are `HTTPServer`'s. The loop must be run by the caller. Raises `OSError` that names the port if it
        is in use.
        """
        kwargs.setdefault("compat", self.compat)
        self._context = copy_context()
        server = HTTPServer(self, **kwargs)
        options: Any = {"family": family, "backlog": backlog, "flags": flags, "reuse_port": reuse_port}
        if self._lifespan:
            server.bind(port, address=address, **options)  # clients that come now wait
            loop = IOLoop.current().asyncio_loop
            self._tasks.hold(loop.create_task(self._start_server(server), name=f"start of the server on port {port}"))
        else:
            server.listen(port, address=address, **options)
        return server

    async def _start_server(self, server: HTTPServer) -> None:
        try:
            await self.startup()
        except Exception as error:
            if isinstance(error, ExplainedError):
                app_log.critical("The application cannot start: %s", error)
            else:
                app_log.critical("The application cannot start: a startup hook has failed", exc_info=True)
            server.stop()
            raise SystemExit(1) from None
        server.start()

    async def startup(self) -> None:
        """Enter the contexts of the setting ``lifespan`` and call the functions of ``on_startup``, in order.

        Each is given the application. `listen` does it before the server accepts, unless it is done already; raises
        what one of them raises. Once only.
        """
        await self._lifespan.startup()

    async def shutdown(self) -> None:
        """The reverse: let background tasks end, call the functions of ``on_shutdown``, leave the contexts.

        Tasks have ``shutdown_grace`` seconds (10), then they are cancelled. Stop the server first. Also done when
        `asyncio.run` ends.
        """
        await self._lifespan.shutdown()

    async def __aenter__(self) -> Self:
        await self.startup()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.shutdown()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str | None = None) -> Task[Any]:
        """Run *coroutine* in the background: its task is held until it is done, logged if it raises, and waited for
        by `shutdown`.
        """
        return self._tasks.spawn(coroutine, name)
