"""TCPClient."""

import asyncio
import datetime
import socket
import ssl

import pytest

from waterspout.iostream import SSLIOStream, StreamClosedError
from waterspout.netutil import Resolver
from waterspout.tcpclient import TCPClient
from waterspout.tcpserver import TCPServer


class Greeting(TCPServer):
    """Says where the connection came from."""

    async def handle_stream(self, stream, address):
        await stream.write(f"{address[0]} {address[1]}\n".encode() if address else b"unix\n")


class Fixed(Resolver):
    """Always the same answer."""

    def initialize(self, answer):
        self.answer = answer
        self.closed = False

    async def resolve(self, host, port, family=socket.AF_UNSPEC):
        if isinstance(self.answer, BaseException):
            raise self.answer
        if self.answer is None:
            await asyncio.Event().wait()
        return self.answer

    def close(self):
        self.closed = True


def port_of(server):
    [sock] = server._sockets.values()
    return sock.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connects_by_address_and_by_name(run, host):
    async def main():
        async with Greeting() as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            async with await client.connect(host, port_of(server)) as stream:
                assert (await stream.read_until(b"\n")).startswith(b"127.0.0.1 ")
            assert client.statistics() == {"attempted": 1, "connected": 1, "failed": 0}

    run(main)


def test_connects_to_a_unix_socket(run, tmp_path):
    async def main():
        async with Greeting() as server, TCPClient() as client:
            server.listen(0, f"unix:{tmp_path}/socket")
            async with await client.connect(f"unix:{tmp_path}/socket", 0) as stream:
                assert await stream.read_until(b"\n") == b"unix\n"
            with pytest.raises(StreamClosedError, match="missing"):
                await client.connect(f"unix:{tmp_path}/missing", 0)

    run(main)


def test_source_address_and_port_are_used(run):
    async def main():
        with socket.create_server(("127.0.0.2", 0)) as reserved:
            port = reserved.getsockname()[1]
        async with Greeting() as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            async with await client.connect(
                "127.0.0.1", port_of(server), source_ip="127.0.0.2", source_port=port
            ) as stream:
                assert await stream.read_until(b"\n") == b"127.0.0.2 %d\n" % port
            with socket.create_server(("127.0.0.1", 0)) as reserved:
                port = reserved.getsockname()[1]
            async with await client.connect("127.0.0.1", port_of(server), source_port=port) as stream:
                assert await stream.read_until(b"\n") == b"127.0.0.1 %d\n" % port
            with pytest.raises(OSError, match=r"source 192\.0\.2\.1"):
                await client.connect("127.0.0.1", port_of(server), source_ip="192.0.2.1")

    run(main)


def test_tls_stream_has_finished_its_handshake(run, server_tls, client_tls):
    async def main():
        async with Greeting(ssl_options=server_tls) as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            stream = await client.connect("localhost", port_of(server), socket.AF_INET, client_tls)
            assert isinstance(stream, SSLIOStream)
            assert stream.socket.version() == "TLSv1.3"
            assert (await stream.read_until(b"\n")).startswith(b"127.0.0.1")
            stream.close()
            named = await client.connect(
                "127.0.0.1", port_of(server), ssl_options=client_tls, server_hostname="localhost"
            )
            named.close()
            with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
                await client.connect("127.0.0.1", port_of(server), ssl_options=client_tls)
            assert client.statistics()["failed"] == 1

    run(main)


def test_max_buffer_size_reaches_the_stream(run):
    async def main():
        async with Greeting() as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            stream = await client.connect("127.0.0.1", port_of(server), max_buffer_size=5000)
            assert stream.max_buffer_size == 5000
            stream.close()

    run(main)


def test_errors_name_host_port_address_and_reason(run):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        async with TCPClient() as client:
            with pytest.raises(StreamClosedError) as caught:
                await client.connect("localhost", port, socket.AF_INET)
            reason = caught.value.real_error
            assert isinstance(reason, ConnectionRefusedError)
            assert f"cannot connect to localhost:{port} (127.0.0.1:{port}: Connection refused" in str(reason)
            with pytest.raises(socket.gaierror, match=r"no-such-host\.invalid"):
                await client.connect("no-such-host.invalid", 80)

    run(main)


