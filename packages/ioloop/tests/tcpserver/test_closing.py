"""Closing listening sockets: nobody whom the kernel has let in is lost."""

import errno
import select
import socket
import sys

import pytest

from waterspout.netutil import bind_sockets, bind_unix_socket
from waterspout.tcpserver import TCPServer
from waterspout.tcpserver._closing import accept_waiting, refuse_new_handshakes


@pytest.mark.skipif(sys.platform != "linux", reason="socket filters are Linux's")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_no_handshake_completes_after_the_refusal_and_those_before_are_accepted(address):
    (listening,) = bind_sockets(0, address)
    name = listening.getsockname()
    before = [socket.create_connection(name[:2]) for _ in range(5)]
    assert refuse_new_handshakes(listening)
    late = socket.socket(listening.family)
    late.setblocking(False)
    assert late.connect_ex(name) == errno.EINPROGRESS
    poll = select.poll()
    poll.register(late, select.POLLOUT)
    assert not poll.poll(50)  # without the filter it is connected at once
    taken = []
    assert accept_waiting(listening, lambda connection, peer: taken.append(connection)) == 5
    for client, server in zip(before, taken, strict=True):
        client.sendall(b"x")
        server.setblocking(True)
        assert server.recv(10) == b"x"  # the filter does not hurt the connections that were made
        server.sendall(b"y")
        assert client.recv(10) == b"y"
    for each in (*before, *taken, late, listening):
        each.close()


def test_a_unix_path_is_taken_away_and_those_who_wait_are_accepted(tmp_path):
    path = tmp_path / "s"
    listening = bind_unix_socket(str(path))
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    assert refuse_new_handshakes(listening) and not path.exists()
    taken = []
    assert accept_waiting(listening, lambda connection, peer: taken.append(connection)) == 1
    for each in (client, listening, *taken):
        each.close()
    abstract = bind_unix_socket("\0waterspout-test-closing")
    assert not refuse_new_handshakes(abstract)
    abstract.close()


def test_stop_accepting_serves_those_that_wait(run):
    class Greeter(TCPServer):
        async def handle_stream(self, stream, address):
            await stream.write(b"hello")
            stream.close()

    async def main():
        server = Greeter()
        server.listen(0, "127.0.0.1")
        (listening,) = server._sockets.values()
        name = listening.getsockname()
        clients = [socket.create_connection(name) for _ in range(150)]  # more than are accepted in one go
        await server.stop_accepting()
        assert server.statistics()["accepted"] == 150 and listening.fileno() < 0
        await server.stop_accepting()  # does nothing
        for client in clients:
            client.close()

    run(main)


def test_stop_accepting_leaves_those_that_wait_to_the_others_where_the_socket_is_shared(run):
    async def main():
        server = TCPServer()
        server.listen(0, "127.0.0.1")
        (listening,) = server._sockets.values()
        others = listening.dup()
        client = socket.create_connection(listening.getsockname())
        await server.stop_accepting(shared=True)
        connection, _ = others.accept()
        for each in (client, connection, others):
            each.close()

    run(main)
