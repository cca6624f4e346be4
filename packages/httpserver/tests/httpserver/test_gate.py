"""How many clients are let in, and what the others get."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import subprocess
import sys
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer, ServerObserver
from waterspout.httpserver import _gate as gate_module
from waterspout.httpserver._descriptors import connections_allowed, raise_descriptor_limit
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.netutil import bind_sockets

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def answer(request: HTTPServerRequest) -> None:
    request.connection.write_headers(ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": "2"}), b"ok")
    request.connection.finish()


def open_descriptors() -> int:
    """0 where the system does not tell."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_RX4_one_connection_too_many_gets_503_and_a_place_that_is_free_again_is_given_away(
    serving: Any, until: Any
) -> None:
    async def main() -> None:
        async with serving(answer, max_connections=2) as (server, connect):
            first, second = await connect(), await connect()
            await first.get()
            await second.get()
            third = await connect()
            third.writer.write(GET)
            refused = await third.rest()
            assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\nDate: ")
            assert b"\r\nRetry-After: 5\r\n" in refused and b"\r\nConnection: close\r\n" in refused
            head, _, body = refused.partition(b"\r\n\r\n")
            assert int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0]) == len(body)
            await third.gone()
            assert b"200 OK" in await first.get(), "those who are in are served on"
            await first.gone()
            await until(lambda: server.guard.gate.count == 1)
            fourth = await connect()
            assert b"200 OK" in await fourth.get()
            for client in (second, fourth):
                await client.gone()

    asyncio.run(main())


def test_RX4_each_address_has_its_own_share(caplog: pytest.LogCaptureFixture, serving: Any, until: Any) -> None:
    async def main() -> None:
        async with serving(answer, max_connections_per_ip=2) as (server, connect):
            clients = [await connect(), await connect(), await connect("127.0.0.2")]
            for client in clients:
                assert b"200 OK" in await client.get()
            refused = await connect()
            assert (await refused.rest()).startswith(b"HTTP/1.1 503 ")
            await refused.gone()
            for client in clients:
                await client.gone()
            await until(lambda: server.guard.gate.count == 0)
            assert server.guard.gate._by_peer == {}, "addresses that are gone are forgotten"

    asyncio.run(main())


def test_a_connection_counts_until_its_stream_is_closed_whoever_has_it(serving: Any, until: Any) -> None:
    async def main() -> None:
        taken = []

        def take(request: HTTPServerRequest) -> None:
            taken.append(request.connection.detach())

        async with serving(take, max_connections=1) as (server, connect):
            first = await connect()
            first.writer.write(GET)
            await until(lambda: taken)
            assert server.guard.gate.count == 1
            second = await connect()
            assert b" 503 " in await second.rest()
            taken[0].close()
            assert server.guard.gate.count == 0
            await first.gone()
            await second.gone()

    asyncio.run(main())


def test_LG3_a_flood_is_one_line_and_observers_hear_of_each(caplog: pytest.LogCaptureFixture, serving: Any) -> None:
    class Shed(ServerObserver):
        seen: list[tuple[Any, str]] = []

        def connection_shed(self, address: Any, why: str) -> None:
            self.seen.append((address[0], why))
            raise RuntimeError("and it may fail")

    async def main() -> None:
        async with serving(answer, max_connections=1, observer=Shed()) as (_, connect):
            first = await connect()
            await first.get()
            for _ in range(20):
                client = await connect()
                assert b" 503 " in await client.rest()
                await client.gone()
            await first.gone()

    asyncio.run(main())
    assert len(Shed.seen) == 20 and Shed.seen[0] == ("127.0.0.1", "all 1 connections are taken")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and "all 1 connections are taken" in warnings[0].getMessage()


def test_not_more_than_some_of_the_refused_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, serving: Any, until: Any
) -> None:
    monkeypatch.setattr(gate_module, "LINGERING", 3)

    async def main() -> None:
        async with serving(answer, max_connections=1) as (server, connect):
            first = await connect()
            await first.get()
            refused = [await connect() for _ in range(10)]
            for client in refused:
                assert b" 503 " in await client.rest()
            assert len(server.guard.gate._lingering) <= 3
            for client in refused:
                client.writer.write(b"x" * 100_000)
                await client.gone()
            await until(lambda: not server.guard.gate._lingering)
            await first.gone()

    asyncio.run(main())