@pytest.mark.parametrize("timeout", [0.02, datetime.timedelta(milliseconds=20)])
def test_timeout_names_the_phase_of_resolving(run, timeout):
    async def main():
        client = TCPClient(Fixed(None))
        with pytest.raises(TimeoutError, match="^Timeout while resolving example.com$"):
            await client.connect("example.com", 80, timeout=timeout)

    run(main)


def test_timeout_names_the_phase_of_connecting(run):
    async def main():
        # A listener whose backlog is full does not answer.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            address = listener.getsockname()
            fill = [socket.socket() for _ in range(3)]
            for sock in fill:
                sock.setblocking(False)
                sock.connect_ex(address)
            with pytest.raises(TimeoutError, match=rf"connecting to name:1 \(127\.0\.0\.1:{address[1]}\)"):
                await TCPClient(Fixed([(socket.AF_INET, address)])).connect("name", 1, timeout=0.05)
            for sock in fill:
                sock.close()

    run(main)


def test_timeout_names_the_phase_of_the_handshake_and_closes_the_connection(run, client_tls):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with pytest.raises(TimeoutError, match=f"^Timeout during TLS handshake with 127.0.0.1:{port}$"):
                await TCPClient().connect(
                    "127.0.0.1", port, ssl_options=client_tls, server_hostname="localhost", timeout=0.05
                )
            connection, _ = listener.accept()
            connection.settimeout(5)
            await asyncio.sleep(0)
            while connection.recv(1000):
                pass
            connection.close()

    run(main)


@pytest.mark.parametrize("turns", range(6))
def test_cancelled_at_any_moment_it_leaves_nothing_open(run, turns):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            task = asyncio.ensure_future(TCPClient().connect("127.0.0.1", listener.getsockname()[1]))
            for _ in range(turns):
                await asyncio.sleep(0)
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    (await task).close()
                    raise asyncio.CancelledError  # it had connected: its owner closes it
            else:
                (await task).close()
            listener.settimeout(0.02)
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                return
            connection.settimeout(5)
            await asyncio.sleep(0)
            assert connection.recv(1) == b""
            connection.close()

    run(main)


def test_only_an_own_resolver_is_closed():
    given = Fixed([])
    TCPClient(given).close()
    assert not given.closed
    own = TCPClient()
    own.resolver = Fixed([])
    own.close()
    assert own.resolver.closed


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_port_that_is_none_is_a_failure_to_connect(run, host):
    async def main():
        async with TCPClient() as client:
            with pytest.raises(StreamClosedError, match="65535"):
                await client.connect(host, 70000)

    run(main)


def test_connection_does_not_stay_open_when_tls_cannot_begin(run):
    async def main():
        arrived = asyncio.get_running_loop().create_future()

        class Server(TCPServer):
            def handle_stream(self, stream, address):
                arrived.set_result(stream)

        async with Server() as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            try:
                await client.connect("127.0.0.1", port_of(server), ssl_options={"certificate": "?"})
            except ValueError as error:
                kept = error  # as its traceback keeps all that was on the way
            assert "certificate" in str(kept)
            assert await (await arrived).read_until_close() == b""

    run(main)


def test_connection_does_not_stay_open_when_it_is_cancelled_with_the_handshake_complete(
    run, server_tls, client_tls, monkeypatch
):
    async def main():
        async with Greeting(ssl_options=server_tls) as server, TCPClient() as client:
            server.listen(0, "127.0.0.1")
            made = []

            def complete(stream):
                finish(stream)
                made.append(stream)
                connecting.cancel()

            finish = SSLIOStream._handshake_complete
            with monkeypatch.context() as patch:
                patch.setattr(
                    SSLIOStream, "_handshake_complete", lambda s: finish(s) if s._server_side else complete(s)
                )
                connecting = asyncio.ensure_future(
                    client.connect("127.0.0.1", port_of(server), ssl_options=client_tls, server_hostname="localhost")
                )
                await asyncio.wait({connecting})
            assert connecting.cancelled()
            assert made[0].closed()

    run(main)
