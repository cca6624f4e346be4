"""ASGI applications over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.asgi import ASGIContainer, ClientDisconnected, LifespanFailed
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets

Exchange = Callable[..., tuple[bytes, bool]]
Until = Callable[[Callable[[], object]], Awaitable[None]]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more, events = b"", True, 0
    while more:
        event = await receive()
        body += event["body"]
        more = event["more_body"]
        events += 1
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]})
    await send({"type": "http.response.body", "body": b"%s %d" % (scope["method"].encode(), len(body))})


def test_requests_with_and_without_bodies(exchange: Exchange) -> None:
    head = b"POST /%C3%A9 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
    received, closed = exchange(ASGIContainer(echo), head, 0.01, b"hello" + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"X-Path: /\xc3\xa9\r\nContent-Length: 6\r\n\r\nPOST 5HTTP/1.1 200 OK" in received
    assert received.endswith(b"GET 0") and not closed


def test_the_scope(exchange: Exchange) -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    raw = b"GET /api/a%20b?x=%20 HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nX-Twice: 2 \r\n\r\n"
    received, _ = exchange(ASGIContainer(app, root_path="/api/"), raw)
    assert received == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/api/a b", b"/api/a%20b", b"x=%20")
    assert (seen["root_path"], seen["scheme"], seen["http_version"]) == ("/api", "http", "1.1")
    assert seen["headers"] == [(b"host", b"a"), (b"x-twice", b"1"), (b"x-twice", b"2")]
    assert seen["client"][0] == seen["server"][0] == "127.0.0.1"


@pytest.mark.parametrize(("trusted", "outside"), [(["127.0.0.1"], "/out/side"), (["192.0.2.1"], "")])
def test_a_prefix_that_a_trusted_proxy_names_is_part_of_root_path_and_path(
    exchange: Exchange, trusted: list[str], outside: str
) -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await echo(scope, receive, send)

    raw = b"GET /api/x%2Fy?q HTTP/1.1\r\nHost: a\r\nX-Forwarded-Prefix: /out/side\r\n\r\n"
    options = {"xheaders": True, "trusted_downstream": trusted, "forwarding_headers": ["X-Forwarded-Prefix"]}
    exchange(ASGIContainer(app, root_path="/api"), raw, **options)
    assert (seen["root_path"], seen["path"]) == (f"{outside}/api", f"{outside}/api/x/y")
    assert seen["raw_path"] == f"{outside}/api/x%2Fy".encode() and seen["query_string"] == b"q"


def test_a_large_body_is_taken_at_the_applications_pace(exchange: Exchange) -> None:
    largest = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal largest
        more, total = True, 0
        while more:
            event = await receive()
            largest = max(largest, len(event["body"]))
            total += len(event["body"])
            more = event["more_body"]
            await asyncio.sleep(0.001)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": str(total).encode()})

    body = b"x" * 3_000_000
    received, _ = exchange(
        ASGIContainer(app), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body), body
    )
    assert received.endswith(b"3000000") and largest < 1_000_000


def test_a_response_in_parts_is_chunked(exchange: Exchange) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    received, _ = exchange(ASGIContainer(app), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_an_application_that_fails(exchange: Exchange, when: str, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if when == "never":
            return
        if when == "after":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise ValueError("boom")

    received, closed = exchange(ASGIContainer(app), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    if when == "after":
        assert received.endswith(b"4\r\npart\r\n") and closed
    else:
        assert received.startswith(b"HTTP/1.1 500 ") and not closed
    assert caplog.text.count("ASGI application") == 1


def test_a_client_that_leaves_is_a_disconnect(until: Until) -> None:
    log: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        log.append((await receive())["type"])
        log.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200})
        try:
            await send({"type": "http.response.body", "body": b"late"})
        except ClientDisconnected:
            log.append("told")
            raise

    async def main() -> None:
        server = HTTPServer(ASGIContainer(app))
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: log)
        writer.close()
        await until(lambda: "told" in log)
        server.stop()

    asyncio.run(main())
    assert log == ["http.request", "http.disconnect", "told"]


def lifespan_app(log: list[str], fail: str = "") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        scope["state"]["db"] = "open"
        for step in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{step}"
            log.append(step)
            if fail == step:
                await send({"type": f"lifespan.{step}.failed", "message": "no database"})
                return
            await send({"type": f"lifespan.{step}.complete"})

    return app


def test_lifespan_runs_around_the_serving() -> None:
    log: list[str] = []

    async def main() -> None:
        async with ASGIContainer(lifespan_app(log)) as container:
            log.append("serving")
            assert container._lifespan.state == {"db": "open"}

    asyncio.run(main())
    assert log == ["startup", "serving", "shutdown"]


def test_an_application_that_cannot_start_says_why() -> None:
    async def main() -> None:
        with pytest.raises(LifespanFailed, match="no database"):
            async with ASGIContainer(lifespan_app([], fail="startup")):
                raise AssertionError("not reached")

    asyncio.run(main())


def test_an_application_without_lifespan_is_served_all_the_same() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"

    async def main() -> str:
        async with ASGIContainer(app):
            return "served"

    assert asyncio.run(main()) == "served"
