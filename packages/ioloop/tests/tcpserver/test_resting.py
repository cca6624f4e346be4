"""Streams that have been served once and rest in the lobby until their client speaks again."""

import asyncio
import os
import select
import socket

import pytest

from waterspout.netutil import bind_sockets
from waterspout.tcpserver import TCPServer

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")


class Receiver:
    """Sends back what comes."""

    def __init__(self, stream):
        self.stream = stream
        self.ended = False
        self.lost = 0

    def data_received(self, data):
        self.stream.send(data)

    def eof_received(self):
        self.ended = True

    def connection_lost(self, error):
        self.lost += 1

    def writable(self):
        pass


class Push(TCPServer):
    def __init__(self, timeout=60.0):
        super().__init__()
        self.first_byte_timeout = timeout
        self.receivers = []

    def handle_stream(self, stream, address):
        receiver = Receiver(stream)
        self.receivers.append(receiver)
        stream.receive_first(receiver)


def listen(server):
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    return sock.getsockname()


def connect(address):
    client = socket.create_connection(address)
    client.setblocking(False)
    return client


async def received(client):
    return await asyncio.get_running_loop().sock_recv(client, 100)


async def until(condition):
    while not condition():  # noqa: ASYNC110  # there is nothing to be woken by
        await asyncio.sleep(0.001)


def close(*clients):
    for client in clients:
        client.close()


async def one_at_rest(server, address=None):
    """A client that has been answered, and the receiver of its stream."""
    client = connect(address or listen(server))
    client.send(b"first")
    assert await received(client) == b"first"
    receiver = server.receivers[-1]
    assert receiver.stream.resting
    return client, receiver


def resting(server):
    return list(server._lobby._resting.values())


def test_a_stream_rests_until_its_client_speaks_again_and_is_the_loops_then(run):
    async def main():
        async with Push() as server:
            client, receiver = await one_at_rest(server)
            assert resting(server) == [receiver.stream] and not server.waiting
            for message in (b"second", b"third"):
                client.send(message)
                assert await received(client) == message
                assert not receiver.stream.resting and not resting(server)
            close(client)
            await until(lambda: receiver.lost)
            assert receiver.ended and receiver.lost == 1

    run(main)


def test_the_end_of_a_stream_at_rest_is_noticed(run):
    async def main():
        async with Push() as server:
            client, receiver = await one_at_rest(server)
            close(client)
            await until(lambda: receiver.lost)
            assert receiver.ended and receiver.lost == 1 and not resting(server)

    run(main)


@pytest.mark.parametrize("how", ["close", "pause_receiving", "set_receiver"])
def test_a_stream_that_is_closed_paused_or_passed_on_rests_no_longer(run, how):
    async def main():
        async with Push() as server:
            client, receiver = await one_at_rest(server)
            stream = receiver.stream
            other = Receiver(stream)
            getattr(stream, how)(*((other,) if how == "set_receiver" else ()))
            assert not resting(server) and not stream.resting
            if how == "close":
                assert await received(client) == b""
            else:
                client.send(b"more")
                if how == "pause_receiving":
                    await asyncio.sleep(0)
                    stream.resume_receiving()
                assert await received(client) == b"more"
            stream.close()
            close(client)

    run(main)


def test_a_stream_at_rest_can_be_detached(run):
    async def main():
        async with Push() as server:
            client, receiver = await one_at_rest(server)
            receiver.stream.set_receiver(None)
            sock, rest = receiver.stream.detach()
            assert rest == b"" and not resting(server)
            client.send(b"to the socket")
            assert await received(sock) == b"to the socket"
            close(client, sock)

    run(main)


def test_after_stop_those_at_rest_are_served_and_the_lobby_goes_with_the_last(run):
    async def main():
        server = Push()
        async with server:
            address = listen(server)
            first = await one_at_rest(server, address)
            second = await one_at_rest(server, address)
            epoll = server._lobby._epoll
            server.stop()
            assert not epoll.closed
            first[0].send(b"still")
            assert await received(first[0]) == b"still"
            assert not epoll.closed
            second[1].stream.close()
            assert epoll.closed
            first[1].stream.close()
            close(first[0], second[0])

    run(main)


def test_a_stream_that_never_waited_is_watched_by_the_loop(run):
    class Picky(Push):
        def may_wait(self, count):
            return 0

    async def main():
        async with Picky() as server:
            client = connect(listen(server))
            for message in (b"one", b"two"):
                client.send(message)
                assert await received(client) == message
                assert not server.receivers[0].stream.resting
            close(client)

    run(main)


def test_a_socket_that_is_closed_beneath_a_stream_at_rest_leaves_nothing(run):
    async def main():
        async with Push() as server:
            address = listen(server)
            client, receiver = await one_at_rest(server, address)
            receiver.stream.socket.close()
            again, second = await one_at_rest(server, address)  # it has got the descriptor's number
            receiver.stream.close()
            assert resting(server) == [second.stream]
            again.send(b"unharmed")
            assert await received(again) == b"unharmed"
            close(client, again)

    run(main)


def test_what_a_forked_child_holds_a_copy_of_does_not_keep_the_loop_busy(run):
    async def main():
        async with Push() as server:
            client, receiver = await one_at_rest(server)
            copy = os.dup(receiver.stream.fileno())
            receiver.stream.close()
            called = 0
            lobby_called = type(server._lobby)._called

            def counting(lobby):
                nonlocal called
                called += 1
                lobby_called(lobby)

            loop = asyncio.get_running_loop()
            number = server._lobby._epoll.fileno()
            loop.remove_reader(number)
            loop.add_reader(number, counting, server._lobby)
            client.send(b"to nobody here")
            await until(lambda: called)
            for _ in range(20):
                await asyncio.sleep(0)
            assert called == 1
            os.close(copy)
            close(client)

    run(main)


def test_one_that_closes_another_when_both_have_spoken_takes_it_along(run):
    async def main():
        async with Push() as server:
            address = listen(server)
            pairs = [await one_at_rest(server, address) for _ in range(2)]
            (_, first), (_, second) = pairs
            first.data_received = lambda data: second.stream.close()
            second.data_received = lambda data: first.stream.close()
            for client, _ in pairs:
                client.send(b"me")
            await until(lambda: first.lost or second.lost)
            assert first.stream.closed() is not second.stream.closed()
            assert not resting(server)
            first.stream.close()
            second.stream.close()
            close(*(client for client, _ in pairs))

    run(main)
