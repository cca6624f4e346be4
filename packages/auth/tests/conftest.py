"""Applications on loopback, and a browser that keeps cookies and follows no redirect by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.web import Application

SECRET = "a cookie secret of the tests, long enough"
LIMIT_SECONDS = 60


class Browser:
    """Cookies by host and port; what is Secure is sent over http to loopback, as browsers do."""

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.cookies: dict[str, dict[str, str]] = {}
        self.history: list[str] = []

    async def get(self, url: str, **headers: str) -> HTTPResponse:
        return await self.send("GET", url, headers)

    async def post(self, url: str, form: dict[str, str], **headers: str) -> HTTPResponse:
        fields = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return await self.send("POST", url, fields, urlencode(form))

    async def send(self, method: str, url: str, headers: dict[str, str], body: str | None = None) -> HTTPResponse:
        url = urljoin(self.base, url)
        jar = self.cookies.setdefault(urlsplit(url).netloc, {})
        if jar:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        response = await AsyncHTTPClient().fetch(
            url, method=method, headers=headers, body=body, follow_redirects=False, raise_error=False
        )
        self.history.append(f"{method} {url}")
        for field in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(field).items():
                if morsel.value:
                    jar[name] = morsel.coded_value
                else:
                    jar.pop(name, None)
        return response

    async def follow(self, response: HTTPResponse, *, until: str | None = None) -> HTTPResponse:
        """Follow redirects, to the first address that begins with ``until``, which is not fetched."""
        for _ in range(20):
            if response.code not in (301, 302, 303, 307):
                return response
            url = urljoin(response.effective_url, response.headers["Location"])
            if until is not None and url.startswith(until):
                return response
            response = await self.get(url)
        raise AssertionError(f"redirected without end: {self.history}")


@contextlib.asynccontextmanager
async def _served(app: Application) -> AsyncIterator[str]:
    server = app.listen(0, "127.0.0.1")
    port = next(iter(server._sockets.values())).getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await server.close_all_connections()


@pytest.fixture
def served() -> Callable[[Application], contextlib.AbstractAsyncContextManager[str]]:
    """An async context manager: the address that an application is served at."""
    return _served


@pytest.fixture
def new_browser() -> Callable[..., Browser]:
    return Browser


@pytest.fixture
def run() -> Callable[[Awaitable[Any]], Any]:
    """Runs a coroutine to its end, which must come within a minute."""

    def run_one(awaitable: Awaitable[Any]) -> Any:
        async def main() -> Any:
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    return await awaitable
            finally:
                AsyncHTTPClient().close()

        return asyncio.run(main())

    return run_one


@pytest.fixture
def secret() -> str:
    return SECRET
