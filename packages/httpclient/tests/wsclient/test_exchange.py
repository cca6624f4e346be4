"""The opening handshake as an HTTP exchange: what a connection says of it, and what subclasses may do about it."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets

from waterspout.httpclient import HTTPClientError, HTTPRequest
from waterspout.httputil import HTTPMessageDelegate
from waterspout.ioloop import new_event_loop
from waterspout.iostream import IOStream
from waterspout.tcpclient import TCPClient
from waterspout.ws import accept_key
from waterspout.wsclient import WebSocketClientConnection, websocket_connect
from waterspout.wsconnection import WebSocketClosedError, WebSocketError

Run = Callable[[Callable[[], Awaitable[Any]]], Any]
REFUSAL = b"HTTP/1.1 403 Not You\r\nContent-Length: 4\r\nX-Why: because\r\n\r\npage"


async def stay(ws: Any) -> None:
    await ws.wait_closed()


def serve(handler: Any = stay) -> Any:
    return websockets.serve(handler, "127.0.0.1", 0)


def url_of(server: Any) -> str:
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat?x=1"


def key_of(request: bytes) -> str:
    lines = (line.partition(": ") for line in request.decode().split("\r\n"))
    return next(value for name, _, value in lines if name.lower() == "sec-websocket-key")


def agreement(request: bytes, reason: str = "Switching Protocols", *more: str) -> bytes:
    accept = f"Sec-WebSocket-Accept: {accept_key(key_of(request))}"
    lines = [f"HTTP/1.1 101 {reason}", "Upgrade: websocket", "Connection: Upgrade", accept, *more, "", ""]
    return "\r\n".join(lines).encode()


def test_an_open_connection_knows_the_exchange_that_opened_it(run: Run, peer: Callable[..., Any]) -> None:
    requests = []

    async def handler(talk: Any) -> None:
        requests.append(await talk.request())
        await talk.send(agreement(requests[0], "As You Like", "X-Mine: yes"))
        await talk.reader.read()

    async def main() -> None:
        async with peer(handler) as server:
            before = time.time()
            ws = await websocket_connect(server.url.replace("http", "ws") + "/a", ping_timeout=7, max_message_size=100)
            assert (ws.code, ws.reason, ws.headers["X-Mine"]) == (101, "As You Like", "yes")
            assert [ws.key] == [key_of(request) for request in requests]
            assert (ws.params.ping_interval, ws.params.ping_timeout, ws.params.max_message_size) == (None, 7, 100)
            assert (ws.parsed.scheme, ws.parsed.path, ws.parsed_hostname) == ("ws", "/a", "127.0.0.1")
            assert before <= ws.start_wall_time <= time.time()
            assert 0 <= ws.io_loop.time() - ws.start_time < 60
            assert ws.get_websocket_protocol() is ws.protocol
            assert ws.client is None and ws.tcp_client is None and ws.chunks == []
            assert isinstance(ws, HTTPMessageDelegate)
            ws.close()

    run(main)


@pytest.mark.parametrize("name", ["connection", "final_callback", "release_callback"])
def test_what_has_no_counterpart_says_what_to_use(run: Run, name: str) -> None:
    async def main() -> None:
        async with serve() as server:
            ws = await websocket_connect(url_of(server))
            assert not hasattr(ws, name)
            with pytest.raises(AttributeError, match=r"a WebSocket has no .*: (use|its|it takes) "):
                getattr(ws, name)
            ws.close()

    run(main)


def test_without_an_open_connection_there_is_no_protocol_to_get(run: Run) -> None:
    async def main() -> None:
        async with serve() as server:
            ws = WebSocketClientConnection(HTTPRequest(url_of(server)))
            with pytest.raises(WebSocketClosedError):
                ws.get_websocket_protocol()
            assert await ws.connect_future is ws
            ws.close()
            await ws.read_message()
            with pytest.raises(WebSocketClosedError):
                ws.get_websocket_protocol()

    run(main)


class Telling(WebSocketClientConnection):
    """Writes down what its answer tells it."""

    told: list[Any]

    def headers_received(self, start_line: Any, headers: Any) -> Any:
        self.told = [(start_line.version, start_line.code, start_line.reason), headers.get("X-Why")]
        return super().headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        self.told.append(chunk)
        return super().data_received(chunk)

    def finish(self) -> None:
        self.told.append("finish")
        super().finish()


def test_a_refusal_is_told_piece_by_piece_and_kept_for_the_error(run: Run, peer: Callable[..., Any]) -> None:
    async def handler(talk: Any) -> None:
        await talk.request()
        await talk.send(b"HTTP/1.1 403 Not You\r\nTransfer-Encoding: chunked\r\nX-Why: because\r\n\r\n2\r\npa\r\n")
        await talk.send(b"2\r\nge\r\n0\r\n\r\n")

    async def main() -> None:
        async with peer(handler) as server:
            ws = Telling(HTTPRequest(server.url))
            with pytest.raises(HTTPClientError) as error:
                await ws.connect_future
            response = error.value.response
            assert response is not None and response.body == b"page" and response.reason == "Not You"
            assert response.start_time == ws.start_wall_time
            assert response.request_time is not None and 0 <= response.request_time < 60
            assert ws.told[:2] == [("HTTP/1.1", 403, "Not You"), "because"] and ws.told[-1] == "finish"
            assert b"".join(ws.told[2:-1]) == b"page" == b"".join(ws.chunks)
            assert ws.code == 403

    run(main)


def test_an_agreement_has_a_head_and_nothing_else(run: Run) -> None:
    async def main() -> None:
        async with serve() as server:
            ws = Telling(HTTPRequest(url_of(server)))
            await ws.connect_future
            assert ws.told == [("HTTP/1.1", 101, "Switching Protocols"), None]
            ws.close()

    run(main)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_subclass_may_refuse_the_server_by_its_answer(run: Run, asynchronous: bool) -> None:
    class Particular(WebSocketClientConnection):
        def headers_received(self, start_line: Any, headers: Any) -> Any:
            if asynchronous:
                return self.look()
            raise LookupError("not this server")

        async def look(self) -> None:
            await asyncio.sleep(0)
            raise LookupError("not this server")

    async def notice(ws: Any) -> None:
        await ws.wait_closed()
        left.set()

    left = asyncio.Event()

    async def main() -> None:
        async with serve(notice) as server:
            with pytest.raises(LookupError, match="not this server"):
                await Particular(HTTPRequest(url_of(server))).connect_future
            await left.wait()

    run(main)


def test_a_subclass_may_bring_its_own_limits(run: Run, peer: Callable[..., Any]) -> None:
    class Careful(WebSocketClientConnection):
        max_header_size = 200
        max_body_size = 3

    class Bodiless(WebSocketClientConnection):
        max_body_size = 0

    async def main() -> None:
        async with peer(REFUSAL) as server:
            for connection, page in ((Careful, b"pag"), (Bodiless, b"")):
                with pytest.raises(HTTPClientError) as error:
                    await connection(HTTPRequest(server.url)).connect_future
                assert error.value.response is not None and error.value.response.body == page
        async with peer(REFUSAL.replace(b"because", b"x" * 200)) as server:
            with pytest.raises(WebSocketError, match="exceeds 200 bytes"):
                await Careful(HTTPRequest(server.url)).connect_future

    run(main)


def test_a_subclass_may_connect_in_its_own_way_and_wrap_the_opening(run: Run) -> None:
    class Detour(TCPClient):
        async def connect(self, host: str, port: int, *args: Any, **kwargs: Any) -> IOStream:
            assert host == "far.example"
            return await super().connect("127.0.0.1", port, *args, **kwargs)

    class Detoured(WebSocketClientConnection):
        ran = False

        def __init__(self, request: HTTPRequest) -> None:
            super().__init__(request)
            self.tcp_client = Detour()

        async def run(self) -> None:
            await super().run()
            self.ran = True

    async def main() -> None:
        async with serve() as server:
            ws = Detoured(HTTPRequest(url_of(server).replace("127.0.0.1", "far.example")))
            assert await ws.connect_future is ws
            await asyncio.sleep(0)
            assert ws.ran and ws.parsed_hostname == "far.example"
            ws.close()

    run(main)


class ToPair(WebSocketClientConnection):
    """Connected to one end of a pair of sockets; the test holds the other."""

    def __init__(self, ours: socket.socket) -> None:
        class Pair(TCPClient):
            async def connect(self, host: str, port: int, *args: Any, **kwargs: Any) -> IOStream:
                return IOStream(ours)

        super().__init__(HTTPRequest("ws://pair.example/chat"))
        self.tcp_client = Pair()


def warnings_of_a_loop_that_ends(close: bool) -> list[str]:
    """What is warned of when a loop ends while a WebSocket is open, or after its client has closed it."""

    async def main(theirs: socket.socket, ours: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        ws = ToPair(ours)
        theirs.setblocking(False)
        await loop.sock_sendall(theirs, agreement(await loop.sock_recv(theirs, 4096)))
        await ws.connect_future
        if close:
            ws.close()
            theirs.close()
            assert await ws.read_message() is None

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pair = socket.socketpair()
        loop = new_event_loop()
        loop.run_until_complete(main(*pair))
        loop.close()
        del loop
        gc.collect()
        for sock in pair:
            sock.close()
    return [str(warning.message) for warning in caught if "WebSocket" in str(warning.message)]


def test_a_connection_that_its_loop_leaves_open_is_warned_of() -> None:
    assert warnings_of_a_loop_that_ends(close=False) == ["unclosed WebSocket to ws://pair.example/chat: call close()"]
    assert warnings_of_a_loop_that_ends(close=True) == []


def test_a_connection_that_never_came_about_is_not_warned_of(run: Run, recwarn: pytest.WarningsRecorder) -> None:
    async def main() -> None:
        for url in ("ws://127.0.0.1:1/", "nonsense:"):
            with pytest.raises((OSError, ValueError, HTTPClientError)):
                await websocket_connect(url)

    run(main)
    gc.collect()
    assert not [warning for warning in recwarn if "WebSocket" in str(warning.message)]
