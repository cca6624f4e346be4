"""Sign in with a provider, see who you are, sign out again.

It shows the routes of `waterspout.auth.signin`, sessions that live on the server, a page for members only, and a call
to the provider's API with tokens that refresh themselves. The provider is a small one in the same process
(provider.py), so that nothing has to be registered anywhere; a real one is one line: `provider("google", ID, SECRET)`.

python examples/signin/app.py [--port 8888]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import logging
import secrets
import sys
from pathlib import Path
from typing import Any

from provider import DemoProvider

from waterspout.auth.providers import provider
from waterspout.auth.sessions import MemoryStore, SessionMixin, Sessions, login_required
from waterspout.auth.signin import SignIn
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler

HERE = Path(__file__).parent


class Page(SessionMixin, RequestHandler):
    """Every page knows who is signed in, and lets nothing from elsewhere run in it."""

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")

    def get_template_namespace(self) -> dict[str, Any]:
        return {**super().get_template_namespace(), "user": self.current_user}


class Home(Page):
    """For everybody: who you are, or the button to sign in."""

    def get(self) -> None:
        self.render("home.html", title="Sign-in example")


class Members(Page):
    """For members: what the provider's API says, asked with the access token that the sign-in has brought."""

    def initialize(self, signin: SignIn) -> None:
        self.signin = signin

    @login_required
    async def get(self) -> None:
        token = await self.signin.access_token(self)
        client = self.signin.clients[self.current_user["provider"]]
        self.render("members.html", title="Members", facts=await client.userinfo(token))


def make_app(base_url: str, issuer: str, client_secret: str) -> Application:
    # A real application keeps this one for as long as its users shall stay signed in.
    cookie_secret = secrets.token_urlsafe(32)
    demo = provider(
        "openid",
        "example-app",
        client_secret,
        name="demo",
        issuer=issuer,
        post_logout_redirect_uris=[f"{base_url}/"],
        allow_http_loopback=True,  # for a provider on this machine, and no other
    )
    signin = SignIn([demo], base_url=base_url, secret=cookie_secret, keep_tokens=True)
    return Application(
        [("/", Home), ("/members", Members, {"signin": signin}), *signin.routes()],
        sessions=Sessions(cookie_secret, store=MemoryStore()),
        cookie_secret=cookie_secret,
        login_url="/signin/demo",
        xsrf_cookies=True,
        template_path=str(HERE),
        static_path=str(HERE / "static"),
    )


async def main(port: int) -> None:
    sockets = bind_sockets(port, "127.0.0.1")
    base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    demo = DemoProvider(redirect_uri=f"{base_url}/signin/demo/callback", home=f"{base_url}/")
    issuer = demo.listen()
    server = HTTPServer(make_app(base_url, issuer, demo.client_secret))
    server.add_sockets(sockets)
    print(f"Sign in at {base_url}/ (any name will do)")
    print(f"The provider is at {issuer}/ (stop both with Ctrl-C)", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        await server.close_all_connections()
        await demo.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An application with sign-in, and a provider to try it with.")
    parser.add_argument("--port", type=int, default=8888, help="0 takes any free port")
    parser.add_argument("--verbose", action="store_true", help="log each request")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(main(arguments.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"Port {arguments.port} is in use: choose another one with --port, or --port 0 for any free one.")
