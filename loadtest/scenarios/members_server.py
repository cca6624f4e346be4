"""The server of the scenario with members: sessions and sign-in, long polls, and a price that it asks upstream for.

The OpenID provider is that of ``examples/signin``; it and the upstream server listen on ports of their own, in this
process. ``/publish`` and ``/stat`` as in polling_server.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "signin"))

from polling_server import Feed
from provider import DemoProvider

from waterspout.auth.providers import provider
from waterspout.auth.sessions import MemoryStore, SessionMixin, Sessions, login_required
from waterspout.auth.signin import SignIn
from waterspout.httpclient import AsyncHTTPClient
from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler


class Price(RequestHandler):
    """Upstream's answer."""

    async def get(self, number: str) -> None:
        await asyncio.sleep(0.01)
        self.write({"price": 10 * int(number)})


class Page(SessionMixin, RequestHandler):
    def initialize(self, feed: Feed, upstream: str, client: AsyncHTTPClient) -> None:
        self.feed = feed
        self.upstream = upstream
        self.client = client


class Me(Page):
    @login_required
    def get(self) -> None:
        self.xsrf_token  # noqa: B018 - sets its cookie, which the form to sign out repeats
        self.write({"name": self.current_user["name"]})


class Home(Page):
    def get(self) -> None:
        self.write("home")


class AskPrice(Page):
    @login_required
    async def get(self, number: str) -> None:
        answer = await self.client.fetch(f"{self.upstream}/price/{number}")
        self.write({"number": int(number), "price": answer.json()["price"]})


class Updates(Page):
    waiter: asyncio.Future[None] | None = None
    gone = False

    async def get(self) -> None:
        if self.current_user is None:
            self.set_status(401)
            return
        after = int(self.get_argument("after"))
        if not self.feed.after(after):
            self.waiter = self.feed.wait()
            await self.waiter
            if self.gone:
                return
        messages = self.feed.after(after)
        self.feed.delivered += len(messages)
        self.write({"for": self.current_user["name"], "messages": messages})

    def on_connection_close(self) -> None:
        self.gone = True
        if self.waiter is not None:
            self.feed.leave(self.waiter)


class Publish(Page):
    def check_xsrf_cookie(self) -> None:
        """The publisher is a program."""

    def post(self) -> None:
        last = self.get_argument("last", "") == "yes"
        self.write({"number": self.feed.add({"at": float(self.get_argument("at")), "last": last})})


class Stat(Page):
    def get(self) -> None:
        feed = self.feed
        self.write({"waiting": len(feed.waiters), "messages": len(feed.messages), "delivered": feed.delivered})


def application(base: str, issuer: str, client_secret: str, arguments: dict[str, Any]) -> Application:
    secret = secrets.token_urlsafe(32)
    demo = provider(
        "openid", "example-app", client_secret, name="demo", issuer=issuer,
        post_logout_redirect_uris=[f"{base}/"], allow_http_loopback=True,
    )  # fmt: skip
    signin = SignIn([demo], base_url=base, secret=secret)
    routes: list[Any] = [
        (path, handler, arguments)
        for path, handler in (
            ("/", Home), ("/me", Me), (r"/price/(\d+)", AskPrice), ("/updates", Updates),
            ("/publish", Publish), ("/stat", Stat),
        )
    ]  # fmt: skip
    return Application(
        [*routes, *signin.routes()],
        sessions=Sessions(secret, store=MemoryStore()),
        cookie_secret=secret,
        login_url="/signin/demo",
        xsrf_cookies=True,
        log_function=lambda _handler: None,
    )


def listening(app: Application, sockets: list[socket.socket]) -> HTTPServer:
    server = HTTPServer(app)
    server.add_sockets(sockets)
    return server


async def main() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    sockets, behind = (bind_sockets(0, "127.0.0.1", backlog=4096) for _ in range(2))
    base, upstream = (f"http://127.0.0.1:{ours[0].getsockname()[1]}" for ours in (sockets, behind))
    identity = DemoProvider(f"{base}/signin/demo/callback", base)
    issuer = identity.listen()
    identity.app.settings["log_function"] = lambda _handler: None
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(identity.close)
        client = await stack.enter_async_context(AsyncHTTPClient(max_clients=100))
        arguments = {"feed": Feed(), "upstream": upstream, "client": client}
        quiet = Application([(r"/price/(\d+)", Price)], log_function=lambda _handler: None)
        servers = [
            listening(quiet, behind),
            listening(application(base, issuer, identity.client_secret, arguments), sockets),
        ]
        print(f"listening on {base.rpartition(':')[2]}", flush=True)
        await stopped.wait()
        for server in servers:
            await server.drain(deadline=5)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
