"""A status page mounted in an application and asked over real sockets."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from waterspout import web, websocket
from waterspout.http1connection import HTTP1ServerConnection, ServerObserver
from waterspout.httpclient import AsyncHTTPClient, HTTPClientError
from waterspout.httpserver import HTTPServer
from waterspout.ioloop import IOLoop, Lag
from waterspout.web.status import StatusPage
from waterspout.web.status._feed import MAX_VIEWERS
from waterspout.web.status._routes import MAX_ROUTES

pytestmark = pytest.mark.gen_test(timeout=60)


class Story(web.RequestHandler):
    def get(self, number: str) -> None:
        self.write("x" * 100)


class Poll(web.RequestHandler):
    cancel_on_disconnect = True

    async def get(self) -> None:
        await asyncio.Event().wait()


class Stream(web.RequestHandler):
    cancel_on_disconnect = True

    async def get(self) -> None:
        await self.send_event("first")
        await asyncio.Event().wait()


class Echo(websocket.WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


ROUTES = [
    (r"/story/(\d+)", Story), ("/poll", Poll), ("/stream", Stream), ("/socket", Echo),
    ("/fault", web.ErrorHandler, {"status_code": 500}),
]  # fmt: skip


class Site:
    def __init__(self, page: StatusPage, **settings: Any) -> None:
        self.page = page
        self.server = web.Application(ROUTES, status_page=page, log_function=lambda handler: None, **settings).listen(
            0, "127.0.0.1"
        )
        port = next(iter(self.server._sockets.values())).getsockname()[1]
        self.url = f"http://localhost:{port}"
        self.port = port
        self.client = AsyncHTTPClient(force_instance=True)

    async def get(self, path: str, **options: Any) -> Any:
        return await self.client.fetch(self.url + path, raise_error=False, **options)

    async def close(self) -> None:
        self.client.close()
        self.server.stop()
        await self.server.close_all_connections()


@pytest.fixture
def site(io_loop: IOLoop) -> Iterator[Site]:
    async def start() -> Site:
        return Site(StatusPage(long_polls=["/poll"]))

    made = io_loop.run_sync(start)
    yield made
    io_loop.run_sync(made.close)


async def events(site: Site, path: str = "/status/events") -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async with site.client.stream(site.url + path) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        kind = "message"
        buffer = b""
        async for piece in response:
            buffer += piece
            while b"\n\n" in buffer:
                event, _, buffer = buffer.partition(b"\n\n")
                kind, data = "message", ""
                for line in event.decode().split("\n"):
                    name, _, value = line.partition(": ")
                    kind, data = (value, data) if name == "event" else (kind, data + value * (name == "data"))
                yield kind, json.loads(data)


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_page_needs_nothing_but_itself(site: Site) -> None:
    answer = await site.get("/status")
    assert answer.code == 200 and answer.headers["Cache-Control"] == "no-store"
    page = answer.body.decode()
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page) and "TITLE" not in page and "NONCE" not in page
    nonces = set(re.findall(r'nonce="([^"]+)"', page))
    policy = answer.headers["Content-Security-Policy"]
    assert len(nonces) == 1 and f"'nonce-{nonces.pop()}'" in policy and "unsafe" not in policy
    assert (await site.get("/status")).headers["Content-Security-Policy"] != policy


async def test_events_tell_what_was_asked_and_how_it_ended(site: Site) -> None:
    for path in ("/story/1", "/story/2", "/nowhere", "/fault"):
        await site.get(path)
    stream = events(site)
    kind, now = await anext(stream)
    assert kind == "history" and set(now["history"]) == set(now["sample"] or now["history"])
    assert now["observed"] and now["totals"]["requests"] == 4
    assert now["statuses"] == {"2xx": 2, "4xx": 1, "5xx": 1}
    assert now["times"]["count"] == 4 and 0 < now["times"]["p50"] <= now["times"]["p99"] <= now["times"]["longest"]
    routes = {route["name"]: route for route in now["routes"]}
    assert set(routes) == {"/story/{}", "(no route)", "/fault"}  # never a path, and not the page itself
    assert routes["/story/{}"]["count"] == 2 and routes["/fault"]["errors"] == 1
    kind, now = await anext(stream)
    assert kind == "message" and "history" not in now and now["totals"]["requests"] == 4
    await stream.aclose()


async def test_requests_that_wait_streams_and_websockets_are_told_apart(site: Site) -> None:
    page = site.page
    waiting = [asyncio.create_task(site.get("/poll", request_timeout=60)) for _ in range(3)]
    stream = site.client.stream(site.url + "/stream")
    await stream.__aenter__()
    connection = await websocket.websocket_connect(site.url.replace("http", "ws") + "/socket")
    await until(lambda: page.waiting().number == 3 and page.waiting().streams == 1 and page.websockets == 1)
    found = page.waiting()
    assert found.by_route == {"/poll": 3} and found.oldest > 1.0 and page.active == 4
    told = events(site)
    _, now = await anext(told)
    assert (now["waiting"], now["streams"], now["websockets"]) == (3, 1, 1)
    assert {route["name"]: route["waiting"] for route in now["routes"]}["/poll"] == 3
    await told.aclose()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await stream.__aexit__(None, None, None)
    connection.close()
    await until(lambda: page.active == 0 and page.websockets == 0)
    routes = {route.name: route for route in page.by_route}
    assert routes["/poll"].over[0] == 3  # their clients left: cut off
    assert routes["/socket"].over[1] == 1
    assert page.recent.at(asyncio.get_running_loop().time()).count == 1  # the stream, not the polls


async def test_connections_are_counted_until_they_close(site: Site) -> None:
    page = site.page
    sockets = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(5)]
    await until(lambda: page.connections == 5)
    sockets[0].sendall(b"nonsense\r\n\r\n")
    await until(lambda: page.refused == 1)
    for each in sockets:
        each.close()
    await until(lambda: page.connections == 0)
    assert page.accepted == 5


async def test_metrics_are_what_a_scraper_reads(site: Site) -> None:
    parser = pytest.importorskip("prometheus_client.parser", reason="pip install prometheus-client")
    for path in ("/story/1", "/story/2", "/nowhere", "/fault"):
        await site.get(path)
    answer = await site.get("/status/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {each.name: each for each in parser.text_string_to_metric_families(answer.body.decode())}
    over = {(s.labels["route"], s.labels["status"]): s.value for s in families["http_server_requests"].samples}
    assert over == {("/story/{}", "2xx"): 2, ("(no route)", "4xx"): 1, ("/fault", "5xx"): 1}
    times = [s for s in families["http_server_answer_seconds"].samples if s.labels["route"] == "/story/{}"]
    buckets = [s.value for s in times if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == 2 and len(buckets) == 18
    assert families["http_server_connections"].samples[0].value == 1
    assert all(
        family.type in ("counter", "gauge", "histogram") and family.documentation for family in families.values()
    )


async def test_others_are_refused_on_all_three_paths() -> None:
    site = Site(StatusPage("/admin/status/", allow=["192.0.2.0/24"], password="correct horse battery"))
    try:
        for path in ("/admin/status", "/admin/status/events", "/admin/status/metrics"):
            answer = await site.get(path)
            assert answer.code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic"), path
            assert "process" not in answer.body.decode()
            if not path.endswith("events"):
                answer = await site.get(path, auth_username="ops", auth_password="correct horse battery")
                assert answer.code == 200
        assert (await site.get("/status")).code == 404
    finally:
        await site.close()


async def test_more_viewers_than_allowed_are_sent_away(site: Site) -> None:
    viewers = [events(site) for _ in range(MAX_VIEWERS)]
    site.client.close()
    site.client = AsyncHTTPClient(force_instance=True, max_clients=MAX_VIEWERS + 2)
    for viewer in viewers:
        await anext(viewer)
    with pytest.raises(HTTPClientError) as refused:
        await anext(events(site))
    assert refused.value.code == 503
    await viewers[0].aclose()
    await until(lambda: site.page._feed.viewers < MAX_VIEWERS)
    viewers[0] = events(site)
    await anext(viewers[0])
    for viewer in viewers:
        await viewer.aclose()
    await until(lambda: site.page._feed.viewers == 0)


async def test_server_that_drains_does_not_wait_for_viewers(site: Site) -> None:
    viewer = events(site)
    await anext(viewer)
    result = await site.server.drain(30.0)
    assert not result.cut
    with pytest.raises(StopAsyncIteration):
        while True:
            await anext(viewer)


async def test_second_hand_stops_when_nobody_is_connected_and_goes_on_after(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waterspout.web.status._sampler.STEP", 0.01)
    page = site.page
    connection = socket.create_connection(("127.0.0.1", site.port))
    await until(lambda: page.turn >= 1)
    connection.close()
    await until(lambda: page._sampler._timer is None)
    turn = page.turn
    connection = socket.create_connection(("127.0.0.1", site.port))
    await until(lambda: page.turn > turn)
    connection.close()


async def test_observer_of_the_server_is_told_too_and_the_page_once() -> None:
    class Other(ServerObserver):
        opened = 0

        def connection_opened(self, connection: HTTP1ServerConnection) -> None:
            self.opened += 1

    other, page = Other(), StatusPage()
    app = web.Application(ROUTES, status_page=page, log_function=lambda handler: None)
    for observer in (other, page):
        server = app.listen(0, "127.0.0.1", observer=observer)
        port = next(iter(server._sockets.values())).getsockname()[1]
        before = page.accepted
        await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/story/1")
        assert page.accepted == before + 1
        server.stop()
        await server.close_all_connections()
    assert other.opened == 1


async def test_page_on_a_port_of_its_own() -> None:
    page = StatusPage()
    public = web.Application(ROUTES, log_function=lambda handler: None).listen(0, "127.0.0.1", observer=page)
    private = web.Application(page.routes(), log_function=lambda handler: None).listen(0, "127.0.0.1")
    ports = [next(iter(server._sockets.values())).getsockname()[1] for server in (public, private)]
    client = AsyncHTTPClient()
    await client.fetch(f"http://127.0.0.1:{ports[0]}/story/1")
    assert (await client.fetch(f"http://127.0.0.1:{ports[0]}/status", raise_error=False)).code == 404
    answer = await client.fetch(f"http://localhost:{ports[1]}/status/metrics")
    assert 'http_server_requests_total{route="/story/{}",status="2xx"} 1' in answer.body.decode()
    for server in (public, private):
        server.stop()
        await server.close_all_connections()


async def test_without_a_page_nobody_observes() -> None:
    app = web.Application(ROUTES)
    assert app.server_observer is None and HTTPServer(app).observer is None


async def test_lag_that_is_reported_is_shown(site: Site) -> None:
    for number in range(20):
        site.page.loop_lagged(Lag(0.5 + number, f"shop.reports.build{number} (reports.py:7)", ""))
    stream = events(site)
    _, now = await anext(stream)
    await stream.aclose()
    assert [name for _, _, name in now["lags"]] == [
        f"shop.reports.build{n} (reports.py:7)" for n in (19, 18, 17, 16, 15)
    ]


class _Request:
    method = "GET"

    def __init__(self, template: str) -> None:
        self.route = self
        self.template = template


class _Observed:
    """A request that began at 0 and was answered after a millisecond."""

    began, first_byte, received, sent, status, seconds = 0.0, 0.001, 0, 10, 200, 0.001
    connection: Any = None

    def __init__(self, template: str) -> None:
        self.request = _Request(template)


async def test_memory_does_not_grow_with_requests_nor_with_made_up_routes() -> None:
    page = StatusPage()

    def serve(count: int, routes: int) -> None:
        for number in range(count):
            observed: Any = _Observed(f"/{number % routes}")
            page.request_started(observed)
            page.head_sent(observed)
            page.request_finished(observed)
            if number % 100 == 0:
                page.sample(0.001)

    tracemalloc.start()
    try:
        serve(20_000, 2 * MAX_ROUTES)
        gc.collect()  # the collector's moment is not what is measured
        before = tracemalloc.get_traced_memory()[0]
        serve(20_000, 10_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 64 * 1024
    assert len(list(page.by_route)) <= MAX_ROUTES + 1 and page.requests == 40_000


@pytest.mark.parametrize("path", ["status", "", "/", "//"])
async def test_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path of a status page"):
        StatusPage(path)
