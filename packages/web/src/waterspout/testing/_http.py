"""Test cases that serve an application and fetch from it."""

from __future__ import annotations

import os
from typing import Any, cast

from waterspout.asynctest import AsyncTestCase, bind_unused_port, get_async_test_timeout
from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.httpserver import HTTPServer
from waterspout.testing._life import begin_life, end_life
from waterspout.web import Application

__all__ = ["AsyncHTTPSTestCase", "AsyncHTTPTestCase"]


class AsyncHTTPTestCase(AsyncTestCase):
    """Starts a server on a free port for each test.

    Subclasses implement `get_app`. `fetch` gets a path from it, or any URL, and waits for the answer; methods under
    `gen_test` use `http_client` and `get_url`.

    An application with a ``lifespan``, ``on_startup`` or ``on_shutdown`` is started before the server accepts, and
    ended by `tearDown`, as `waterspout.httpserver.run` does it. A start that fails fails the test with its own error,
    one that takes longer than `get_async_test_timeout` with TimeoutError.
    """

    __module__ = "waterspout.testing"

    http_client: AsyncHTTPClient
    http_server: HTTPServer

    def setUp(self) -> None:
        """Make application, server and client; start the application."""
        super().setUp()
        # Before the application: it may want to know its URL, and the client.
        listening, self.__port = bind_unused_port()
        self.http_client = self.get_http_client()
        self._app = self.get_app()
        self.http_server = self.get_http_server()
        try:
            begin_life(self.io_loop, self._app)
        except BaseException:
            listening.close()
            self.__close()  # unittest calls no tearDown after a setUp that has failed
            raise
        self.http_server.add_sockets([listening])

    def get_http_client(self) -> AsyncHTTPClient:
        """The client that `fetch` uses."""
        return AsyncHTTPClient()

    def get_http_server(self) -> HTTPServer:
        """The server for `get_app`'s application."""
        return HTTPServer(self._app, **self.get_httpserver_options())

    def get_app(self) -> Application:
        """The application to test, or another request callback."""
        raise NotImplementedError

    def fetch(self, path: str, raise_error: bool = False, **kwargs: Any) -> HTTPResponse:
        """Fetch *path* from the server, or an absolute URL, and return the response, errors included.

        *kwargs* are those of `AsyncHTTPClient.fetch`. Runs the loop until the answer is there.
        """
        url = path if path.lower().startswith(("http://", "https://")) else self.get_url(path)

        async def fetch() -> HTTPResponse:
            return await self.http_client.fetch(url, raise_error=raise_error, **kwargs)

        return cast(HTTPResponse, self.io_loop.run_sync(fetch, timeout=get_async_test_timeout()))

    def get_httpserver_options(self) -> dict[str, Any]:
        """Keyword arguments for the server."""
        return {}

    def get_protocol(self) -> str:
        """The scheme of the server's URLs."""
        return "http"

    def get_url(self, path: str) -> str:
        """The absolute URL of *path* on the server."""
        return f"{self.get_protocol()}://127.0.0.1:{self.get_http_port()}{path}"

    def get_http_port(self) -> int:
        """The server's port."""
        return self.__port

    def tearDown(self) -> None:
        """Stop the server, close its connections, end the application, close the client."""
        server = self.http_server
        server.stop()
        self.io_loop.run_sync(server.close_all_connections, timeout=get_async_test_timeout())
        try:
            end_life(self.io_loop, self._app)
        finally:
            self.__close()

    def __close(self) -> None:
        self.http_client.close()
        # A test runner keeps its cases: what they served must not live as long.
        del self.http_server, self._app
        super().tearDown()


class AsyncHTTPSTestCase(AsyncHTTPTestCase):
    """An `AsyncHTTPTestCase` over TLS, with a self-signed certificate that its client does not verify."""

    __module__ = "waterspout.testing"

    def get_http_client(self) -> AsyncHTTPClient:
        """A client of its own, because it does not verify certificates."""
        return AsyncHTTPClient(force_instance=True, defaults={"validate_cert": False})

    def get_httpserver_options(self) -> dict[str, Any]:
        """Keyword arguments for the server: `get_ssl_options`."""
        return {"ssl_options": self.get_ssl_options()}

    def get_ssl_options(self) -> dict[str, Any]:
        """Certificate and key of the server."""
        return self.default_ssl_options()

    @staticmethod
    def default_ssl_options() -> dict[str, Any]:
        """The certificate and key that come with this module: for tests alone, everybody has them."""
        folder = os.path.dirname(__file__)
        return {"certfile": os.path.join(folder, "test.crt"), "keyfile": os.path.join(folder, "test.key")}

    def get_protocol(self) -> str:
        """The scheme of the server's URLs."""
        return "https"
