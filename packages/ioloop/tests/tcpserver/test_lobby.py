"""Connections that wait for their client's first byte as bare descriptors."""

import asyncio
import errno
import gc
import os
import resource
import select
import socket

import pytest

from waterspout.netutil import _accept, bind_sockets
from waterspout.tcpserver import TCPServer, _lobby

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")


class Echo(TCPServer):
    """Says when it is given a connection, and sends back what comes."""

    def __init__(self, timeout=60.0):
        super().__init__()
        self.first_byte_timeout = timeout
        self.given = []

    async def handle_stream(self, stream, address):
        self.given.append(address)
        async for chunk in stream:
            await stream.write(chunk)


def listen(server):
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    return sock.getsockname()


def connect(address, count):
    clients = [socket.create_connection(address) for _ in range(count)]
    for client in clients:
        client.setblocking(False)
    return clients


async def until(condition):
    while not condition():  # noqa: ASYNC110  # there is nothing to be woken by
        await asyncio.sleep(0.001)


async def received(client, size=100):
    return await asyncio.get_running_loop().sock_recv(client, size)


def close(*clients):
    for client in clients:
        client.close()


def test_a_stream_is_made_when_the_client_has_spoken(run):
    async def main():
        async with Echo() as server:
            address = listen(server)
            clients = connect(address, 3)
            await until(lambda: len(server.waiting) == 3)
            assert server.given == [] and server.statistics()["accepted"] == 3
            clients[1].send(b"hello")
            assert await received(clients[1]) == b"hello"
            assert server.given == [clients[1].getsockname()] and len(server.waiting) == 2
            clients[1].send(b"again")  # nothing of it has stayed in the lobby
            assert await received(clients[1]) == b"again"
            close(*clients)
            await until(lambda: len(server.given) == 3)  # who leaves is served, too: the stream finds the end
            assert not server.waiting

    run(main)


def test_more_than_are_called_at_once_are_served_over_several_turns(run, monkeypatch):
    monkeypatch.setattr(_lobby, "CALLED_AT_ONCE", 4)

    async def main():
        async with Echo() as server:
            clients = connect(listen(server), 10)
            for client in clients:
                client.send(b"x")
            sizes = set()
            while len(server.given) < 10:
                sizes.add(len(server.given))
                await asyncio.sleep(0)
            assert {4, 8} <= sizes
            close(*clients)

    run(main)


def test_those_that_stay_silent_are_closed_the_oldest_first(run):
    async def main():
        async with Echo(timeout=0.2) as server:
            address = listen(server)
            first = connect(address, 2)
            await until(lambda: len(server.waiting) == 2)
            assert [await received(client) for client in first] == [b"", b""]
            later = connect(address, 1)
            await until(lambda: len(server.waiting) == 1)  # the wheel starts again after all have left
            assert await received(later[0]) == b""
            assert not server.waiting and server.given == []
            close(*first, *later)

    run(main)


def test_one_that_came_later_is_not_closed_with_the_first(run, monkeypatch):
    async def main():
        async with Echo(timeout=1000) as server:
            clients = connect(listen(server), 2)
            await until(lambda: len(server.waiting) == 2)
            lobby = server._lobby
            (old, (make, address, since)), (young, (_, _, later)) = server.waiting.items()
            server.waiting[old] = (make, address, since - 2000)
            lobby.deadline_passed()
            assert list(server.waiting) == [young] and lobby.deadline == later + 1000
            assert select.select(clients, [], [], 5)[0] == clients[:1]
            close(*clients)

    run(main)


def test_those_for_which_may_wait_says_no_are_served_at_once(run):
    class Picky(Echo):
        def may_wait(self, count):
            return min(count, 2 - len(self.waiting))

    async def main():
        async with Picky() as server:
            clients = connect(listen(server), 3)
            await until(lambda: server.given)
            assert server.given == [clients[2].getsockname()] and len(server.waiting) == 2
            close(*clients)

    run(main)


@pytest.mark.parametrize("room", [0, -1, -100, None])
def test_where_may_wait_has_no_room_or_fails_all_of_a_burst_are_served_at_once(run, caplog, room):
    class Full(Echo):
        def may_wait(self, count):
            return room + 0  # a TypeError for None

    async def main():
        async with Full() as server:
            clients = connect(listen(server), 5)
            await until(lambda: len(server.given) == 5)
            assert not server.waiting
            clients[4].send(b"hello")
            assert await received(clients[4]) == b"hello"
            close(*clients)

    run(main)
    assert ("TypeError" in caplog.text) == (room is None)


def test_without_a_timeout_nobody_waits(run):
    async def main():
        async with Echo(timeout=None) as server:
            clients = connect(listen(server), 2)
            await until(lambda: len(server.given) == 2)
            assert not server.waiting
            close(*clients)

    run(main)


def test_a_socket_class_with_an_accept_of_its_own_is_asked(run):
    class Own(socket.socket):
        accepted = 0

        def accept(self):
            Own.accepted += 1
            return super().accept()

    async def main():
        (made,) = bind_sockets(0, "127.0.0.1")
        sock = Own(fileno=made.detach())
        async with Echo() as server:
            server.add_sockets([sock])
            clients = connect(sock.getsockname(), 1)
            await until(lambda: server.given)
            assert Own.accepted and not server.waiting
            close(*clients)

    run(main)


