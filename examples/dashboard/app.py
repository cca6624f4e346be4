"""A page with a live chart: server-sent events, from one sampler to any number of viewers.

Twice a second it notes how late a timer of the event loop came and how many look on. Open a second window and see.
A browser that was away comes back with the number of the last event that it saw, and gets what it has missed.

python examples/dashboard/app.py [--port 8888]
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from waterspout import httpserver, web

PAGE = Path(__file__).with_name("page.html").read_bytes()
INTERVAL = 0.5  # seconds
KEPT = 120  # readings: one minute

Reading = dict[str, float]


class Feed:
    """The latest readings, numbered from 1, and an event for whoever waits for the next one."""

    def __init__(self) -> None:
        self.readings: deque[tuple[int, Reading]] = deque(maxlen=KEPT)
        self.news = asyncio.Event()
        self.viewers = 0

    def add(self, reading: Reading) -> None:
        number = self.readings[-1][0] + 1 if self.readings else 1
        self.readings.append((number, reading))
        self.news.set()
        self.news = asyncio.Event()

    async def sample(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            self.add({"late": round((loop.time() - due) * 1000, 3), "viewers": self.viewers})


class PageHandler(web.RequestHandler):
    def get(self) -> None:
        self.write(PAGE)


class ReadingsHandler(web.RequestHandler):
    cancel_on_disconnect = True  # who leaves ends the loop below
    feed: Feed

    def initialize(self, feed: Feed) -> None:
        self.feed = feed

    async def get(self) -> None:
        seen = self.request.headers.get("Last-Event-ID", "")
        last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else 0
        feed = self.feed
        if feed.readings and last > feed.readings[-1][0]:
            last = 0  # a number from before a restart
        feed.viewers += 1
        try:
            while True:
                news = feed.news
                for number, reading in [each for each in feed.readings if each[0] > last]:
                    await self.send_event(json.dumps(reading), id=str(number))  # waits for a slow reader
                    last = number
                await news.wait()
        finally:
            feed.viewers -= 1


async def make_app() -> web.Application:
    feed = Feed()

    @asynccontextmanager
    async def sampling(_: web.Application) -> AsyncIterator[None]:
        sampler = asyncio.create_task(feed.sample())
        try:
            yield
        finally:
            sampler.cancel()

    return web.Application([(r"/", PageHandler), (r"/readings", ReadingsHandler, {"feed": feed})], lifespan=sampling)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A page with a live chart.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    # Streams have no end of their own: Ctrl-C cuts them after a second.
    httpserver.run(make_app, parser.parse_args().port, "127.0.0.1", factory=True, drain_deadline=1.0)
