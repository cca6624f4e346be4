"""ASGI applications over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.asgi import ASGIContainer, ClientDisconnected, LifespanFailed
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets
from waterspout.routing import AnyMatches, Rule, RuleRouter

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


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_all_who_wait_for_the_client_hear_of_it_though_another_gives_up(until: Until, kind: str) -> None:
    log: list[str] = []

    async def listen(receive: Any) -> None:
        log.append((await receive())["type"])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        listeners = [asyncio.create_task(listen(receive)) for _ in range(3)]
        await asyncio.sleep(0)
        listeners[0].cancel()
        looks = asyncio.create_task(receive())  # as Starlette's is_disconnected does
        await asyncio.sleep(0)
        looks.cancel()
        log.append("waiting")
        await asyncio.gather(*listeners[1:])

    async def main() -> None:
        container = ASGIContainer(app)
        server = HTTPServer(container)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname())
        upgrade = (
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        )
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n" + (upgrade if kind == "websocket" else b"") + b"\r\n")
        await until(lambda: log)
        writer.close()
        await until(lambda: not container._tasks)
        server.stop()

    asyncio.run(main())
    assert log == ["waiting", f"{kind}.disconnect", f"{kind}.disconnect"]


@pytest.mark.parametrize("routed", [False, True], ids=["alone", "behind a router"])
@pytest.mark.parametrize("body", [b"", b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_application_that_ends_because_its_client_left_is_no_error(
    until: Until, caplog: Any, body: bytes, routed: bool
) -> None:
    log: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while log[-1:] != ["http.disconnect"]:
            log.append((await receive())["type"])

    async def main() -> None:
        container = ASGIContainer(app)
        server = HTTPServer(RuleRouter([Rule(AnyMatches(), container)]) if routed else container)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + body + b"\r\n" + (b"3\r\nabc\r\n" if body else b""))
        await until(lambda: log)
        writer.close()
        await until(lambda: log[-1] == "http.disconnect" and not container._tasks)
        server.stop()

    asyncio.run(main())
    assert log[0] == "http.request" and "without a whole response" not in caplog.text


HEAD_FIELDS = [(b"X", b"a\r\nY: b"), (b"X Y", b"a"), (b"Content-Length", b"x"), (b"X", b"\x00")]


@pytest.mark.parametrize(
    ("status", "fields"),
    [(200, [field]) for field in HEAD_FIELDS] + [(n, []) for n in (0, 99, 100, 101, 103, 199, 1000)],
)
@pytest.mark.parametrize("more", [False, True])
def test_a_head_that_HTTP_cannot_carry_is_a_500_and_the_connection_goes_on(
    exchange: Exchange, status: int, fields: list[tuple[bytes, bytes]], more: bool, caplog: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/next":
            await echo(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"x", "more_body": more})

    received, closed = exchange(
        ASGIContainer(app), b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert received.startswith(b"HTTP/1.1 500 ") and received.endswith(b"\r\n\r\nGET 0") and not closed
    assert caplog.text.count("Exception in ASGI application") == 1


@pytest.mark.parametrize("parts", [[b"one"], [b"one", b"two"]])
@pytest.mark.parametrize("length", [[], [(b"content-length", b"%d")]], ids=["no length", "length"])
def test_the_framing_that_an_application_names_is_left_to_the_server(
    exchange: Exchange, parts: list[bytes], length: list[tuple[bytes, bytes]]
) -> None:
    # Proxies hand all fields on that they were given.
    size = sum(map(len, parts))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"transfer-encoding", b"chunked"), *((name, value % size) for name, value in length)]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for number, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    received, closed = exchange(ASGIContainer(app), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    if length or len(parts) == 1:
        assert received == b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"".join(parts)
    else:
        assert received.endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert not closed


EXPECTS = b"POST /%b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n%b\r\n"
FRAMINGS = [(b"Content-Length: 5\r\n", b"hello"), (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n")]


@pytest.mark.parametrize("routed", [False, True], ids=["alone", "behind a router"])
@pytest.mark.parametrize(("framing", "body"), FRAMINGS)
def test_100_continue_is_said_when_the_application_asks_for_the_body(
    exchange: Exchange, framing: bytes, body: bytes, routed: bool
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.01)
        if scope["path"] == "/raise":
            raise ValueError("boom")
        if scope["path"] == "/no":
            await send({"type": "http.response.start", "status": 403})
            await send({"type": "http.response.body", "body": b"no"})
            return
        await echo(scope, receive, send)

    container = ASGIContainer(app)
    served = RuleRouter([Rule(AnyMatches(), container)]) if routed else container
    next_one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    received, closed = exchange(served, EXPECTS % (b"", framing), 0.05, body + next_one)
    assert received.startswith(b"HTTP/1.1 100 ") and b"POST 5HTTP" in received and received.endswith(b"GET 0")
    received, closed = exchange(served, EXPECTS % (b"", framing), body + next_one)
    assert b"POST 5HTTP" in received and received.endswith(b"GET 0") and not closed
    for path, status in ((b"no", b"403"), (b"raise", b"500")):
        received, closed = exchange(served, EXPECTS % (path, framing))
        assert received.startswith(b"HTTP/1.1 " + status) and closed, "and nobody need send the body"
    assert not container._tasks


@pytest.mark.parametrize("routed", [False, True], ids=["alone", "behind a router"])
@pytest.mark.parametrize(("framing", "body"), FRAMINGS)
@pytest.mark.parametrize("length", [[], [(b"content-length", b"10")]], ids=["chunked", "length"])
def test_100_continue_is_not_said_in_the_middle_of_an_answer(
    exchange: Exchange, framing: bytes, body: bytes, length: list[tuple[bytes, bytes]], routed: bool
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        content = (await receive())["body"]
        await send({"type": "http.response.body", "body": content})

    container = ASGIContainer(app)
    served = RuleRouter([Rule(AnyMatches(), container)]) if routed else container
    received, closed = exchange(served, EXPECTS % (b"", framing), 0.05, body)
    assert received.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 100 " not in received and closed
    assert received.partition(b"\r\n\r\n")[2] == (b"begunhello" if length else b"5\r\nbegun\r\n5\r\nhello\r\n0\r\n\r\n")


def test_a_client_that_waits_for_100_and_leaves_is_a_disconnect(until: Until) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await left.wait()
        kinds.append((await receive())["type"])

    async def main() -> None:
        nonlocal left
        left = asyncio.Event()
        container = ASGIContainer(app)
        server = HTTPServer(container)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        _, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(EXPECTS % (b"", b"Content-Length: 5\r\n"))
        await until(lambda: container._tasks)
        writer.close()
        await until(lambda: not server._connections)
        left.set()
        await until(lambda: not container._tasks)
        server.stop()

    left = asyncio.Event()
    kinds: list[str] = []
    asyncio.run(main())
    assert kinds == ["http.disconnect"]


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


@pytest.mark.parametrize("step", ["startup", "shutdown"])
def test_an_exception_in_a_lifespan_is_logged(step: str, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            event = (await receive())["type"]
            if event == f"lifespan.{step}":
                raise ConnectionError("no database")
            await send({"type": f"{event}.complete"})

    async def main() -> str:
        async with ASGIContainer(app):
            return "served"

    assert asyncio.run(main()) == "served"
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "lifespan" in record.message and "no database" in caplog.text


def test_what_an_application_still_does_at_the_end_has_a_time_and_is_then_cancelled(until: Until, caplog: Any) -> None:
    log: list[str] = []
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                log.append(step)
                await send({"type": f"lifespan.{step}.complete"})
            return
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        try:
            await asyncio.sleep(0 if scope["path"] == "/soon" else 3600)
            log.append("ended")
        finally:
            log.append("left")

    async def main() -> None:
        async with ASGIContainer(app, shutdown_grace=0.05) as container:
            server = HTTPServer(container)
            (sock,) = bind_sockets(0, "127.0.0.1")
            server.add_sockets([sock])
            _, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(b"GET /soon HTTP/1.1\r\nHost: a\r\n\r\nGET /late HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: len(asked) == 2 and "left" in log and len(container._tasks) == 1)
            writer.close()
            server.stop()

    asyncio.run(main())
    assert log == ["startup", "ended", "left", "left", "shutdown"]
    assert "1 requests' ASGI tasks did not end within 0.05 s" in caplog.text