def test_on_tls_a_client_too_many_is_closed_without_a_handshake(
    tls_files: tuple[str, str], serving: Any, until: Any
) -> None:
    async def main() -> None:
        options = {"certfile": tls_files[0], "keyfile": tls_files[1]}
        async with serving(answer, max_connections=1, ssl_options=options) as (server, connect):
            first = await connect()
            await until(lambda: server.guard.gate.count == 1)
            second = await connect()
            assert await second.rest() == b""
            await first.gone()
            await second.gone()

    asyncio.run(main())


@pytest.mark.parametrize("name", ["max_connections", "max_connections_per_ip"])
def test_a_limit_of_nothing_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        HTTPServer(answer, **{name: 0})


def test_RX4_the_cap_is_four_fifths_of_what_the_process_may_have_after_raising_it() -> None:
    program = """
import resource, sys
from waterspout.httpserver._descriptors import connections_allowed
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 2000))
print(connections_allowed(), resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "1600 (2000, 2000)"


def test_a_limit_that_may_not_be_raised_is_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1000, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", forbidden)
    assert raise_descriptor_limit() == 1000 and connections_allowed() == 800
    monkeypatch.setitem(sys.modules, "resource", None)
    assert connections_allowed() == int(8192 * 0.8)


def test_descriptors_of_the_refused_are_given_back(serving: Any, until: Any) -> None:
    async def main() -> None:
        async with serving(answer, max_connections=1) as (_, connect):
            first = await connect()
            await first.get()
            before = open_descriptors()
            for _ in range(30):
                client = await connect()
                await client.rest()
                await client.gone()
            await until(lambda: not before or open_descriptors() <= before)
            await first.gone()

    asyncio.run(main())


def test_peers_without_an_address_have_no_share() -> None:
    gate = gate_module.ConnectionGate(10, 1)
    assert gate_module.peer_of("") is None and gate_module.peer_of(b"\0x") is None
    assert gate.refusal("") is None
    gate.others = 10
    assert gate.refusal("") is not None


def test_a_connection_that_another_protocol_has_taken_over_counts_until_it_is_closed(serving: Any) -> None:
    taken: list[Any] = []

    def application(request: HTTPServerRequest) -> None:
        connection: Any = request.connection
        connection.stream.send(b"ok")
        taken.append(connection.detach())

    async def main() -> None:
        async with serving(application, max_connections=1) as (server, connect):
            first = await connect()
            assert await first.get() == b"ok"
            assert not server._connections and server.guard.gate.count == 1
            second = await connect()
            assert b" 503 " in await second.rest()
            taken[0].close()
            assert server.guard.gate.count == 0
            third = await connect()
            assert await third.get() == b"ok"
            for client in (first, second, third):
                await client.gone()

    asyncio.run(main())


def test_a_first_request_is_served_while_its_connection_is_accepted(until: Any) -> None:
    # As many as wait to be accepted: their requests are here before the server looks for the first time.
    async def main() -> None:
        answered = 0

        def counted(request: HTTPServerRequest) -> None:
            nonlocal answered
            answered += 1
            answer(request)

        server = HTTPServer(counted)
        (sock,) = bind_sockets(0, "127.0.0.1")
        clients = [socket.create_connection(sock.getsockname()) for _ in range(5)]
        for client in clients:
            client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        server.add_sockets([sock])
        watched = 0
        add_reader = server_loop().add_reader

        def counting(*arguments: Any) -> Any:
            nonlocal watched
            watched += 1
            return add_reader(*arguments)

        server_loop().add_reader = counting  # type: ignore[method-assign]
        await until(lambda: answered == 5 and not server._connections)
        assert watched == 0, "no connection was ever waited for"
        for client in clients:
            assert client.makefile("rb").read().endswith(b"ok")
            client.close()
        server.stop()

    asyncio.run(main())


def server_loop() -> Any:
    return asyncio.get_running_loop()
