"""The server under load in the Locust run: numbered messages, delivered by long polling.

``GET /updates?after=N`` answers at once with the messages that follow number N, or waits for the next one. ``POST
/publish`` adds a message. ``GET /stat`` tells how many polls are waiting, how many messages there are, and how many
have been delivered.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import signal
from typing import Any


class Feed:
    """The messages, in the order of their numbers, which start at 1, and the polls that wait for the next one."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.waiters: set[asyncio.Future[None]] = set()
        self.delivered = 0

    def add(self, message: dict[str, Any]) -> int:
        number = len(self.messages) + 1
        self.messages.append({**message, "number": number})
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()
        return number

    def after(self, number: int) -> list[dict[str, Any]]:
        return self.messages[number:]

    def wait(self) -> asyncio.Future[None]:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters.add(waiter)
        return waiter

    def leave(self, waiter: asyncio.Future[None]) -> None:
        """The poll is gone: nobody waits for its answer, and nothing is raised in it."""
        self.waiters.discard(waiter)
        if not waiter.done():
            waiter.set_result(None)


def application(ns: str, feed: Feed) -> Any:
    """The application, built on the ``web`` package of the namespace ``ns``."""
    web = importlib.import_module(ns + ".web")
    base: Any = web.RequestHandler

    class Updates(base):  # type: ignore[misc]
        waiter: asyncio.Future[None] | None = None
        gone = False

        async def get(self) -> None:
            after = int(self.get_argument("after"))
            messages = feed.after(after)
            if not messages:
                self.waiter = feed.wait()
                await self.waiter
                if self.gone:
                    return
                messages = feed.after(after)
            feed.delivered += len(messages)
            self.write({"messages": messages})

        def on_connection_close(self) -> None:
            self.gone = True
            if self.waiter is not None:
                feed.leave(self.waiter)

    class Publish(base):  # type: ignore[misc]
        def post(self) -> None:
            last = self.get_argument("last", "") == "yes"
            self.write({"number": feed.add({"at": float(self.get_argument("at")), "last": last})})

    class Stat(base):  # type: ignore[misc]
        def get(self) -> None:
            self.write({"waiting": len(feed.waiters), "messages": len(feed.messages), "delivered": feed.delivered})

    return web.Application(
        [("/updates", Updates), ("/publish", Publish), ("/stat", Stat)], log_function=lambda _handler: None
    )


async def main(options: argparse.Namespace) -> None:
    netutil = importlib.import_module(options.namespace + ".netutil")
    httpserver = importlib.import_module(options.namespace + ".httpserver")
    # A storm of connections at the start must find room in the backlog.
    sockets = netutil.bind_sockets(options.port, "127.0.0.1", backlog=4096)
    server = httpserver.HTTPServer(application(options.namespace, Feed()))
    server.add_sockets(sockets)
    print(f"listening on {sockets[0].getsockname()[1]}", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    server.stop()
    await server.close_all_connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--namespace", default="waterspout")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(main(parser.parse_args()))
