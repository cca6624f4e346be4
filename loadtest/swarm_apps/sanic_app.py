"""The swarm's server on Sanic, one process, as it is shipped: ``python sanic_app.py --port 8000``."""

from __future__ import annotations

import argparse
import asyncio
import logging

from sanic import Request, Sanic
from sanic.response import HTTPResponse, raw, text

LARGE = b"x" * 1_048_576
waiting: set[asyncio.Future[bytes]] = set()
app = Sanic("swarm", configure_logging=False)
app.config.RESPONSE_TIMEOUT = 600
app.config.ACCESS_LOG = False


@app.get("/poll")
async def poll(_request: Request) -> HTTPResponse:
    waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    waiting.add(waiter)
    try:
        return raw(await waiter)
    finally:
        waiting.discard(waiter)


@app.post("/publish")
async def publish(request: Request) -> HTTPResponse:
    woken = [waiter for waiter in waiting if not waiter.done()]
    waiting.clear()
    for waiter in woken:
        waiter.set_result(request.body)
    return text(str(len(woken)))


@app.get("/stat")
async def stat(_request: Request) -> HTTPResponse:
    return text(str(len(waiting)))


@app.get("/hello")
async def hello(_request: Request) -> HTTPResponse:
    return raw(b"hello")


@app.get("/large")
async def large(_request: Request) -> HTTPResponse:
    return raw(LARGE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    backlog = {} if options.backlog is None else {"backlog": options.backlog}
    app.run("127.0.0.1", options.port, single_process=True, motd=False, access_log=False, **backlog)
