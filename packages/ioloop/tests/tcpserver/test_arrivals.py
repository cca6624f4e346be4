"""Iterating over a server."""

import asyncio
import socket

import pytest

from waterspout.iostream import StreamClosedError
from waterspout.tcpclient import TCPClient
from waterspout.tcpserver import TCPServer
from waterspout.tcpserver._arrivals import MOST


def port_of(server):
    return next(iter(server._sockets.values())).getsockname()[1]


def listening():
    server = TCPServer()
    server.listen(0, "127.0.0.1")
    return server


def test_connections_come_to_the_iteration_which_ends_with_the_server(run):
    async def main():
        seen = []

        async def serve(server):
            async for stream, address in server:
                seen.append(address)
                await stream.write(await stream.read_until(b"\n"))
                stream.close()
            return "ended"

        async with listening() as server, TCPClient() as client:
            serving = asyncio.create_task(serve(server))
            await asyncio.sleep(0)
            for _ in range(3):
                stream = await client.connect("127.0.0.1", port_of(server))
                here = stream.socket.getsockname()
                await stream.write(b"line\n")
                assert await stream.read_until_close() == b"line\n"
                assert seen[-1] == here
            server.stop()
            assert await serving == "ended"
            async for _ in server:
                pytest.fail("it is stopped")

    run(main)


def test_each_connection_goes_to_one_of_those_who_iterate_and_a_cancelled_one_loses_none(run):
    async def main():
        async with listening() as server, TCPClient() as client:
            takers = [asyncio.create_task(anext(aiter(server))) for _ in range(3)]
            await asyncio.sleep(0)
            takers[0].cancel()
            streams = [await client.connect("127.0.0.1", port_of(server)) for _ in range(2)]
            taken = await asyncio.gather(*takers[1:])
            assert {address for _, address in taken} == {stream.socket.getsockname() for stream in streams}
            late = asyncio.create_task(anext(aiter(server)))
            await asyncio.sleep(0)
            server._arrivals.add("stream", "address")
            late.cancel()  # it was told of the connection, and has not seen it
            await asyncio.wait([late])
            assert await anext(aiter(server)) == ("stream", "address")
            for stream, _ in taken:
                stream.close()

    run(main)


def test_what_nobody_takes_waits_in_the_kernel_beyond_a_bound_and_is_closed_at_the_end(run):
    async def main():
        clients = []
        async with listening() as server:
            connections = aiter(server)
            address = ("127.0.0.1", port_of(server))
            for _ in range(MOST + 20):
                client = socket.socket()
                client.setblocking(False)
                await asyncio.get_running_loop().sock_connect(client, address)
                clients.append(client)
            while server.statistics()["accepted"] < MOST:  # noqa: ASYNC110 -- a counter does not tell
                await asyncio.sleep(0.001)
            for _ in range(5):
                await asyncio.sleep(0)
            assert server.statistics()["accepted"] == MOST
            taken = [await anext(connections) for _ in range(MOST + 10)]
            assert server.statistics()["accepted"] == MOST + 20
            await taken[0][0].write(b"x")
            left = clients[-1]
        assert await asyncio.get_running_loop().sock_recv(left, 1) == b"", "nobody took it"
        for stream, _ in taken:
            stream.close()
        for client in clients:
            client.close()

    run(main)


def test_a_server_that_nobody_iterates_over_must_have_a_handler(run):
    async def main():
        with pytest.raises(NotImplementedError, match="or be iterated over"):
            TCPServer().handle_stream(None, None)

    run(main)


def test_tls_connections_come_with_their_handshake_under_way(run, server_tls, client_tls):
    async def main():
        async with TCPServer(ssl_options=server_tls) as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            dialling = asyncio.create_task(client.connect("localhost", port_of(server), ssl_options=client_tls))
            stream, _ = await anext(aiter(server))
            mine = await dialling
            await mine.write(b"secret")
            assert await stream.read_bytes(6) == b"secret"
            mine.close()
            with pytest.raises(StreamClosedError):
                await stream.read_bytes(1)

    run(main)
