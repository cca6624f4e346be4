"""The pytest plugin: fixtures around an application that your own fixture ``app`` returns.

    @pytest.fixture
    def app():
        return make_app()

    @pytest.mark.gen_test
    async def test_front_page(app_client):
        response = await app_client.fetch("/")
        assert response.code == 200

``app_client`` needs no socket. ``http_server``, ``http_port``, ``base_url`` and ``http_client`` serve and fetch over a
real one. Both ways start the application's ``lifespan`` before the test and end it after. All run on the fixture
``io_loop``, like tests under the marker ``gen_test`` (see `waterspout.asynctest`).

A top-level module, as ``waterspout_pytest.py`` of waterspout-ioloop is, and with the fixtures in it: a plugin is loaded
by every run of pytest, and `waterspout.testing` would bring the whole framework along.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # imported by the fixtures that are used
    from waterspout.httpclient import AsyncHTTPClient
    from waterspout.httpserver import HTTPServer
    from waterspout.ioloop import IOLoop
    from waterspout.testing import InProcessClient


@pytest.fixture
def app_client(io_loop: IOLoop, app: Any) -> Iterator[InProcessClient]:
    """An `InProcessClient` for the fixture ``app``, which begins before the test and ends after it."""
    from waterspout.testing import InProcessClient

    client = InProcessClient(app)
    io_loop.run_sync(client.__aenter__)
    yield client
    io_loop.run_sync(lambda: client.__aexit__(None, None, None))


@pytest.fixture
def http_port(http_server: HTTPServer) -> int:
    """The port of the fixture ``http_server``."""
    port: int = http_server.test_port  # type: ignore[attr-defined]
    return port


@pytest.fixture
def http_server(io_loop: IOLoop, app: Any) -> Iterator[HTTPServer]:
    """An `HTTPServer` that serves the fixture ``app`` on a free port of 127.0.0.1, and starts and ends it."""
    from waterspout.asynctest import bind_unused_port
    from waterspout.httpserver import HTTPServer
    from waterspout.testing._life import begin_life, end_life

    begin_life(io_loop, app)
    listening, port = bind_unused_port()

    async def start() -> HTTPServer:
        server = HTTPServer(app)
        server.test_port = port  # type: ignore[attr-defined]
        server.add_sockets([listening])
        return server

    server = io_loop.run_sync(start)
    yield server
    server.stop()
    io_loop.run_sync(server.close_all_connections)
    end_life(io_loop, app)


@pytest.fixture
def base_url(http_port: int) -> str:
    """The URL of the fixture ``http_server``, without a slash at the end."""
    return f"http://127.0.0.1:{http_port}"


@pytest.fixture
def http_client(io_loop: IOLoop) -> Iterator[AsyncHTTPClient]:
    """An `AsyncHTTPClient` of the test's own."""
    from waterspout.httpclient import AsyncHTTPClient

    async def make() -> AsyncHTTPClient:
        return AsyncHTTPClient(force_instance=True)

    client = io_loop.run_sync(make)
    yield client
    client.close()
