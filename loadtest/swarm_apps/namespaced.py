"""The swarm's server on Waterspout or Tornado, one source: ``python namespaced.py --port 8000 --namespace tornado``.

``--loop run``: served by ``waterspout.httpserver.run``, as shipped.

``GET /poll`` waits for the next message, ``POST /publish`` (body: a number) gives it to all who wait, ``GET /stat``
says how many wait, ``GET /hello`` answers at once, ``GET /large`` with 1 MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
from typing import Any

LARGE = b"x" * 1_048_576


def application(ns: str) -> Any:
    web = importlib.import_module(ns + ".web")
    waiting: set[asyncio.Future[bytes]] = set()

    class Poll(web.RequestHandler):  # type: ignore[misc]
        waiter: asyncio.Future[bytes] | None = None

        async def get(self) -> None:
            self.waiter = asyncio.get_running_loop().create_future()
            waiting.add(self.waiter)
            message = await self.waiter
            if message:
                self.write(message)

        def on_connection_close(self) -> None:
            if self.waiter is not None and not self.waiter.done():
                waiting.discard(self.waiter)
                self.waiter.set_result(b"")

    class Publish(web.RequestHandler):  # type: ignore[misc]
        def post(self) -> None:
            message = self.request.body
            woken = [waiter for waiter in waiting if not waiter.done()]
            waiting.clear()
            for waiter in woken:
                waiter.set_result(message)
            self.write(str(len(woken)))

    class Stat(web.RequestHandler):  # type: ignore[misc]
        def get(self) -> None:
            self.write(str(len(waiting)))

    class Hello(web.RequestHandler):  # type: ignore[misc]
        def get(self) -> None:
            self.write(b"hello")

    class Large(web.RequestHandler):  # type: ignore[misc]
        def get(self) -> None:
            self.write(LARGE)

    routes = [("/poll", Poll), ("/publish", Publish), ("/stat", Stat), ("/hello", Hello), ("/large", Large)]
    return web.Application(routes, log_function=lambda _handler: None)


async def serve(ns: str, port: int, backlog: dict[str, int]) -> None:
    sockets = importlib.import_module(ns + ".netutil").bind_sockets(port, "127.0.0.1", **backlog)
    server = importlib.import_module(ns + ".httpserver").HTTPServer(application(ns))
    server.add_sockets(sockets)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--namespace", default="waterspout")
    parser.add_argument("--loop", choices=("asyncio", "uvloop", "own", "run"), default="asyncio")
    parser.add_argument("--backlog", type=int, help="without: as the namespace listens by itself")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    if options.loop == "run":
        httpserver = importlib.import_module(options.namespace + ".httpserver")
        httpserver.run(application(options.namespace), options.port, "127.0.0.1")
        return
    factory = {
        "asyncio": lambda: None,
        "uvloop": lambda: importlib.import_module("uvloop").new_event_loop,
        "own": lambda: importlib.import_module("waterspout.ioloop").new_event_loop,
    }[options.loop]()
    with asyncio.Runner(loop_factory=factory) as runner:
        backlog = {} if options.backlog is None else {"backlog": options.backlog}
        runner.run(serve(options.namespace, options.port, backlog))


if __name__ == "__main__":
    main()
