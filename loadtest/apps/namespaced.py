"""The measured application, one source for every library that speaks Tornado's API.

``python namespaced.py --namespace waterspout --port 8000 --loop uvloop`` serves it with Waterspout,
``--namespace tornado`` serves the same lines with Tornado: the names are looked up below the namespace that is given.
The other files of this folder answer the same rows (:data:`ROWS` in ``bench.py``) with their own framework.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Beside this file, and found there however the file is run.
sys.path.insert(0, str(Path(__file__).resolve().parent))
from shared import ITEMS, PIECE, PIECES, TABLE, TEMPLATES, static_folder

LOOPS = ("asyncio", "uvloop", "own")
BIG = b"x" * (1 << 20)


def handlers(ns: str) -> list[tuple[str, Any]]:
    """The routes of the measured application, their handlers derived from ``ns + ".web".RequestHandler``."""
    web = importlib.import_module(ns + ".web")
    base: Any = web.RequestHandler

    class Hello(base):  # type: ignore[misc]
        def get(self) -> None:
            self.write(b"Hello, World!")

    class AsyncHello(base):  # type: ignore[misc]
        async def get(self) -> None:
            self.write(b"Hello, World!")

    class Json(base):  # type: ignore[misc]
        def get(self) -> None:
            self.write({"message": "Hello, World!", "items": ITEMS})

    class Route(base):  # type: ignore[misc]
        def get(self, identifier: str) -> None:
            self.write(identifier)

    class Form(base):  # type: ignore[misc]
        def post(self) -> None:
            self.write(f"{self.get_body_argument('name')} {self.get_body_argument('age')}")

    class Table(base):  # type: ignore[misc]
        def get(self) -> None:
            self.render("table.html", title="Page " + self.get_argument("page", "0"), rows=TABLE)

    class Upload(base):  # type: ignore[misc]
        def post(self) -> None:
            self.write(str(len(self.request.files["file"][0].body)))

    class Stream(base):  # type: ignore[misc]
        async def get(self) -> None:
            for _ in range(PIECES):
                self.write(PIECE)
                await self.flush()

    class Length(base):  # type: ignore[misc]
        def post(self) -> None:
            self.write(str(len(self.request.body)))

    class Big(base):  # type: ignore[misc]
        def get(self) -> None:
            self.write(BIG)

    waiters: list[asyncio.Future[bytes]] = []

    class Poll(base):  # type: ignore[misc]
        async def get(self) -> None:
            waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            waiters.append(waiter)
            self.write(await waiter)

    class Publish(base):  # type: ignore[misc]
        def post(self) -> None:
            released = len(waiters)
            for waiter in waiters:
                waiter.set_result(b"news")
            waiters.clear()
            self.write(str(released))

    routes: list[tuple[str, Any]] = [
        ("/", Hello),
        ("/async", AsyncHello),
        ("/json", Json),
        ("/form", Form),
        ("/table", Table),
        ("/upload", Upload),
        ("/stream", Stream),
        ("/length", Length),
        ("/big", Big),
        ("/poll", Poll),
        ("/publish", Publish),
    ]
    routes += [(f"/resource{number}/([0-9]+)", Route) for number in range(200)]
    return routes


def serve(ns: str, port: int, access_log: bool) -> int:
    """Start listening on 127.0.0.1 inside a running loop and return the port; ``port`` 0 takes a free one."""
    web = importlib.import_module(ns + ".web")
    httpserver = importlib.import_module(ns + ".httpserver")
    netutil = importlib.import_module(ns + ".netutil")
    settings: dict[str, Any] = {} if access_log else {"log_function": _no_access_log}
    settings |= {"template_path": str(TEMPLATES), "static_path": static_folder()}
    sockets = netutil.bind_sockets(port, "127.0.0.1", backlog=4096)
    httpserver.HTTPServer(web.Application(handlers(ns), **settings)).add_sockets(sockets)
    return int(sockets[0].getsockname()[1])


def _no_access_log(_handler: object) -> None:
    """Say nothing: given as ``log_function``, so that no server pays for a log that nobody reads."""


def loop_factory(ns: str, loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What ``asyncio.Runner`` is given for ``loop``, one of :data:`LOOPS` ("own" is the library's own loop)."""
    if loop == "uvloop":
        return importlib.import_module("uvloop").new_event_loop  # type: ignore[no-any-return]
    if loop == "own":
        return importlib.import_module(ns + ".ioloop").new_event_loop  # type: ignore[no-any-return]
    return None


async def _main(options: argparse.Namespace) -> None:
    port = serve(options.namespace, options.port, options.access_log)
    if not options.port:
        print(f"listening on {port}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--namespace", default="waterspout")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    parser.add_argument("--access-log", action="store_true", help="one line a request on stderr")
    options = parser.parse_args()
    # The measured library is installed; nothing but this folder may come before it on the path.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    logging.basicConfig(level=logging.INFO if options.access_log else logging.WARNING)
    with asyncio.Runner(loop_factory=loop_factory(options.namespace, options.loop)) as runner:
        runner.run(_main(options))


if __name__ == "__main__":
    main()
