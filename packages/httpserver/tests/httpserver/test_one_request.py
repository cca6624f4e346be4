"""Connections for one request each, many at once: whatever a client does, nothing of it is left behind."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer, ServerObserver
from waterspout.httputil import HTTPServerRequest
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets, bind_unix_socket

LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PATIENCE = 30.0
Until = Callable[..., Any]


def answer(request: HTTPServerRequest) -> None:
    connection: Any = request.connection
    connection.respond(200, None, "Content-Length: 2\r\n", b"ok")


class Client:
    """A connection of a client's, before it has said anything, and what stands before its first request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> None:
        self.reader = reader
        self.writer = writer
        writer.write(first)

    async def answered(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)
        received = await asyncio.wait_for(self.reader.read(), PATIENCE)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n") and received.endswith(b"\r\n\r\nok"), received
        self.writer.close()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def whole(client: Client) -> None:
    await client.answered(LAST)


async def in_pieces(client: Client) -> None:
    await client.answered(*(LAST[place : place + 7] for place in range(0, len(LAST), 7)))


async def of_old(client: Client) -> None:
    await client.answered(b"GET / HTTP/1.0\r\n\r\n")


async def body(client: Client) -> None:
    await client.answered(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n", b"bo", b"dy")


async def more_than_that(client: Client) -> None:
    await client.answered(LAST + LAST)


async def second_is_last(client: Client) -> None:
    client.writer.write(LAST.replace(b"Connection: close\r\n", b""))
    assert (await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\nok"), PATIENCE)).startswith(b"HTTP/1.1 200")
    await client.answered(LAST)


async def leaves(client: Client) -> None:
    client.writer.close()


async def resets(client: Client) -> None:
    client.reset()


async def asks_and_resets(client: Client) -> None:
    client.writer.write(LAST)
    await client.writer.drain()
    client.reset()


CLIENTS: list[Callable[[Client], Awaitable[None]]] = [
    whole, in_pieces, of_old, body, more_than_that, second_is_last, leaves, resets, asks_and_resets,
]  # fmt: skip


def uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, new_event_loop, uvloop])
@pytest.mark.parametrize("kind", ["plain", "unix", "tls", "proxy", "observed", "counted"])
def test_all_are_served_and_nothing_is_left(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    kind: str,
    tmp_path: Path,
    tls_files: tuple[str, str],
    until: Until,
) -> None:
    options: dict[str, Any] = {
        "tls": {"ssl_options": {"certfile": tls_files[0], "keyfile": tls_files[1]}},
        "proxy": {"proxy_protocol": True, "trusted_downstream": ["127.0.0.1"]},
        "observed": {"observer": ServerObserver()},
        "counted": {"max_connections_per_ip": 1000},
    }.get(kind, {})
    context = ssl.create_default_context(cafile=tls_files[0]) if kind == "tls" else None
    first = b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n" if kind == "proxy" else b""

    async def main() -> None:
        server = HTTPServer(answer, **options)
        sockets = [bind_unix_socket(str(tmp_path / "s"))] if kind == "unix" else bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)

        async def connect() -> Client:
            if kind == "unix":
                return Client(*await asyncio.open_unix_connection(str(tmp_path / "s")), first)
            name = "localhost" if context is not None else None
            port = sockets[0].getsockname()[1]
            return Client(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name), first)

        for _ in range(2):
            clients = await asyncio.gather(*(connect() for _ in range(3 * len(CLIENTS))))
            await asyncio.gather(*(what(client) for what, client in zip(CLIENTS * 3, clients, strict=True)))
            await until(lambda: not (server.guard.gate.count or server._connections or server.waiting))
            assert server._deadlines is not None and len(server._deadlines) == 0
        server.stop()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
