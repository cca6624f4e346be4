"""Long jobs are not the engine's: they go to a task queue, and whoever wants the result long-polls for it.

``POST /jobs`` (``{"limit": 200000}``) hands a job to the workers of tasks.py and answers 202 with its address. ``GET
/jobs/ID?after=N`` answers with what the job has told after message N, or waits until it tells something. Any process
can answer for any job, since the messages are in Redis. ``start.py`` beside this file starts all of it.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from pathlib import Path
from typing import Any

from dramatiq.errors import BrokerError
from tasks import KEPT_MESSAGES, REDIS, count_primes, topic

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.pubsub import HubUnavailable, Lost, Message, SharedHub, connect
from waterspout.web import Application, HTTPError, RequestHandler

PAGE = Path(__file__).with_name("page.html")
HIGHEST_LIMIT = 5_000_000
LONGEST_CURSOR = 18
# A poll that nothing happens in is answered before proxies (60 seconds is usual) lose patience.
POLL_SECONDS = 25.0


class JobsHandler(RequestHandler):
    """Takes jobs in."""

    def initialize(self, hub: SharedHub) -> None:
        self.hub = hub

    async def post(self) -> None:
        body = self.get_json()
        limit = body.get("limit") if isinstance(body, dict) else None
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= HIGHEST_LIMIT:
            raise HTTPError(400, "limit must be a whole number from 1 to %d", HIGHEST_LIMIT)
        job = secrets.token_urlsafe(12)
        try:
            await self.hub.publish(topic(job), {"state": "queued"}, key=job)
            await asyncio.to_thread(count_primes.send, job, limit)  # the queue's client blocks
        except (HubUnavailable, BrokerError) as error:
            raise HTTPError(503, "the queue cannot be reached: %s", error) from error
        self.set_status(202)
        self.set_header("Location", f"/jobs/{job}")
        self.write({"job": job})


class JobHandler(RequestHandler):
    """Tells what a job has told."""

    poll: asyncio.Future[list[Message]] | None = None

    def initialize(self, hub: SharedHub) -> None:
        self.hub = hub

    async def get(self, job: str) -> None:
        after = self.get_argument("after", "0")
        if not after.isascii() or not after.isdigit() or len(after) > LONGEST_CURSOR:
            raise HTTPError(400, "after must be the cursor of the last message that you have, or 0")
        try:
            if not await self.hub.cursor(topic(job)):
                raise HTTPError(404, "there is no job %s", job)
            self.poll = asyncio.ensure_future(self.hub.poll(topic(job), int(after), POLL_SECONDS))
            messages = await self.poll
        except Lost as error:
            raise HTTPError(400, "after must be the cursor of a message of this job, or 0") from error
        except HubUnavailable as error:
            raise HTTPError(503, "%s", error) from error
        self.set_header("Cache-Control", "no-store")
        told: list[dict[str, Any]] = [{"cursor": message.cursor, **message.data} for message in messages]
        self.write({"messages": told})

    def on_connection_close(self) -> None:
        if self.poll is not None:
            self.poll.cancel()


class PageHandler(RequestHandler):
    def get(self) -> None:
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:",
        )
        self.write(PAGE.read_bytes())


async def main(port: int) -> None:
    sockets = bind_sockets(port, "127.0.0.1")
    async with connect(REDIS, keep=KEPT_MESSAGES) as hub:
        shared = {"hub": hub}
        app = Application([("/", PageHandler), ("/jobs", JobsHandler, shared), (r"/jobs/([\w-]+)", JobHandler, shared)])
        server = HTTPServer(app)
        server.add_sockets(sockets)
        print(f"Jobs are taken at http://127.0.0.1:{sockets[0].getsockname()[1]}/", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Hands long jobs to a task queue, and tells how they go on.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    try:
        asyncio.run(main(parser.parse_args().port))
    except HubUnavailable as error:
        sys.exit(f"The jobs have no hub: {error}.")