def test_an_object_that_hands_on_to_its_socket_can_be_listened_on(run):
    class Wrapped:  # as gunicorn's
        def __init__(self, sock):
            self.sock = sock

        def __getattr__(self, name):
            return getattr(self.sock, name)

    async def main():
        (sock,) = bind_sockets(0, "127.0.0.1")
        async with Echo() as server:
            server.add_socket(Wrapped(sock))
            clients = connect(sock.getsockname(), 1)
            await until(lambda: server.given)
            close(*clients)

    run(main)


def test_what_the_kernel_does_not_watch_is_served_at_once(run, caplog):
    async def main():
        async with Echo() as server:
            address = listen(server)

            class Full:
                closed = False

                def register(self, fd, events):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

                def close(self):
                    self.closed = True

                def fileno(self):
                    return real.fileno()

            real, server._lobby._epoll = server._lobby._epoll, Full()
            clients = connect(address, 1)
            await until(lambda: server.given)
            close(*clients)

    run(main)
    assert "Cannot let a connection wait" in caplog.text and "No space left" in caplog.text


def test_of_a_burst_those_that_the_kernel_watches_wait_and_the_others_are_served(run, caplog):
    async def main():
        async with Echo() as server:
            address = listen(server)
            real = server._lobby._epoll

            class Room:
                """For two descriptors."""

                closed = False
                left = 2

                def register(self, fd, events):
                    if not self.left:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    self.left -= 1

                def unregister(self, fd):
                    pass

                def close(self):
                    self.closed = True

                def fileno(self):
                    return real.fileno()

            server._lobby._epoll = Room()
            clients = connect(address, 5)
            await until(lambda: len(server.given) == 3)
            assert server.given == [client.getsockname() for client in clients[2:]]
            assert len(server.waiting) == 2 and server.statistics()["accepted"] == 5
            close(*clients)

    run(main)


def test_of_a_burst_that_takes_the_last_descriptor_those_that_have_one_are_served(run, monkeypatch, caplog):
    monkeypatch.setattr(_accept, "EXHAUSTED_PAUSE", 0.05)

    async def main():
        async with Echo() as server:
            clients = connect(listen(server), 5)
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            free = os.dup(0)
            os.close(free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + 2, limits[1]))
            try:
                await until(lambda: server.waiting)
                assert len(server.waiting) == 2
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            await until(lambda: len(server.waiting) == 5)
            for client in clients:
                client.send(b"here")
            assert [await received(client) for client in clients] == [b"here"] * 5
            close(*clients)

    run(main)
    assert "Too many open files" in caplog.text


def test_a_burst_of_which_the_first_one_stops_the_server_is_served_all_the_same(run):
    class Stopping(Echo):
        def may_wait(self, count):
            return 0 if not self.given else count

        def serve_connection(self, connection, address):
            self.given.append(address)
            self.stop()
            super().serve_connection(connection, address)

    async def main():
        async with Stopping() as server:
            clients = connect(listen(server), 3)
            for client in clients:
                client.send(b"here")
            assert [await received(client) for client in clients] == [b"here"] * 3
            close(*clients)

    run(main)


def test_stop_leaves_those_that_wait_and_takes_the_lobby_away_with_the_last(run):
    async def main():
        server = Echo()
        async with server:
            clients = connect(listen(server), 2)
            await until(lambda: len(server.waiting) == 2)
            server.stop()
            assert not server._lobby._epoll.closed
            for client in clients:
                client.send(b"still")
                assert await received(client) == b"still"
            assert server._lobby._epoll.closed
            close(*clients)

    run(main)


def test_all_that_wait_can_be_served_or_closed_at_once(run):
    async def main():
        async with Echo() as server:
            address = listen(server)
            clients = connect(address, 2)
            await until(lambda: len(server.waiting) == 2)
            server.serve_waiting()
            await until(lambda: len(server.given) == 2)
            others = connect(address, 2)
            await until(lambda: len(server.waiting) == 2)
            server.close_waiting()
            assert [await received(client) for client in others] == [b"", b""]
            assert not server.waiting and len(server.given) == 2
            again = connect(address, 1)  # it still accepts, and lets wait
            await until(lambda: len(server.waiting) == 1)
            close(*clients, *others, *again)

    run(main)


def test_a_stream_that_fails_does_not_keep_the_others_from_being_served(run, caplog):
    class Failing(Echo):
        def serve_connection(self, connection, address):
            if address == self.bad:
                connection.close()
                raise RuntimeError("this one fails")
            super().serve_connection(connection, address)

    async def main():
        async with Failing() as server:
            clients = connect(listen(server), 2)
            server.bad = clients[0].getsockname()
            for client in clients:
                client.send(b"x")
            assert await received(clients[1]) == b"x"
            close(*clients)

    run(main)
    assert "this one fails" in caplog.text


def test_a_closed_loop_and_a_forgotten_server_leave_no_descriptor():
    async def main():
        server = Echo()
        clients = connect(listen(server), 2)
        await until(lambda: len(server.waiting) == 2)
        server.stop()
        return clients

    clients = asyncio.run(main())
    gc.collect()
    assert [select.select([client], [], [], 5)[0] for client in clients] == [[client] for client in clients]
    assert [client.recv(1) for client in clients] == [b"", b""]
    close(*clients)
