"""`on_close` comes once in every case (WS24): however a WebSocket ends, with the code that the client has given."""

# ruff: noqa: ASYNC110  # what other tasks do is waited for by looking

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application
from waterspout.websocket import Overflow, WebSocketClosedError, WebSocketHandler
from waterspout.ws import Close, Connection, Event, Role

OPENING = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Ending(WebSocketHandler):
    """Writes down the end, and does what a test wants of it in its methods."""

    overflow = Overflow.CLOSE
    closes: list[Any]
    in_open: Callable[[Any], Any] | None = None
    in_message: Callable[[Any], Any] | None = None
    in_close: Callable[[Any], Any] | None = None
    here: Any = None

    def open(self) -> Any:
        type(self).here = self
        return type(self).in_open and type(self).in_open(self)  # type: ignore[misc]

    def on_message(self, message: str | bytes) -> Any:
        return type(self).in_message and type(self).in_message(self)  # type: ignore[misc]

    def on_close(self) -> None:
        self.closes.append((self.close_code, self.close_reason))
        if type(self).in_close is not None:
            type(self).in_close(self)  # type: ignore[misc]


class Client:
    """The other end: a plain socket and a codec that does only what it is told."""

    def __init__(self, sock: socket.socket, server: HTTPServer, handler: type[Ending]) -> None:
        self.sock = sock
        self.server = server
        self.handler = handler
        self.codec = Connection(Role.CLIENT)

    async def send(self, frame: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, frame)

    async def rest(self) -> list[Event]:
        """What comes until the server closes."""
        events: list[Event] = []
        try:
            while data := await asyncio.get_running_loop().sock_recv(self.sock, 65536):
                events += self.codec.receive(data)
        except ConnectionResetError:
            pass  # so the server has closed
        return events

    async def until_close(self) -> Close:
        """The server's Close, when it has come."""
        events: list[Event] = []
        while not (events and isinstance(events[-1], Close)):
            events += self.codec.receive(await asyncio.get_running_loop().sock_recv(self.sock, 65536))
        return events[-1]

    async def answer_close(self) -> None:
        """Wait for the server's Close, and answer it."""
        await self.send(self.codec.close((await self.until_close()).code))


async def client_closes(client: Client) -> None:
    await client.send(client.codec.close(3001, "bye"))


async def client_closes_without_code(client: Client) -> None:
    await client.send(client.codec.close())


async def client_ends_the_stream(client: Client) -> None:
    client.sock.shutdown(socket.SHUT_WR)


async def client_ends_the_stream_inside_a_message(client: Client) -> None:
    await client.send(client.codec.send_text("half a message")[:-3])
    client.sock.close()


async def client_resets(client: Client) -> None:
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sock.close()


async def client_closes_and_resets(client: Client) -> None:
    await client.send(client.codec.close(3001, "bye"))
    await client_resets(client)


async def client_closes_twice(client: Client) -> None:
    closing = client.codec.close(3001, "bye")
    await client.send(closing + closing)


async def client_breaks_the_protocol(client: Client) -> None:
    await client.send(b"\x81\x01x")  # not masked
    assert [event.code for event in await client.rest() if isinstance(event, Close)] == [1002]


async def client_sends_too_much(client: Client) -> None:
    await client.send(client.codec.send_text("x" * 1001))
    assert [event.code for event in await client.rest() if isinstance(event, Close)] == [1009]


async def client_leaves_pings_unanswered(client: Client) -> None:
    assert [event.code for event in await client.rest() if isinstance(event, Close)] == [1011]


async def client_does_not_read(client: Client) -> None:
    while True:
        try:
            client.handler.here.write_message("x" * 50_000)
        except WebSocketClosedError:
            break
        await asyncio.sleep(0)
    await client.until_close()
    client.sock.close()


async def server_closes(client: Client) -> None:
    client.handler.here.close(3002, "go")
    await client.answer_close()


async def server_closes_and_the_client_does_not_answer(client: Client) -> None:
    client.handler.here.ws_connection.close(3002, timeout=0.05)
    await client.rest()


async def server_closes_twice(client: Client) -> None:
    here = client.handler.here
    here.close(3002)
    here.close(3003)
    await client.answer_close()


async def both_close_at_once(client: Client) -> None:
    client.handler.here.close(3002)
    await client.send(client.codec.close(3001, "bye"))


async def server_closes_and_the_client_vanishes(client: Client) -> None:
    client.handler.here.close(3002)
    await client_resets(client)


async def server_aborts(client: Client) -> None:
    client.handler.here.ws_connection.abort()


async def application_closes_the_stream(client: Client) -> None:
    client.handler.here.ws_connection.stream.close()


async def server_drains(client: Client) -> None:
    draining = asyncio.create_task(client.server.drain(30))
    await client.answer_close()
    await draining


