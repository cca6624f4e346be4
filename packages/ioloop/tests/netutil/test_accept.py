"""add_accept_handler."""

import asyncio
import errno
import logging
import os
import resource
import socket

import pytest

from waterspout.netutil import _accept, add_accept_handler, bind_sockets


@pytest.fixture
def listener():
    [sock] = bind_sockets(0, "127.0.0.1")
    yield sock
    sock.close()


def clients(listener, count):
    return [socket.create_connection(listener.getsockname()) for _ in range(count)]


async def until(condition):
    while not condition():  # noqa: ASYNC110  # there is nothing to be woken by
        await asyncio.sleep(0.001)


def test_all_waiting_connections_are_accepted_in_one_turn(run, listener):
    async def main():
        got = []
        waiting = clients(listener, 20)
        remove = add_accept_handler(listener, lambda connection, address: got.append((connection, address)))
        await until(lambda: got)
        assert len(got) == 20
        assert {address for _, address in got} == {client.getsockname() for client in waiting}
        remove()
        remove()
        for sock in [*waiting, *(connection for connection, _ in got)]:
            sock.close()

    run(main)


def test_burst_is_accepted_over_several_turns(run, listener, monkeypatch):
    monkeypatch.setattr(_accept, "ACCEPTS_IN_A_ROW", 8)

    async def main():
        got = []
        waiting = clients(listener, 20)
        remove = add_accept_handler(listener, lambda connection, _: got.append(connection))
        sizes = set()
        while len(got) < 20:
            sizes.add(len(got))
            await asyncio.sleep(0)
        assert {8, 16} <= sizes
        remove()
        for sock in waiting + got:
            sock.close()

    run(main)


def test_removed_handler_accepts_no_more_even_within_its_turn(run, listener):
    async def main():
        got = []
        waiting = clients(listener, 3)

        def first(connection, address):
            got.append(connection)
            remove()

        remove = add_accept_handler(listener, first)
        await until(lambda: got)
        await asyncio.sleep(0.005)
        assert len(got) == 1
        assert listener.fileno() >= 0
        for sock in waiting + got:
            sock.close()

    run(main)


def test_callback_that_raises_is_logged_and_hurts_no_other_connection(run, listener, caplog):
    async def main():
        got = []

        def callback(connection, address):
            got.append(connection)
            if len(got) == 1:
                raise RuntimeError("first one fails")

        waiting = clients(listener, 2)
        remove = add_accept_handler(listener, callback)
        await until(lambda: len(got) == 2)
        remove()
        for sock in waiting + got:
            sock.close()

    run(main)
    assert "first one fails" in caplog.text


def test_without_descriptors_accepting_pauses_and_recovers(run, listener, monkeypatch, caplog):
    monkeypatch.setattr(_accept, "EXHAUSTED_PAUSE", 0.05)

    async def main():
        got = []
        waiting = clients(listener, 3)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        asked = 0
        original = _accept._Acceptor.ready

        def counting(self):
            nonlocal asked
            asked += 1
            original(self)

        monkeypatch.setattr(_accept._Acceptor, "ready", counting)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        try:
            remove = add_accept_handler(listener, lambda connection, _: got.append(connection))
            await asyncio.sleep(0.02)
            assert got == []
            assert asked == 1  # no busy loop
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await until(lambda: len(got) == 3)
        remove()
        for sock in waiting + got:
            sock.close()

    with caplog.at_level(logging.WARNING):
        run(main)
    assert "Too many open files" in caplog.text
    assert "ulimit" in caplog.text


def test_pause_ends_with_the_handler(listener, monkeypatch):
    monkeypatch.setattr(_accept, "EXHAUSTED_PAUSE", 0.01)

    class Exhausted:
        def fileno(self):
            return listener.fileno()

        def accept(self):
            raise OSError(errno.EMFILE, "Too many open files")

    async def main():
        [waiting] = clients(listener, 1)
        remove = add_accept_handler(Exhausted(), lambda *_: None)
        await asyncio.sleep(0.005)
        remove()
        await asyncio.sleep(0.02)
        with pytest.raises((KeyError, ValueError)):
            asyncio.get_running_loop()._selector.get_key(listener.fileno())
        waiting.close()

    asyncio.run(main())


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.EPERM])
def test_connection_that_failed_before_it_was_accepted_is_skipped(run, listener, number):
    class Failing:
        def __init__(self):
            self.failed = False

        def fileno(self):
            return listener.fileno()

        def accept(self):
            if not self.failed:
                self.failed = True
                raise OSError(number, os.strerror(number))
            return listener.accept()

    async def main():
        got = []
        [waiting] = clients(listener, 1)
        remove = add_accept_handler(Failing(), lambda connection, _: got.append(connection))
        await until(lambda: got)
        remove()
        waiting.close()
        got[0].close()

    run(main)


def test_socket_that_cannot_accept_is_given_up(run, caplog):
    async def main():
        one, other = socket.socketpair()  # it is readable, and no listener
        one.setblocking(False)
        other.send(b"x")
        add_accept_handler(one, lambda *_: None)
        await asyncio.sleep(0.01)
        one.close()
        other.close()

    with caplog.at_level(logging.ERROR):
        run(main)
    assert caplog.text.count("Cannot accept on") == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_accepted_sockets_are_what_accept_gives(address):
    class Own(socket.socket):
        def accept(self):
            return super().accept()

    (listening,) = bind_sockets(0, address)
    for made in (listening, Own(fileno=listening.dup().detach())):
        made.setblocking(False)
        client = socket.create_connection(made.getsockname()[:2])

        async def main(made=made):
            taken = asyncio.get_running_loop().create_future()
            remove = add_accept_handler(made, lambda *pair: taken.set_result(pair))
            connection, peer = await taken
            remove()
            return connection, peer

        connection, peer = asyncio.run(main())
        assert type(connection) is socket.socket and peer == client.getsockname()
        assert (connection.family, connection.type, connection.proto) == (client.family, client.type, made.proto)
        assert not connection.get_inheritable() and connection.gettimeout() is None
        client.close()
        connection.close()
        made.close()
