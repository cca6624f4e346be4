"""Draining: what clients see of a server that stops, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.http1connection import HTTP1ServerConnection, Phase
from waterspout.httpserver import HTTPServer, ServerObserver
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.netutil import bind_sockets, bind_unix_socket

Until = Callable[[Callable[[], object]], Awaitable[None]]
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"


def answer(request: HTTPServerRequest) -> None:
    body = request.path.encode()
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


class Held:
    """An application that answers when told to."""

    def __init__(self) -> None:
        self.asked: list[HTTPServerRequest] = []

    def __call__(self, request: HTTPServerRequest) -> None:
        if request.path == "/at-once":
            answer(request)
        else:
            self.asked.append(request)


async def start(application: Any, **options: Any) -> tuple[HTTPServer, Any]:
    server = HTTPServer(application, **options)
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    return server, sock.getsockname()


def test_a_request_under_way_is_answered_and_its_connection_ends(until: Until) -> None:
    async def main() -> None:
        app = Held()
        server, address = await start(app)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET % b"slow")
        await until(lambda: app.asked)
        draining = asyncio.create_task(server.drain(30))
        await until(lambda: server.draining)
        assert not draining.done()
        answer(app.asked[0])
        received = await reader.read()
        assert received == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n/slow"
        writer.close()
        result = await draining
        assert result.clean and (result.finished, result.idle) == (1, 0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    asyncio.run(main())


@pytest.mark.parametrize("observer", [None, ServerObserver()])
def test_every_pipelined_request_that_has_arrived_is_served(until: Until, observer: ServerObserver | None) -> None:
    async def main() -> None:
        app = Held()
        server, address = await start(app, observer=observer)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET % b"slow" + (GET % b"at-once") * 50 + GET % b"slow2")
        await until(lambda: app.asked)
        draining = asyncio.create_task(server.drain(30))
        await until(lambda: server.draining)
        answer(app.asked[0])
        await until(lambda: len(app.asked) == 2)
        answer(app.asked[1])
        received = await reader.read()
        writer.close()
        assert received.count(b"HTTP/1.1 200 OK") == 52 and received.count(b"Connection: close") == 1
        assert received.endswith(b"Connection: close\r\n\r\n/slow2")
        assert (await draining).finished == 1

    asyncio.run(main())


def test_a_request_that_only_the_kernel_holds_is_served(until: Until) -> None:
    async def main() -> None:
        server, address = await start(answer)
        client = socket.create_connection(address)
        await until(lambda: server._connections)
        (connection,) = server._connections
        client.sendall(GET % b"1")  # nothing has read it when it is asked whether the connection is idle
        assert not connection.close_if_idle()
        draining = asyncio.create_task(server.drain(30, idle_grace=0))
        loop = asyncio.get_running_loop()
        received = await loop.run_in_executor(None, client.recv, 1000)
        assert received.endswith(b"Connection: close\r\n\r\n/1")
        client.close()
        assert (await draining).finished == 1

    asyncio.run(main())


def test_silent_connections_are_closed_after_the_grace_and_served_within_it(until: Until) -> None:
    async def main() -> None:
        server, address = await start(answer)
        silent, silent_writer = await asyncio.open_connection(*address)
        late, late_writer = await asyncio.open_connection(*address)
        await until(lambda: server.guard.gate.count == 2)
        draining = asyncio.create_task(server.drain(60, idle_grace=60))
        await until(lambda: all(c.draining for c in server._connections))
        late_writer.write(GET % b"late")
        assert (await late.read()).endswith(b"Connection: close\r\n\r\n/late")
        late_writer.close()
        assert not silent.at_eof()
        hurried = asyncio.create_task(server.drain(60, idle_grace=0))
        assert await silent.read() == b""
        silent_writer.close()
        result = await draining
        assert result is await hurried and (result.finished, result.idle, result.cut) == (1, 1, ())

    asyncio.run(main())


def test_what_is_left_at_the_deadline_is_cut_and_said(until: Until) -> None:
    async def main() -> None:
        app = Held()
        server, address = await start(app)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET % b"never?token=secret")
        body, body_writer = await asyncio.open_connection(*address)
        body_writer.write(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        await until(lambda: app.asked and any(c.phase is Phase.BODY for c in server._connections))
        result = await server.drain(0.05)
        assert await reader.read() == await body.read() == b""
        writer.close(), body_writer.close()
        assert not result.clean and result.finished == result.idle == 0
        assert {(cut.method, cut.path, cut.phase) for cut in result.cut} == {
            ("GET", "/never", Phase.ANSWERING),
            ("POST", "/upload", Phase.BODY),
        }
        assert "2 requests were cut" in str(result) and "secret" not in str(result) + repr(result)

    asyncio.run(main())


def test_answers_that_are_not_taken_and_requests_behind_them_are_cut_and_said(until: Until) -> None:
    body = b"x" * 1_000_000

    def large(request: HTTPServerRequest) -> None:
        head = HTTPHeaders({"Content-Length": str(len(body))})
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), head, body)
        request.connection.finish()

    async def main() -> None:
        server, address = await start(large)
        client = socket.create_connection(address)
        client.sendall(GET % b"one?token=secret" * 50)
        silent = socket.create_connection(address)
        await until(lambda: any(c.stream.pending for c in server._connections))
        result = await server.drain(0.05)
        client.close()
        silent.close()
        assert not result.clean and result.finished == 0 and result.idle == 1
        assert [(cut.method, cut.path, cut.remote_ip, cut.phase) for cut in result.cut] == [
            ("", "", "127.0.0.1", Phase.IDLE)
        ]
        assert "answers that were not taken" in str(result) and "secret" not in str(result) + repr(result)

    asyncio.run(main())


def test_a_client_that_waits_to_be_accepted_is_served(until: Until) -> None:
    async def main() -> None:
        server, address = await start(answer)
        # Connected by the kernel; the loop has not had a turn in which it could accept.
        clients = [socket.create_connection(address) for _ in range(200)]
        for client in clients:
            client.sendall(GET % b"waiting")
        draining = asyncio.ensure_future(server.drain(30))
        for client in clients:
            client.setblocking(False)
            received = await asyncio.get_running_loop().sock_recv(client, 1000)
            assert received.endswith(b"Connection: close\r\n\r\n/waiting")
            client.close()
        assert (await draining).finished == 200

    asyncio.run(main())


def test_shared_sockets_keep_those_that_wait_for_the_other_process() -> None:
    async def main() -> None:
        server = HTTPServer(answer)
        (sock,) = bind_sockets(0, "127.0.0.1")
        other = HTTPServer(answer)
        copy = sock.dup()
        server.add_sockets([sock])
        client = socket.create_connection(sock.getsockname())
        client.sendall(GET % b"x")
        result = await server.drain(30, shared_sockets=True)
        assert result.finished == result.idle == 0
        other.add_sockets([copy])
        received = await asyncio.get_running_loop().run_in_executor(None, client.recv, 1000)
        assert received.endswith(b"\r\n\r\n/x")
        client.close()
        other.stop()
        await other.close_all_connections()

    asyncio.run(main())


def test_the_path_of_a_unix_socket_is_taken_away(tmp_path: Any) -> None:
    async def main() -> None:
        path = tmp_path / "server.sock"
        server = HTTPServer(answer)
        server.add_sockets([bind_unix_socket(str(path))])
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.sendall(GET % b"u")
        client.setblocking(False)
        draining = asyncio.ensure_future(server.drain(30))
        assert (await asyncio.get_running_loop().sock_recv(client, 1000)).endswith(b"/u")
        client.close()
        assert (await draining).clean and not path.exists()

    asyncio.run(main())


def test_callbacks_hear_of_it_once_unless_they_were_taken_back(caplog: Any) -> None:
    async def main() -> None:
        told: list[float] = []
        server, _ = await start(answer)
        server.add_drain_callback(told.append)
        server.add_drain_callback(lambda until: 1 / 0)
        server.add_drain_callback(lambda until: told.append(-1))()
        now = asyncio.get_running_loop().time()
        await server.drain(40)
        await server.drain(40)
        assert len(told) == 1 and now + 39 < told[0] < now + 60
        assert caplog.text.count("Exception in drain callback") == 1

    asyncio.run(main())


class Owner:
    """Takes connections over, and ends them when told to - or not."""

    def __init__(self, obedient: bool) -> None:
        self.obedient = obedient
        self.told: list[float] = []
        self.streams: list[Any] = []

    def __call__(self, request: HTTPServerRequest) -> None:
        connection = request.connection
        assert isinstance(connection, HTTP1ServerConnection)
        stream, upgraded = connection.hand_over(self)
        assert upgraded is not None
        stream.set_close_callback(lambda: upgraded.forget(self))
        self.streams.append(stream)
        stream.write(b"taken")

    def drain(self, until: float) -> None:
        self.told.append(until)
        if self.obedient:
            self.streams[0].write(b" bye")
            self.streams[0].close_after_flush()


@pytest.mark.parametrize("obedient", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_the_owner_of_an_upgraded_connection_is_told_and_waited_for(until: Until, obedient: bool, before: bool) -> None:
    async def main() -> None:
        owner, app = Owner(obedient), Held()
        server, address = await start(owner if before else app)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET % b"ws")
        await until(lambda: owner.streams or app.asked)
        draining = asyncio.create_task(server.drain(60 if obedient else 0.3))
        await until(lambda: server.draining)
        if not before:
            owner(app.asked[0])
        result = await draining
        received = await reader.read()
        writer.close()
        assert received == (b"taken bye" if obedient else b"taken")
        assert len(owner.told) == 1 and result.upgraded == int(obedient) and result.cut_upgraded == int(not obedient)
        assert "1 upgraded connections were cut" in str(result) or obedient

    asyncio.run(main())


def test_an_idle_server_drains_at_once() -> None:
    async def main() -> None:
        server, _ = await start(answer)
        result = await server.drain(3600)
        assert result.clean and result.finished == result.idle == result.upgraded == 0

    asyncio.run(main())