async def server_drains_and_the_client_does_not_answer(client: Client) -> None:
    await client.server.drain(0.05)


async def a_message_waits_when_the_client_closes(client: Client) -> None:
    gate = asyncio.Event()
    client.handler.in_message = lambda handler: gate.wait()
    await client.send(client.codec.send_text("x") + client.codec.close(3001, "bye"))
    await asyncio.sleep(0.01)
    assert client.handler.closes == []  # first things first
    gate.set()


async def a_message_waits_when_the_client_vanishes(client: Client) -> None:
    client.handler.in_message = lambda handler: asyncio.Event().wait()
    await client.send(client.codec.send_text("x"))
    await client_resets(client)


async def a_message_handler_raises(client: Client) -> None:
    def fail(handler: Any) -> None:
        raise ValueError("broken")

    client.handler.in_message = fail
    await client.send(client.codec.send_text("x"))
    await client.answer_close()


async def a_message_handler_closes(client: Client) -> None:
    client.handler.in_message = lambda handler: handler.close(3002)
    await client.send(client.codec.send_text("x"))
    await client.answer_close()


async def on_close_closes_and_raises(client: Client) -> None:
    def fail(handler: Any) -> None:
        handler.close()
        raise ValueError("broken")

    client.handler.in_close = fail
    await client.send(client.codec.close(3001, "bye"))


ENDINGS: dict[Callable[[Client], Awaitable[None]], tuple[int | None, str | None]] = {
    client_closes: (3001, "bye"),
    client_closes_without_code: (None, None),
    client_ends_the_stream: (None, None),
    client_ends_the_stream_inside_a_message: (None, None),
    client_resets: (None, None),
    client_closes_and_resets: (3001, "bye"),
    client_closes_twice: (3001, "bye"),
    client_breaks_the_protocol: (1002, "frame is not masked"),
    client_sends_too_much: (1009, "message too big"),
    client_leaves_pings_unanswered: (None, "ping timed out"),
    client_does_not_read: (None, None),
    server_closes: (3002, None),
    server_closes_and_the_client_does_not_answer: (None, None),
    server_closes_twice: (3002, None),
    both_close_at_once: (3001, "bye"),
    server_closes_and_the_client_vanishes: (None, None),
    server_aborts: (None, None),
    application_closes_the_stream: (None, None),
    server_drains: (1001, None),
    server_drains_and_the_client_does_not_answer: (None, None),
    a_message_waits_when_the_client_closes: (3001, "bye"),
    a_message_waits_when_the_client_vanishes: (None, None),
    a_message_handler_raises: (1011, None),
    a_message_handler_closes: (3002, None),
    on_close_closes_and_raises: (3001, "bye"),
}


def run(ending: Callable[[Client], Awaitable[None]], kind: type[Ending], **settings: Any) -> None:
    async def main() -> None:
        listening = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(Application([("/", kind)], **settings))
        server.add_sockets(listening)
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setblocking(False)
        try:
            async with asyncio.timeout(20):
                await loop.sock_connect(sock, listening[0].getsockname())
                await loop.sock_sendall(sock, OPENING)
                received = b""
                while not received.endswith(b"\r\n\r\n"):
                    received += await loop.sock_recv(sock, 1)
                while kind.here is None:
                    await asyncio.sleep(0)
                await ending(Client(sock, server, kind))
                while not kind.closes:
                    await asyncio.sleep(0.001)
            sock.close()
            await server.close_all_connections()
            for _ in range(5):  # nothing comes after it
                await asyncio.sleep(0)
        finally:
            sock.close()
            server.stop()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
def test_WS24_on_close_comes_once(ending: Callable[[Client], Awaitable[None]]) -> None:
    kind: Any = type("Kind", (Ending,), {"closes": []})
    settings: dict[str, Any] = {"websocket_max_message_size": 1000}
    if ending is client_leaves_pings_unanswered:
        settings["websocket_ping_interval"] = 0.05
    run(ending, kind, **settings)
    assert kind.closes == [ENDINGS[ending]]
    assert kind.here.ws_connection is None
    with pytest.raises(WebSocketClosedError):
        kind.here.write_message("x")


@pytest.mark.parametrize("how", ["raises", "closes", "waits for ever"])
def test_WS24_on_close_comes_once_where_open_ends_it(how: str) -> None:
    def in_open(handler: Any) -> Any:
        if how == "raises":
            raise ValueError("broken")
        if how == "closes":
            return handler.close(3002)
        return asyncio.Event().wait()

    async def ending(client: Client) -> None:
        if how == "waits for ever":
            await client_resets(client)
        else:
            await client.answer_close()

    kind: Any = type("Kind", (Ending,), {"closes": [], "in_open": staticmethod(in_open)})
    run(ending, kind)
    assert kind.closes == [{"raises": (1011, None), "closes": (3002, None)}.get(how, (None, None))]
