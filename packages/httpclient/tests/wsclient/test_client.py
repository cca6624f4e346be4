"""The WebSocket client against servers of the ``websockets`` library, and against answers that are wrong."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets
from websockets.asyncio.server import ServerConnection

from waterspout.httpclient import HTTPClientError, HTTPRequest, HTTPStreamClosedError, HTTPTimeoutError
from waterspout.ws import accept_key
from waterspout.wsclient import WebSocketClientConnection, websocket_connect
from waterspout.wsclient._client import MAX_UNREAD, OVERHEAD
from waterspout.wsconnection import WebSocketClosedError, WebSocketError

Run = Callable[[Callable[[], Awaitable[Any]]], Any]


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


def serve(handler: Any = echo, **options: Any) -> Any:
    return websockets.serve(handler, "127.0.0.1", 0, **options)


def url_of(server: Any, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat?x=1"


@pytest.mark.parametrize("compression", [None, {}, {"compression_level": 9, "mem_level": 9}])
def test_messages_come_back_from_the_websockets_library(run: Run, compression: dict[str, Any] | None) -> None:
    async def main() -> None:
        async with serve() as server:
            ws = await websocket_connect(url_of(server), compression_options=compression)
            assert ("Sec-WebSocket-Extensions" in ws.headers) == (compression is not None)
            for message in ("", "häh", "x" * 100_000):
                await ws.write_message(message)
                assert await ws.read_message() == message
            await ws.write_message(bytes(1000), binary=True)
            assert await ws.read_message() == bytes(1000)
            ws.close(1000)
            assert await ws.read_message() is None
            assert ws.close_code == 1000
            assert ws.protocol is None

    run(main)


def test_async_for_gives_messages_until_the_server_closes(run: Run) -> None:
    async def count(ws: ServerConnection) -> None:
        for number in range(3):
            await ws.send(str(number))
        await ws.close(4001, "no more")

    async def main() -> None:
        async with serve(count) as server:
            ws = await websocket_connect(url_of(server))
            assert [message async for message in ws] == ["0", "1", "2"]
            assert (ws.close_code, ws.close_reason) == (4001, "no more")
            with pytest.raises(WebSocketClosedError):
                ws.write_message("x")
            with pytest.raises(WebSocketClosedError):
                ws.ping()
            ws.close()  # nothing to do, and no error

    run(main)


def test_a_callback_gets_every_message_and_none_at_the_end(run: Run) -> None:
    async def main() -> None:
        got: list[Any] = []
        async with serve() as server:
            ws = await websocket_connect(url_of(server), on_message_callback=got.append)
            await ws.write_message("a")
            await ws.write_message("b")
            while len(got) < 2:
                await asyncio.sleep(0.001)
            ws.close(1000)
            while len(got) < 3:
                await asyncio.sleep(0.001)
            assert got == ["a", "b", None]

    run(main)


def test_a_callback_may_be_a_coroutine_function_and_the_next_message_waits_for_it(run: Run) -> None:
    async def main() -> None:
        log: list[Any] = []

        async def callback(message: str | bytes | None) -> None:
            log.append(("begin", message))
            await asyncio.sleep(0.001)
            log.append(("end", message))

        async with serve() as server:
            ws = await websocket_connect(url_of(server), on_message_callback=callback)
            await ws.write_message("a")
            await ws.write_message("b")
            while len(log) < 4:
                await asyncio.sleep(0.001)
            ws.close()
            while len(log) < 6:
                await asyncio.sleep(0.001)
            assert log == [(when, message) for message in ("a", "b", None) for when in ("begin", "end")]

    run(main)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_a_callback_raises_is_logged_and_closes_with_1011_and_the_end_is_told_once(
    run: Run, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    async def main() -> None:
        got: list[Any] = []
        codes: list[Any] = []

        def callback(message: str | bytes | None) -> Any:
            got.append(message)
            if asynchronous:
                return fail()
            raise ValueError("broken")

        async def fail() -> None:
            raise ValueError("broken")

        async def watch(ws: ServerConnection) -> None:
            await ws.send("x")
            await ws.wait_closed()
            codes.append(ws.close_code)

        async with serve(watch) as server:
            await websocket_connect(url_of(server), on_message_callback=callback)
            while not codes or len(got) < 2 or caplog.text.count("ValueError: broken") < 2:
                await asyncio.sleep(0.001)
            assert codes == [1011]
            assert got == ["x", None]

    run(main)


def test_callbacks_get_the_futures_of_connecting_and_reading(run: Run) -> None:
    async def main() -> None:
        async with serve() as server:
            opened: list[Any] = []
            ws = await websocket_connect(url_of(server), callback=opened.append)
            await asyncio.sleep(0)
            assert [future.result() for future in opened] == [ws]
            read: list[Any] = []
            ws.read_message(read.append)
            with pytest.raises(RuntimeError, match="one reader"):
                ws.read_message()
            await ws.write_message("x")
            while not read:
                await asyncio.sleep(0.001)
            assert read[0].result() == "x"
            ws.close()
            await ws.read_message()

    run(main)


def test_unread_messages_slow_the_server_down_and_none_is_lost(run: Run) -> None:
    sent = 0

    async def flood(ws: ServerConnection) -> None:
        nonlocal sent
        for number in range(300):
            await ws.send(bytes([number % 256]) * 100_000)
            sent += 1

    async def main() -> None:
        async with serve(flood, compression=None) as server:
            ws = await websocket_connect(url_of(server))
            await asyncio.sleep(0.1)
            assert sent < 200
            messages = [message async for message in ws]
            assert [message[0] for message in messages] == [number % 256 for number in range(300)]

    run(main)


@pytest.mark.parametrize("message", ["", b"", "x"])
def test_unread_messages_without_length_slow_the_server_down_too(run: Run, message: str | bytes) -> None:
    async def flood(ws: ServerConnection) -> None:
        for _ in range(5000):
            await ws.send(message)
            await asyncio.sleep(0)
        await ws.wait_closed()

    async def main() -> None:
        async with serve(flood, compression=None) as server:
            ws = await websocket_connect(url_of(server))
            while ws._room is None:  # what the connection waits for
                await asyncio.sleep(0.001)
            assert ws.read_queue.qsize() == MAX_UNREAD // (len(message) + OVERHEAD) + 1
            for _ in range(5000):
                assert await ws.read_message() == message
            ws.close()

    run(main)


def test_pings_are_sent_and_answered(run: Run) -> None:
    async def main() -> None:
        class Client(WebSocketClientConnection):
            pongs = 0

            def on_pong(self, data: bytes) -> None:
                self.pongs += 1

        async with serve() as server:
            client = Client(HTTPRequest(url_of(server)), ping_interval=0.02)
            ws = await client.connect_future
            assert ws is client
            while client.pongs < 2:
                await asyncio.sleep(0.001)
            ws.ping(b"?")
            await (await next(iter(server.connections)).ping())
            ws.close()
            assert await ws.read_message() is None

    run(main)


def test_the_request_brings_headers_and_credentials(run: Run) -> None:
    async def main() -> None:
        seen: list[Any] = []

        async def look(ws: ServerConnection) -> None:
            assert ws.request is not None
            seen.append((ws.request.path, dict(ws.request.headers.raw_items())))

        async with serve(look) as server:
            request = HTTPRequest(url_of(server), headers={"X-A": "1"}, auth_username="u", auth_password="p")
            request.user_agent = "tester"
            ws = await websocket_connect(request)
            assert await ws.read_message() is None
            assert "Upgrade" not in request.headers
        path, headers = seen[0]
        assert path == "/chat?x=1"
        assert headers["X-A"] == "1"
        assert headers["Authorization"] == "Basic dTpw"
        assert headers["User-Agent"] == "tester"
        with pytest.raises(ValueError, match="connect_timeout"):
            websocket_connect(request, connect_timeout=1)

    run(main)


def test_wss_checks_the_certificate(
    run: Run, certificate: Callable[..., tuple[str, str]], tls_server: Callable[..., ssl.SSLContext]
) -> None:
    async def main() -> None:
        async with serve(ssl=tls_server()) as server:
            url = url_of(server, "wss")
            ws = await websocket_connect(HTTPRequest(url, ca_certs=certificate()[0]))
            await ws.write_message("secret")
            assert await ws.read_message() == "secret"
            ws.close()
            assert await ws.read_message() is None
            with pytest.raises(ssl.SSLCertVerificationError):
                await websocket_connect(url)
            ws = await websocket_connect(HTTPRequest(url, validate_cert=False))
            ws.close()
            assert await ws.read_message() is None

    run(main)


def test_the_subprotocol_is_the_servers_choice(run: Run) -> None:
    async def main() -> None:
        async with serve(subprotocols=["b", "c"]) as server:
            ws = await websocket_connect(url_of(server), subprotocols=["a", "b"])
            assert ws.selected_subprotocol == "b"
            ws.close()
            await ws.read_message()

    run(main)


def key_of(request: bytes) -> bytes:
    fields = [line.split(b": ", 1) for line in request.split(b"\r\n")]
    return next(field[1] for field in fields if field[0].lower() == b"sec-websocket-key")


def answer(*lines: str, status: str = "101 Switching Protocols", key: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    fields = {"upgrade": "Upgrade: websocket", "connection": "Connection: Upgrade"}
    fields["sec-websocket-accept"] = f"Sec-WebSocket-Accept: {accept_key(key.decode())}"
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = line if value else ""
    return "\r\n".join([f"{version} {status}", *filter(None, fields.values()), "", ""]).encode()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["Upgrade:"], "instead of websocket"),
        (["Connection:"], "without Connection"),
        (["Sec-WebSocket-Accept: bm90IG91ciBrZXkgYXQgYWxsISE="], "does not prove"),
        (["Sec-WebSocket-Protocol: c"], "'c'"),
        (["Sec-WebSocket-Extensions: permessage-deflate"], "not offered"),
    ],
    ids=["WS23_upgrade", "WS23_connection", "WS23_accept", "WS18_subprotocol", "WS23_extension"],
)
def test_WS18_WS23_an_answer_that_does_not_fit_fails_the_connection(
    run: Run, peer: Callable[..., Any], lines: list[str], why: str
) -> None:
    async def handler(talk: Any) -> None:
        request = await talk.request()
        key = key_of(request)
        await talk.send(answer(*lines, key=key))
        assert await talk.reader.read() == b""  # the client closes

    async def main() -> None:
        async with peer(handler) as server:
            with pytest.raises(WebSocketError, match=why):
                await websocket_connect(server.url.replace("http", "ws"), subprotocols=["a"])
        assert not server.errors

    run(main)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("HTTP/1.0", "answers 101 in HTTP/1.0, which has no upgrades"),
        ("HTTP/0.9", "not HTTP"),
        ("HTTP/1.2", "not HTTP"),
        ("HTTP/2", "not HTTP"),
        ("http/1.1", "not HTTP"),
    ],
)
@pytest.mark.parametrize("lines", [[], ["Connection: keep-alive, Upgrade"], ["Upgrade:"]])
@pytest.mark.parametrize("behind", [b"", b"\x81\x02hi"])
def test_WS23_a_websocket_needs_an_answer_in_HTTP_1_1(
    run: Run, peer: Callable[..., Any], version: str, why: str, lines: list[str], behind: bytes
) -> None:
    async def handler(talk: Any) -> None:
        key = key_of(await talk.request())
        await talk.send(answer(*lines, key=key, version=version) + behind)
        with contextlib.suppress(ConnectionResetError):  # what came behind the answer is not read
            assert await talk.reader.read() == b""  # the client closes

    async def main() -> None:
        async with peer(handler) as server:
            with pytest.raises(WebSocketError, match=why):
                await websocket_connect(server.url.replace("http", "ws"))
        assert not server.errors

    run(main)


def test_WS23_a_refusal_may_come_in_HTTP_1_0(run: Run, peer: Callable[..., Any]) -> None:
    async def main() -> None:
        async with peer(b"HTTP/1.0 403 Forbidden\r\nContent-Length: 4\r\n\r\npage") as server:
            with pytest.raises(HTTPClientError, match="403") as error:
                await websocket_connect(server.url)
            assert error.value.response is not None and error.value.response.body == b"page"

    run(main)


def test_WS23_a_masked_frame_from_the_server_fails_with_1002(run: Run, peer: Callable[..., Any]) -> None:
    async def handler(talk: Any) -> None:
        request = await talk.request()
        key = key_of(request)
        await talk.send(answer(key=key) + b"\x81\x81\x00\x00\x00\x00x")
        head = await talk.reader.readexactly(6)
        assert head[0] == 0x88
        code = bytes(a ^ b for a, b in zip(await talk.reader.readexactly(2), head[2:4], strict=True))
        assert code == b"\x03\xea"

    async def main() -> None:
        async with peer(handler) as server:
            ws = await websocket_connect(server.url.replace("http", "ws"))
            assert await ws.read_message() is None
            assert ws.close_code == 1002
        assert not server.errors

    run(main)


def test_WS23_success_without_a_websocket_is_an_error(run: Run, peer: Callable[..., Any]) -> None:
    async def main() -> None:
        async with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage") as server:
            with pytest.raises(WebSocketError, match="answers the opening handshake with 200 OK"):
                await websocket_connect(server.url)

    run(main)


@pytest.mark.parametrize("status", ["302 Found", "403 Forbidden", "500 Internal Server Error"])
def test_WS23_another_status_is_an_error_with_the_answer(run: Run, peer: Callable[..., Any], status: str) -> None:
    async def main() -> None:
        page = f"HTTP/1.1 {status}\r\nContent-Length: 4\r\nLocation: /x\r\n\r\npage".encode()
        async with peer(page) as server:
            with pytest.raises(HTTPClientError) as error:
                await websocket_connect(server.url)
            assert error.value.code == int(status[:3])
            assert error.value.response is not None
            assert error.value.response.body == b"page"

    run(main)


def test_connecting_fails_with_what_happened(run: Run, peer: Callable[..., Any]) -> None:
    async def hang(talk: Any) -> None:
        await talk.request()
        await talk.reader.read()

    async def leave(talk: Any) -> None:
        await talk.request()

    async def main() -> None:
        async with peer(hang) as server:
            with pytest.raises(HTTPTimeoutError):
                await websocket_connect(server.url, connect_timeout=0.05)
        async with peer(leave) as server:
            with pytest.raises(HTTPStreamClosedError):
                await websocket_connect(server.url)
        async with peer(b"nonsense\r\n\r\n") as server:
            with pytest.raises(WebSocketError, match="not HTTP"):
                await websocket_connect(server.url)
        with pytest.raises(OSError, match="Cannot connect"):
            await websocket_connect(server.url)

    run(main)


def test_cancelling_gives_up_connecting(run: Run, peer: Callable[..., Any]) -> None:
    async def hang(talk: Any) -> None:
        await talk.request()
        assert await talk.reader.read() == b""

    async def main() -> None:
        async with peer(hang) as server:
            future = websocket_connect(server.url)
            while not server.requests:
                await asyncio.sleep(0.001)
            future.cancel()
            while server.open:
                await asyncio.sleep(0.001)
        assert not server.errors

    run(main)


def test_the_first_messages_may_come_with_the_answer(run: Run, peer: Callable[..., Any]) -> None:
    async def handler(talk: Any) -> None:
        request = await talk.request()
        key = key_of(request)
        await talk.send(answer(key=key) + b"\x81\x02hi\x88\x00")
        await talk.reader.read()

    async def main() -> None:
        async with peer(handler) as server:
            ws = await websocket_connect(server.url)
            assert await ws.read_message() == "hi"

    run(main)
