"""bind_sockets."""

import errno
import socket

import pytest

from waterspout.netutil import bind_sockets


def close(sockets):
    for sock in sockets:
        sock.close()


def test_sockets_listen_and_do_not_block():
    [sock] = sockets = bind_sockets(0, "127.0.0.1")
    try:
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        with socket.create_connection(sock.getsockname(), timeout=5):
            pass
    finally:
        close(sockets)


@pytest.mark.parametrize("address", [None, ""])
def test_no_address_means_all_interfaces_with_one_port(address):
    sockets = bind_sockets(0, address)
    try:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        assert {sock.family for sock in sockets} <= {socket.AF_INET, socket.AF_INET6}
        for sock in sockets:
            assert sock.getsockname()[0] in ("0.0.0.0", "::")
            if sock.family == socket.AF_INET6:
                assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    finally:
        close(sockets)


def test_family_restricts_the_addresses():
    sockets = bind_sockets(0, "localhost", family=socket.AF_INET)
    try:
        assert [sock.family for sock in sockets] == [socket.AF_INET]
    finally:
        close(sockets)


def test_port_in_use_is_named():
    first = bind_sockets(0, "127.0.0.1")
    port = first[0].getsockname()[1]
    try:
        with pytest.raises(OSError, match=f"port {port} is in use") as caught:
            bind_sockets(port, "127.0.0.1")
        assert caught.value.errno == errno.EADDRINUSE
        assert "127.0.0.1" in str(caught.value)
    finally:
        close(first)


def test_reuse_port_lets_two_share():
    first = bind_sockets(0, "127.0.0.1", reuse_port=True)
    second = bind_sockets(first[0].getsockname()[1], "127.0.0.1", reuse_port=True)
    close(first + second)


def test_unknown_host_is_named():
    with pytest.raises(socket.gaierror, match=r"no-such-host\.invalid"):
        bind_sockets(0, "no-such-host.invalid")


def test_address_of_another_machine_is_named():
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        bind_sockets(0, "192.0.2.1")


def test_unix_address_makes_a_unix_socket(tmp_path):
    [sock] = bind_sockets(0, f"unix:{tmp_path}/socket")
    assert sock.family == socket.AF_UNIX
    assert sock.getsockname() == f"{tmp_path}/socket"
    sock.close()
    with pytest.raises(ValueError, match="path"):
        bind_sockets(0, "unix:")


def test_sockets_bound_before_a_failure_are_closed(monkeypatch):
    made = []
    original = socket.socket

    class Watched(original):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            made.append(self)

        def listen(self, *arguments):
            if len(made) == 2:
                raise OSError(errno.EINVAL, "second fails")
            super().listen(*arguments)

    monkeypatch.setattr(socket, "socket", Watched)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, 0)) for host in ("127.0.0.1", "127.0.0.2")],
    )
    with pytest.raises(OSError, match="second fails"):
        bind_sockets(0)
    assert [sock.fileno() for sock in made] == [-1, -1]


@pytest.mark.parametrize("port", [65536, 70000, -1, "65536", "70000", "-1", "+80", "", "\u0668\u0660"])
def test_what_is_no_port_is_refused_and_no_other_one_is_bound(port):
    with pytest.raises(ValueError, match=r"is no port \(0-65535\)"):
        bind_sockets(port, "127.0.0.1")


def test_a_port_may_be_text_as_the_environment_has_it():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (sock,) = bind_sockets(str(port), "127.0.0.1")
    with sock:
        assert sock.getsockname() == ("127.0.0.1", port)
        with pytest.raises(OSError, match=f"port {port} is in use"):
            bind_sockets(str(port), "127.0.0.1")
    both = bind_sockets("0")
    assert len({each.getsockname()[1] for each in both}) == 1 and both[0].getsockname()[1] > 0
    for each in both:
        each.close()
    with pytest.raises(OSError):
        bind_sockets("no such service", "127.0.0.1")
