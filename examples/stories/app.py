"""Two pages: ``/`` links to story 1, ``/story/1`` tells it.

It shows routes with a captured argument, a name for a route, and a handler that is given what it needs.

python examples/stories/app.py [--port 8888]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import sys

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, HTTPError, RequestHandler, url

Stories = dict[str, str]


class MainHandler(RequestHandler):
    def get(self) -> None:
        self.write(f'<a href="{self.reverse_url("story", "1")}">link to story 1</a>')


class StoryHandler(RequestHandler):
    db: Stories

    def initialize(self, db: Stories) -> None:
        self.db = db

    def get(self, story_id: str) -> None:
        story = self.db.get(story_id)
        if story is None:
            raise HTTPError(404, "there is no story %s", story_id)
        self.write(story)


def make_app(db: Stories) -> Application:
    return Application(
        [
            url(r"/", MainHandler),
            url(r"/story/([0-9]+)", StoryHandler, {"db": db}, name="story"),
        ]
    )


async def main(port: int) -> None:
    sockets = bind_sockets(port, "127.0.0.1")
    server = HTTPServer(make_app({"1": "this is story 1", "2": "this is story 2"}))
    server.add_sockets(sockets)
    print(f"The stories are at http://127.0.0.1:{sockets[0].getsockname()[1]}/ (stop with Ctrl-C)", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        await server.close_all_connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A page that links to a story, and the story.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    port = parser.parse_args().port
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(main(port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"Port {port} is in use: choose another one with --port, or --port 0 for any free one.")
