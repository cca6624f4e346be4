"""The application that the tests of ASGI servers serve: ``uvicorn asgi_app:app``."""

from __future__ import annotations

import asyncio
from pathlib import Path

from waterspout import web


class Home(web.RequestHandler):
    def get(self) -> None:
        visits = int(self.get_signed_cookie("visits") or 0) + 1
        self.set_signed_cookie("visits", str(visits))
        self.write({"visits": visits, "path": self.request.path, "ip": self.request.remote_ip})


class Form(web.RequestHandler):
    def get(self) -> None:
        self.write(self.xsrf_form_html())

    def post(self) -> None:
        self.write("hello " + self.get_body_argument("name"))


class Steps(web.RequestHandler):
    """Sends a step whenever somebody posts."""

    waiting: asyncio.Event | None = None

    async def get(self) -> None:
        for number in range(3):
            Steps.waiting = waiting = asyncio.Event()
            self.write(f"step {number}\n")
            await self.flush()
            await waiting.wait()

    def post(self) -> None:
        assert Steps.waiting is not None
        Steps.waiting.set()

    def check_xsrf_cookie(self) -> None:
        """Any client may."""


class Poll(web.RequestHandler):
    """Waits for ever, and counts the clients that wait and those that have left."""

    waiting = left = 0

    async def get(self) -> None:
        Poll.waiting += 1
        await asyncio.Event().wait()

    def on_connection_close(self) -> None:
        Poll.left += 1
        Poll.waiting -= 1


class Polls(web.RequestHandler):
    def get(self) -> None:
        self.write({"waiting": Poll.waiting, "left": Poll.left})


@web.stream_request_body
class Upload(web.RequestHandler):
    def prepare(self) -> None:
        self.received = 0

    def data_received(self, chunk: bytes) -> None:
        self.received += len(chunk)

    def put(self) -> None:
        self.write(str(self.received))

    def check_xsrf_cookie(self) -> None:
        """Any client may."""


class Broken(web.RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Length", "100")
        self.write("begun")
        await self.flush()
        raise ValueError("broken off on purpose")


class Upgrading(web.RequestHandler):
    def get(self) -> None:
        self.set_status(426)
        self.set_header("Upgrade", "websocket")
        self.write("not without")


async def begins(application: web.Application) -> None:
    await asyncio.sleep(0)
    print("the application begins", flush=True)


def ends(application: web.Application) -> None:
    print("the application ends", flush=True)


application = web.Application(
    [
        ("/", Home),
        ("/form", Form),
        ("/steps", Steps),
        ("/poll", Poll),
        ("/polls", Polls),
        ("/upload", Upload),
        ("/broken", Broken),
        ("/upgrading", Upgrading),
    ],
    cookie_secret="only for tests, everybody can read it",
    xsrf_cookies=True,
    static_path=str(Path(__file__).parent),
    on_startup=begins,
    on_shutdown=ends,
)
app = web.asgi(application)
