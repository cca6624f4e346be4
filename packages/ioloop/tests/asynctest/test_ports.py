"""`bind_unused_port`."""

import socket

import pytest

from waterspout.asynctest import bind_unused_port


def test_socket_listens_on_the_port_that_is_returned():
    sock, port = bind_unused_port()
    with sock, socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        assert client.getpeername() == ("127.0.0.1", port)
        assert sock.getsockname() == ("127.0.0.1", port)


def test_two_calls_give_two_ports():
    (one, first), (other, second) = bind_unused_port(), bind_unused_port()
    with one, other:
        assert first != second


def test_address_can_be_chosen():
    sock, _ = bind_unused_port(address="127.0.0.2")
    with sock:
        assert sock.getsockname()[0] == "127.0.0.2"


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="needs SO_REUSEPORT")
def test_reuse_port_lets_another_socket_bind_to_it():
    sock, port = bind_unused_port(reuse_port=True)
    with sock, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
