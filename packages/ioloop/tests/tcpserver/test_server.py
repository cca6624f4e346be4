"""TCPServer."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import textwrap

import pytest

from waterspout.iostream import IOStream, SSLIOStream, StreamClosedError
from waterspout.netutil import bind_sockets
from waterspout.tcpserver import TCPServer


class Echo(TCPServer):
    async def handle_stream(self, stream, address):
        async for chunk in stream:
            await stream.write(chunk)


def address_of(server):
    return next(iter(server._sockets.values())).getsockname()[:2]


async def dial(server):
    return await IOStream(socket.socket()).connect(address_of(server))


async def until(condition):
    while not condition():  # noqa: ASYNC110  # there is nothing to be woken by
        await asyncio.sleep(0.001)


def test_listen_serves_each_connection(run):
    async def main():
        async with Echo() as server:
            server.listen(0, "127.0.0.1")
            streams = [await dial(server) for _ in range(3)]
            for stream in streams:
                await stream.write(b"hello")
            for stream in streams:
                assert await stream.read_bytes(5) == b"hello"
            assert server.statistics() == {"listening": 1, "accepted": 3, "handling": 3, "failed": 0}
            for stream in streams:
                stream.close()

    run(main)


def test_handle_stream_may_be_a_plain_method_that_sets_a_receiver(run):
    class Pushing(TCPServer):
        def handle_stream(self, stream, address):
            self.stream = stream
            stream.set_receiver(self)

        def data_received(self, data):
            self.stream.send(data[::-1])

        def eof_received(self):
            return None

        def connection_lost(self, error):
            self.lost = True

        def writable(self):
            pass

    async def main():
        async with Pushing() as server:
            server.listen(0, "127.0.0.1")
            stream = await dial(server)
            await stream.write(b"abc")
            assert await stream.read_bytes(3) == b"cba"
            stream.close()
            await until(lambda: getattr(server, "lost", False))

    run(main)


def test_handle_stream_may_be_a_decorated_coroutine(run):
    from waterspout import gen

    class Decorated(TCPServer):
        @gen.coroutine
        def handle_stream(self, stream, address):
            line = yield stream.read_until(b"\n")
            yield stream.write(line.upper())

    async def main():
        async with Decorated() as server:
            server.listen(0, "127.0.0.1")
            stream = await dial(server)
            await stream.write(b"line\n")
            assert await stream.read_until(b"\n") == b"LINE\n"
            stream.close()

    run(main)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_handler_that_raises_hurts_only_its_own_connection(run, caplog, kind):
    class Fails(Echo):
        def handle_stream(self, stream, address):
            first = self.statistics()["accepted"] == 1
            if first and kind == "plain":
                raise RuntimeError("broken handler")
            return self.fail() if first else super().handle_stream(stream, address)

        async def fail(self):
            raise RuntimeError("broken handler")

    async def main():
        async with Fails() as server:
            server.listen(0, "127.0.0.1")
            broken, good = await dial(server), await dial(server)
            assert await broken.read_until_close() == b""
            await good.write(b"still here")
            assert await good.read_bytes(10) == b"still here"
            assert server.statistics()["failed"] == 1
            good.close()

    run(main)
    assert "broken handler" in caplog.text


def test_slow_handler_keeps_nobody_waiting(run):
    class Slow(Echo):
        async def handle_stream(self, stream, address):
            if self.statistics()["accepted"] == 1:
                await asyncio.Event().wait()
            await super().handle_stream(stream, address)

    async def main():
        async with Slow() as server:
            server.listen(0, "127.0.0.1")
            slow, quick = await dial(server), await dial(server)
            await quick.write(b"x")
            assert await quick.read_bytes(1) == b"x"
            slow.close()
            quick.close()

    run(main)


def test_client_that_leaves_is_no_failure(run, caplog):
    class Reads(TCPServer):
        async def handle_stream(self, stream, address):
            await stream.read_bytes(10)

    async def main():
        async with Reads() as server:
            server.listen(0, "127.0.0.1")
            stream = await dial(server)
            await until(lambda: server.statistics()["handling"])
            stream.close()
            await until(lambda: not server.statistics()["handling"])
            assert server.statistics()["failed"] == 0

    run(main)
    assert "Exception" not in caplog.text


def test_stop_closes_the_listening_sockets_and_leaves_connections(run):
    async def main():
        server = Echo()
        server.listen(0, "127.0.0.1")
        address = address_of(server)
        stream = await dial(server)
        await until(lambda: server.statistics()["accepted"])
        server.stop()
        server.stop()
        with pytest.raises(StreamClosedError):
            await IOStream(socket.socket()).connect(address)
        await stream.write(b"x")
        assert await stream.read_bytes(1) == b"x"
        assert server.statistics()["listening"] == 0
        stream.close()
        await until(lambda: not server.statistics()["handling"])

    run(main)


def test_async_with_ends_the_handlers(run):
    async def main():
        ended = []

        class Waits(TCPServer):
            async def handle_stream(self, stream, address):
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append(address)

        async with Waits() as server:
            server.listen(0, "127.0.0.1")
            stream = await dial(server)
            await until(lambda: server.statistics()["handling"])
        assert len(ended) == 1
        assert await stream.read_until_close() == b""

    run(main)


def test_bind_and_start_in_one_process(run):
    async def main():
        server = Echo()
        server.bind(0, "127.0.0.1")
        assert server._sockets == {}
        server.start()
        with pytest.raises(AssertionError, match="started"):
            server.start()
        server.bind(0, "127.0.0.1")  # accepted at once
        assert server.statistics()["listening"] == 2
        stream = await dial(server)
        await stream.write(b"x")
        assert await stream.read_bytes(1) == b"x"
        stream.close()
        server.stop()
        never_started = Echo()
        never_started.bind(0, "127.0.0.1")
        [sock] = never_started._bound
        never_started.stop()
        assert sock.fileno() == -1

    run(main)


def test_add_socket_takes_any_listening_socket(run, tmp_path):
    async def main():
        async with Echo() as server:
            server.add_sockets(bind_sockets(0, "127.0.0.1"))
            server.listen(0, f"unix:{tmp_path}/socket")
            stream = await IOStream(socket.socket(socket.AF_UNIX)).connect(f"{tmp_path}/socket")
            await stream.write(b"x")
            assert await stream.read_bytes(1) == b"x"
            stream.close()

    run(main)


def test_start_forks_and_serves_from_the_children():
    script = textwrap.dedent(
        """
        import os
        from waterspout.ioloop import IOLoop
        from waterspout.process import task_id
        from waterspout.tcpserver import TCPServer

        class Who(TCPServer):
            async def handle_stream(self, stream, address):
                await stream.write(b"%d %d" % (task_id(), os.getpid()))
                stream.close()

        server = Who()
        server.bind(0, "127.0.0.1")
        print(server._bound[0].getsockname()[1], flush=True)
        server.start(2, max_restarts=0)  # from here on two children
        loop = IOLoop.current()
        loop.add_handler(0, lambda *_: loop.stop(), loop.READ)  # until standard input is closed
        loop.start()
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        port = int(process.stdout.readline())
        seen = {}
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                number, pid = client.makefile().read().split()
                seen[number] = int(pid)
            if len(seen) == 2:
                break
        assert seen.keys() <= {"0", "1"}
        assert process.pid not in seen.values()
    finally:
        process.stdin.close()
        assert process.wait(10) == 0


