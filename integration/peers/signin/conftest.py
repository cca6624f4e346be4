"""OpenID providers of the npm registry as child processes, an application that signs in with them, and a browser."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from waterspout.auth.oidc import OpenIDClient
from waterspout.auth.sessions import MemoryStore, SessionMixin, Sessions
from waterspout.auth.signin import SignIn
from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler

HERE = Path(__file__).parent
SECRET = "a cookie secret of the tests, long enough"
LIMIT_SECONDS = 120


@pytest.fixture(scope="session")
def peers() -> Path:
    """The folder with the npm packages of package.json, installed at the first run and kept in the user's cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: apt-get install nodejs npm")
    wanted = (HERE / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "waterspout-tests"
    folder = cache / f"peers-{hashlib.sha256(wanted).hexdigest()[:16]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Made beside, and put in its place when whole: another run may do the same at this moment.
        with tempfile.TemporaryDirectory(dir=cache) as beside:
            (Path(beside) / "package.json").write_bytes(wanted)
            options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
            done = subprocess.run([npm, "install", *options], cwd=beside, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, f"npm install failed: {done.stdout}{done.stderr}"
            with contextlib.suppress(OSError):  # somebody was quicker
                Path(beside).rename(folder)
            Path(beside).mkdir(exist_ok=True)
    return folder


class Peer:
    """A provider in a process of its own. It takes one line of JSON at a time and answers each with one."""

    def __init__(self, script: str, peers: Path) -> None:
        node = shutil.which("node")
        assert node is not None
        # What it says on its standard error goes where no pipe can fill up.
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [node, str(HERE / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "PEERS": str(peers)},
        )

    def tell(self, **settings: Any) -> str:
        """Have it be that; its issuer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: why is said below
            self.process.stdin.write(json.dumps(settings) + "\n")
            self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return str(json.loads(line)["issuer"])
        self.errors.seek(0)
        raise RuntimeError(f"{self.process.args!r} has ended: {self.errors.read()}")

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


@pytest.fixture(scope="session")
def oidc_provider(peers: Path) -> Iterator[Peer]:
    peer = Peer("oidc_provider.mjs", peers)
    yield peer
    peer.close()


@pytest.fixture(scope="session")
def mock_server(peers: Path) -> Iterator[Peer]:
    peer = Peer("mock_server.mjs", peers)
    yield peer
    peer.close()


class Form(HTMLParser):
    """The first form of a page: where it goes, and its hidden fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given.get("action")
        if tag == "input" and given.get("name") and given.get("type") == "hidden":
            self.fields[str(given["name"])] = given.get("value") or ""


class Browser:
    """Keeps cookies by host and port, follows redirects, and sends the forms it is told to."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}
        self.seen: list[str] = []

    async def send(self, method: str, url: str, form: dict[str, str] | None = None) -> HTTPResponse:
        jar = self.cookies.setdefault(urlsplit(url).netloc, {})
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        response = await AsyncHTTPClient().fetch(
            url, method=method, headers=headers, body=None if form is None else urlencode(form),
            follow_redirects=False, raise_error=False,
        )  # fmt: skip
        self.seen.append(f"{method} {url}")
        for field in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(field).items():
                if morsel.value:
                    jar[name] = morsel.coded_value
                else:
                    jar.pop(name, None)
        return response

    async def open(self, url: str, form: dict[str, str] | None = None, *, until: str | None = None) -> HTTPResponse:
        """The page behind ``url`` and its redirects; with ``until`` the redirect to the first such address."""
        response = await self.send("GET" if form is None else "POST", url, form)
        for _ in range(30):
            if response.code not in (301, 302, 303, 307):
                return response
            url = urljoin(response.effective_url, response.headers["Location"])
            if until is not None and url.startswith(until):
                return response
            response = await self.send("GET", url)
        raise AssertionError(f"redirected without end: {self.seen}")


class Me(SessionMixin, RequestHandler):
    """Who is signed in."""

    def get(self) -> None:
        self.write({"user": self.current_user})


class Site:
    """The application: at `base`, with `signin` behind it, and the `browser` of somebody in front of it."""

    def __init__(self, base: str, client: OpenIDClient, signin: SignIn, sessions: Sessions) -> None:
        self.base = base
        self.client = client
        self.signin = signin
        self.sessions = sessions
        self.browser = Browser()

    @property
    def callback(self) -> str:
        return self.signin.redirect_uri("op")

    def form_of(self, page: HTTPResponse) -> tuple[str, dict[str, str]]:
        """Where the page's form goes, and its hidden fields."""
        form = Form(page.body.decode())
        assert form.action is not None, page.body[:2000]
        return urljoin(page.effective_url, form.action), form.fields

    async def user(self) -> Any:
        return json.loads((await self.browser.open(f"{self.base}/me")).body)["user"]

    async def authenticate(self, login: str = "ann", start: str | None = None) -> HTTPResponse:
        """Sign in at oidc-provider: its login page, its consent page, and back to the application's callback.

        The answer is the application's to the callback.
        """
        response = await self.browser.open(start or f"{self.base}/signin/op?next=/me", until=self.callback)
        for _ in range(4):
            if response.code in (302, 303):
                return await self.browser.send("GET", urljoin(response.effective_url, response.headers["Location"]))
            form = Form(response.body.decode())
            assert form.action is not None, (response.code, response.effective_url, response.body[:2000])
            if form.action.startswith(self.callback):  # form_post
                return await self.browser.send("POST", form.action, form.fields)
            answers = {"login": {"login": login, "password": "any"}, "consent": {}}[form.fields["prompt"]]
            url = urljoin(response.effective_url, form.action)
            response = await self.browser.open(url, {**form.fields, **answers}, until=self.callback)
        raise AssertionError(f"no way back: {self.browser.seen}")


@pytest.fixture
def with_site() -> Callable[..., Any]:
    """Runs a coroutine function with a `Site` whose provider ``configure`` (told the site's address) makes ready."""

    def use(
        act: Callable[[Site], Awaitable[Any]],
        configure: Callable[[str], str],
        *,
        client_secret: Any = None,
        keep_tokens: bool = False,
        **options: Any,
    ) -> Any:
        async def main() -> Any:
            sockets = bind_sockets(0, "127.0.0.1")
            base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            client = OpenIDClient(
                "op", "app", client_secret, issuer=configure(base), allow_http_loopback=True,
                post_logout_redirect_uris=[f"{base}/"], **options,
            )  # fmt: skip
            signin = SignIn([client], base_url=base, secret=SECRET, keep_tokens=keep_tokens)
            sessions = Sessions(SECRET, store=MemoryStore())
            server = HTTPServer(Application([*signin.routes(), ("/(?:me)?", Me)], sessions=sessions))
            server.add_sockets(sockets)
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    return await act(Site(base, client, signin, sessions))
            finally:
                server.stop()
                await server.close_all_connections()
                AsyncHTTPClient().close()

        return asyncio.run(main())

    return use
