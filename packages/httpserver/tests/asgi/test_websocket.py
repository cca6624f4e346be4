"""WebSockets of ASGI applications: a client of another library, and wire bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect

from waterspout.asgi import ASGIContainer, ClientDisconnected
from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets

Exchange = Callable[..., tuple[bytes, bool]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
UPGRADE = (
    b"GET /ws?q=1 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncIterator[tuple[HTTPServer, str]]:
    server = HTTPServer(ASGIContainer(app, **options))
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    try:
        yield server, f"ws://127.0.0.1:{sock.getsockname()[1]}/ws"
    finally:
        server.stop()
        await server.close_all_connections()


def on_accept(then: Any, **accept: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", **accept})
        await then(scope, receive, send)

    return app


async def echo(scope: Any, receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "bytes": event.get("bytes"), "text": event.get("text")})


@pytest.mark.parametrize("compression", [None, {}])
def test_messages_go_both_ways(compression: Any) -> None:
    async def main() -> None:
        async with (
            serving(on_accept(echo), websocket_compression=compression) as (_, url),
            connect(url) as client,
        ):
            assert bool(client.protocol.extensions) is (compression is not None)
            for message in ("text \u20ac", b"\x00bytes", "", b"", "x" * 100_000):
                await client.send(message)
                assert await client.recv() == message

    asyncio.run(main())


def test_the_scope_and_what_the_application_chooses() -> None:
    seen: dict[str, Any] = {}

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "websocket.close", "code": 4000, "reason": "seen"})

    app = on_accept(look, subprotocol="chat.2", headers=[(b"x-served-by", b"us")])

    async def main() -> None:
        async with (
            serving(app, root_path="/ws") as (_, url),
            connect(
                url + "?a=b",
                subprotocols=["chat.1", "chat.2"],  # type: ignore[list-item]
            ) as client,
        ):
            assert client.response is not None and client.response.headers["X-Served-By"] == "us"
            assert client.subprotocol == "chat.2"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "seen")

    asyncio.run(main())
    assert (seen["type"], seen["scheme"], seen["path"], seen["query_string"]) == ("websocket", "ws", "/ws", b"a=b")
    assert seen["subprotocols"] == ["chat.1", "chat.2"] and seen["root_path"] == "/ws" and "method" not in seen


@pytest.mark.parametrize("how", ["in order", "without code", "lost"])
def test_the_application_hears_how_the_client_left(how: str, until: Until) -> None:
    events: list[Any] = []

    async def listen(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):  # it stays the last one
            events.append(await receive())
        with pytest.raises(ClientDisconnected):
            await send({"type": "websocket.send", "text": "late"})

    async def main() -> None:
        async with serving(on_accept(listen)) as (_, url):
            client = await connect(url)
            if how == "in order":
                await client.close(4001, "bye")
            elif how == "without code":
                client.transport.write(b"\x88\x80\x00\x00\x00\x00")
            else:
                client.transport.abort()
            await until(lambda: len(events) == 2)
            client.transport.abort()

    asyncio.run(main())
    code, reason = {"in order": (4001, "bye"), "without code": (1005, ""), "lost": (1006, "")}[how]
    assert events == [{"type": "websocket.disconnect", "code": code, "reason": reason}] * 2


@pytest.mark.parametrize("how", ["close", "response", "exception", "nothing"])
def test_a_handshake_that_is_denied(exchange: Exchange, how: str, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert "websocket.http.response" in scope["extensions"]
        if how == "close":
            await send({"type": "websocket.close"})
        elif how == "response":
            await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"no")]})
            await send({"type": "websocket.http.response.body", "body": b"sign ", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"in"})
        elif how == "exception":
            raise ValueError("boom")

    received, closed = exchange(ASGIContainer(app), UPGRADE + b"\r\n")
    status = {"close": 403, "response": 401, "exception": 500, "nothing": 500}[how]
    assert received.startswith(b"HTTP/1.1 %d " % status) and not closed
    assert how != "response" or (b"X-Why: no\r\n" in received and received.endswith(b"2\r\nin\r\n0\r\n\r\n"))
    assert ("boom" in caplog.text) is (how == "exception")


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Version: 13", b"Version: 8", b"426"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"short", b"400"),
        (b"keep-alive, Upgrade", b"keep-alive", b"400"),
        (b"HTTP/1.1", b"HTTP/1.0", b"400"),
    ],
)
def test_a_malformed_handshake_does_not_reach_the_application(
    exchange: Exchange, old: bytes, new: bytes, status: bytes
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # without the token in Connection it is no upgrade (RFC 9110, 7.8)
        await send({"type": "http.response.start", "status": 400})
        await send({"type": "http.response.body"})

    received, _ = exchange(ASGIContainer(app), UPGRADE.replace(old, new) + b"\r\n")
    assert received.split(b" ")[1] == status


@pytest.mark.parametrize("closes", [False, True])
def test_WS15_another_version_is_told_which_upgrade_there_is(exchange: Exchange, closes: bool) -> None:
    request = UPGRADE.replace(b"Version: 13", b"Version: 8") + b"\r\n"
    if closes:
        request = request.replace(b"keep-alive, Upgrade", b"close, Upgrade")
    received, closed = exchange(ASGIContainer(echo), request)
    lines = received.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 426 upgrade required"
    assert [line for line in lines if line.startswith(b"connection")] == [
        b"connection: upgrade" + b", close" * closes  # RFC 9110, 7.8
    ]
    assert b"upgrade: websocket" in lines and b"sec-websocket-version: 13" in lines
    assert closed is closes


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_an_application_that_ends_ends_the_websocket(ends: str, caplog: Any) -> None:
    async def end(scope: Any, receive: Any, send: Any) -> None:
        if ends == "raises":
            raise ValueError("boom")

    async def main() -> None:
        async with serving(on_accept(end)) as (_, url), connect(url) as client:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == (1011 if ends == "raises" else 1000)

    asyncio.run(main())
    assert caplog.text.count("boom") == (2 if ends == "raises" else 0)  # the traceback's two lines


def test_a_client_that_sends_faster_than_the_application_takes_is_slowed_down(until: Until) -> None:
    go_on = asyncio.Event()
    taken = 0

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        nonlocal taken
        await go_on.wait()
        while (await receive())["type"] == "websocket.receive":
            taken += 1

    async def main() -> None:
        async with serving(on_accept(slow)) as (server, url), connect(url) as client:
            sent = 0

            async def flood() -> None:
                nonlocal sent
                for _ in range(1000):
                    await client.send(b"x" * 100_000)
                    sent += 1

            flooding = asyncio.create_task(flood())
            last = -1
            while sent != last:
                last = sent
                await asyncio.sleep(0.3)
            assert sent < 900
            go_on.set()
            await flooding
            await until(lambda: taken == 1000)

    asyncio.run(main())


def test_draining_closes_with_1001_and_waits() -> None:
    async def main() -> None:
        async with serving(on_accept(echo)) as (server, url), connect(url) as client:
            draining = asyncio.create_task(server.drain(60))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
            result = await draining
            assert (result.upgraded, result.cut_upgraded) == (1, 0)

    asyncio.run(main())


def test_events_in_the_wrong_order_are_said(caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(RuntimeError, match="not expected now"):
            await send({"type": "websocket.send", "text": "too early"})
        with pytest.raises(RuntimeError, match="was not offered"):
            await send({"type": "websocket.accept", "subprotocol": "other"})
        await send({"type": "websocket.accept"})
        with pytest.raises(RuntimeError, match="needs 'bytes' or 'text'"):
            await send({"type": "websocket.send"})
        with pytest.raises(RuntimeError, match="not expected now"):
            await send({"type": "websocket.accept"})

    async def main() -> None:
        async with serving(app) as (_, url), connect(url) as client:
            with pytest.raises(websockets.ConnectionClosedOK):
                await client.recv()

    asyncio.run(main())
    assert not caplog.records