def test_stream_settings_reach_the_streams(run):
    async def main():
        streams = []

        class Keeps(TCPServer):
            def handle_stream(self, stream, address):
                streams.append(stream)

        async with Keeps(max_buffer_size=10_000, read_chunk_size=1000) as server:
            server.listen(0, "127.0.0.1")
            client = await dial(server)
            await until(lambda: streams)
            assert (streams[0].max_buffer_size, streams[0].read_chunk_size) == (10_000, 1000)
            streams[0].close()
            client.close()

    run(main)


def test_subclass_must_say_what_to_do(run, caplog):
    async def main():
        async with TCPServer() as server:
            server.listen(0, "127.0.0.1")
            stream = await dial(server)
            assert await stream.read_until_close() == b""

    run(main)
    assert "must define handle_stream" in caplog.text


# -- TLS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["context", "dict"])
def test_tls_by_context_and_by_dict(run, server_tls, client_tls, certificate, kind):
    options = server_tls if kind == "context" else {"certfile": certificate[0], "keyfile": certificate[1]}

    async def main():
        async with Echo(ssl_options=options) as server:
            server.listen(0, "127.0.0.1")
            stream = SSLIOStream(socket.socket(), ssl_options=client_tls)
            await stream.connect(address_of(server), server_hostname="localhost")
            await stream.write(b"secret")
            assert await stream.read_bytes(6) == b"secret"
            stream.close()

    run(main)


def test_stalled_or_failed_handshakes_hurt_nobody_else(run, server_tls, client_tls):
    async def main():
        async with Echo(ssl_options=server_tls) as server:
            server.listen(0, "127.0.0.1")
            silent = await dial(server)
            rude = await dial(server)
            await rude.write(b"GET / HTTP/1.1\r\n\r\n")
            stream = SSLIOStream(socket.socket(), ssl_options=client_tls)
            await stream.connect(address_of(server), server_hostname="localhost")
            await stream.write(b"x")
            assert await stream.read_bytes(1) == b"x"
            for each in (silent, rude, stream):
                each.close()

    run(main)


def test_missing_files_are_said_when_the_server_is_made(tmp_path, certificate):
    with pytest.raises(KeyError, match="certfile"):
        TCPServer(ssl_options={"keyfile": certificate[1]})
    with pytest.raises(ValueError, match="nowhere"):
        TCPServer(ssl_options={"certfile": str(tmp_path / "nowhere")})
    with pytest.raises(ValueError, match="keyfile"):
        TCPServer(ssl_options={"certfile": certificate[0], "keyfile": str(tmp_path / "nowhere")})


def test_a_subclass_may_look_at_a_connection_before_it_becomes_a_stream():
    class Looking(TCPServer):
        def __init__(self):
            super().__init__()
            self.served = []

        def serve_connection(self, connection, address):
            if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"!":
                connection.close()
            else:
                super().serve_connection(connection, ("elsewhere", 1))

        def handle_stream(self, stream, address):
            self.served.append(address)
            stream.close()

    async def main():
        server = Looking()
        ours = []
        for first in (b"!", b"a"):
            theirs, end = socket.socketpair()
            end.send(first)
            server.serve_connection(theirs, ("here", 2))
            ours.append(end)
        assert server.served == [("elsewhere", 1)]
        for end in ours:
            with contextlib.suppress(ConnectionResetError):  # what it had sent was not read
                assert end.recv(1) == b""
            end.close()

    asyncio.run(main())
