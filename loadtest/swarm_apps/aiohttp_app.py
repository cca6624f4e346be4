"""The swarm's server on aiohttp: ``python aiohttp_app.py --port 8000 --loop uvloop``."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging

from aiohttp import web

LARGE = b"x" * 1_048_576
waiting: set[asyncio.Future[bytes]] = set()


async def poll(_request: web.Request) -> web.Response:
    waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    waiting.add(waiter)
    try:
        return web.Response(body=await waiter)
    finally:
        waiting.discard(waiter)


async def publish(request: web.Request) -> web.Response:
    message = await request.read()
    woken = [waiter for waiter in waiting if not waiter.done()]
    waiting.clear()
    for waiter in woken:
        waiter.set_result(message)
    return web.Response(text=str(len(woken)))


async def stat(_request: web.Request) -> web.Response:
    return web.Response(text=str(len(waiting)))


async def hello(_request: web.Request) -> web.Response:
    return web.Response(body=b"hello")


async def large(_request: web.Request) -> web.Response:
    return web.Response(body=LARGE)


async def serve(port: int, backlog: dict[str, int]) -> None:
    app = web.Application()
    app.router.add_get("/poll", poll)
    app.router.add_post("/publish", publish)
    app.router.add_get("/stat", stat)
    app.router.add_get("/hello", hello)
    app.router.add_get("/large", large)
    # A client that leaves cancels its handler: without it every poll that is dropped would wait for the next message.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, **backlog).start()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--backlog", type=int)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    factory = importlib.import_module("uvloop").new_event_loop if options.loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.port, {} if options.backlog is None else {"backlog": options.backlog}))


if __name__ == "__main__":
    main()
