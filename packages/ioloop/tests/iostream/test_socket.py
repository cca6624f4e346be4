"""IOStream: connecting, giving the connection away, options."""

import asyncio
import errno
import os
import socket
import struct
import subprocess
import sys

import pytest

from waterspout.iostream import IOStream, SSLIOStream, StreamClosedError


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def refusing_address():
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()


def test_connect_gives_the_stream_and_what_waited_begins(run, listener):
    async def main():
        stream = IOStream(socket.socket())
        future = stream.connect(listener.getsockname())
        writing = stream.write(b"early ")
        stream.send(b"bird")
        reading = stream.read_until(b"\n")
        assert not writing.done()
        assert await future is stream
        peer, _ = listener.accept()
        peer.settimeout(5)
        await writing
        await stream.flushed()
        assert peer.recv(5) + peer.recv(1) + peer.recv(4) == b"early bird"
        peer.sendall(b"worm\n")
        assert await reading == b"worm\n"
        peer.close()
        stream.close()

    run(main)


def test_receiver_may_be_set_before_the_connection_stands(run, listener, recorder):
    async def main():
        stream = IOStream(socket.socket())
        receiver = recorder()
        connecting = stream.connect(listener.getsockname())
        stream.set_receiver(receiver)
        await connecting
        peer, _ = listener.accept()
        peer.sendall(b"hello")
        assert await receiver.wait_for(5) == b"hello"
        peer.close()
        await receiver.lost.wait()

    run(main)


@pytest.mark.parametrize("kind", [IOStream, SSLIOStream])
def test_connecting_a_closed_stream_fails(run, listener, kind):
    async def main():
        stream = kind(socket.socket())
        stream.close()
        with pytest.raises(StreamClosedError):
            await stream.connect(listener.getsockname(), "localhost")

    run(main)


def test_refused_connection_fails_with_its_reason(run, recorder):
    async def main():
        stream = IOStream(socket.socket())
        receiver = recorder()
        future = stream.connect(refusing_address())
        stream.set_receiver(receiver)
        writing = stream.write(b"x")
        with pytest.raises(StreamClosedError) as caught:
            await future
        assert isinstance(caught.value.real_error, ConnectionRefusedError)
        assert isinstance(stream.error, ConnectionRefusedError)
        with pytest.raises(StreamClosedError):
            await writing
        await receiver.lost.wait()
        assert receiver.calls == ["lost"]

    run(main)


def test_address_that_cannot_be_connected_fails_the_future_not_the_call(run):
    async def main():
        stream = IOStream(socket.socket())
        future = stream.connect(("255.255.255.255", 1))
        with pytest.raises(StreamClosedError) as caught:
            await future
        assert isinstance(caught.value.real_error, OSError)

    run(main)


def test_closing_while_connecting_fails_the_connect(run, listener):
    async def main():
        stream = IOStream(socket.socket())
        future = stream.connect(listener.getsockname())
        stream.close()
        with pytest.raises(StreamClosedError):
            await future

    run(main)


def test_full_backlog_of_a_unix_socket_is_an_error_not_a_connection(run, tmp_path):
    async def main():
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(0)
            streams = [IOStream(socket.socket(socket.AF_UNIX)) for _ in range(4)]
            outcomes = await asyncio.gather(*(stream.connect(path) for stream in streams), return_exceptions=True)
            failed = [outcome for outcome in outcomes if isinstance(outcome, StreamClosedError)]
            assert failed
            assert failed[0].real_error.errno == errno.EAGAIN
            assert len(failed) < 4
            for stream in streams:
                stream.close()

    run(main)


def test_unix_sockets_work_as_others(run):
    async def main():
        ours, theirs = socket.socketpair()
        one, other = IOStream(ours), IOStream(theirs)
        one.set_nodelay(True)  # means nothing there, and is no error
        await one.write(b"hi\n")
        assert await other.read_until(b"\n") == b"hi\n"
        one.close()
        assert await other.read_until_close() == b""

    run(main)


def test_nodelay_is_set_and_cleared(run, connect):
    async def main():
        stream, _ = connect()
        for value in (True, False):
            stream.set_nodelay(value)
            assert bool(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is value
        stream.close()

    run(main)


def test_detach_gives_the_socket_and_what_nobody_read(run, connect):
    async def main():
        stream, peer = connect()
        told = []
        stream.set_close_callback(lambda: told.append(1))
        peer.sendall(b"first\nrest")
        await stream.read_until(b"\n")
        sock, rest = stream.detach()
        assert rest == b"rest"
        assert stream.closed()
        with pytest.raises(StreamClosedError):
            stream.write(b"x")
        heir = IOStream(sock)
        await heir.write(b"still there")
        assert peer.recv(100) == b"still there"
        await asyncio.sleep(0)
        assert told == []
        heir.close()

    run(main)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda stream, recorder: stream.close(), "closed"),
        (lambda stream, recorder: stream.read_bytes(1), "read is waiting"),
        (lambda stream, recorder: stream.write(b"x" * 10_000_000), "output is queued"),
        (lambda stream, recorder: stream.set_receiver(recorder()), "receiver"),
    ],
)
def test_busy_stream_can_neither_be_detached_nor_start_tls(run, connect, recorder, prepare, reason):
    async def main():
        stream, _ = connect()
        prepare(stream, recorder)
        with pytest.raises(ValueError, match=reason):
            stream.detach()
        with pytest.raises(ValueError, match=reason):
            stream.start_tls(False)
        stream.close()

    run(main)


def test_get_fd_error_tells_what_is_pending(run, connect):
    async def main():
        stream, _ = connect()
        assert stream.get_fd_error() is None
        stream.close()

    run(main)


def test_repr_names_the_descriptor_until_closed(run, connect):
    async def main():
        stream, _ = connect()
        assert f"fd={stream.fileno()}" in repr(stream)
        stream.close()
        assert "closed" in repr(stream)

    run(main)


def test_import_brings_neither_ssl_nor_other_heavy_modules():
    heavy = {"ssl", "multiprocessing", "logging.config", "email", "waterspout.options", "waterspout.process"}
    code = f"""
import sys
sys.modules["ssl"] = None  # asyncio itself imports it, if it is there
import asyncio
del sys.modules["ssl"]
before = set(sys.modules)
import waterspout.iostream, waterspout.tcpclient, waterspout.tcpserver
print({heavy} & (set(sys.modules) - before))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert shown.stdout == "set()\n", shown.stderr


# -- the last words --------------------------------------------------------------------------------


def segments_received(sock):
    """Of `struct tcp_info` (linux/tcp.h): tcpi_segs_in."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144), 140)[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps what is sent until the end is known")
def test_what_the_close_follows_leaves_with_the_end_in_one_segment(run, connect):
    async def main():
        stream, peer = connect()
        before = segments_received(peer)
        stream.send(b"the last word")
        stream.close_after_flush()
        await asyncio.sleep(0)
        assert stream.closed() and stream.error is None
        assert peer.recv(100) == b"the last word" and peer.recv(100) == b""
        assert segments_received(peer) - before == 1

    run(main)


def test_input_that_nobody_has_read_does_not_eat_the_last_words(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"for nobody")
        stream.send(b"the last word")
        stream.close_after_flush(lambda: None)
        await asyncio.sleep(0)
        assert stream.closed()
        assert peer.recv(100) == b"the last word"

    run(main)


def test_last_words_to_a_peer_that_has_reset_the_connection_close_the_stream_with_the_error(run, connect):
    async def main():
        stream, peer = connect()
        told = []
        stream.send(b"the last word")
        stream.close_after_flush(lambda: told.append(stream.error))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        await asyncio.sleep(0)
        assert stream.closed() and len(told) == 1 and isinstance(told[0], ConnectionError)

    run(main)


def test_whoever_waits_for_the_last_words_or_for_the_close_is_told_of_both(run, connect):
    async def main():
        stream, peer = connect()
        closed, instead = asyncio.Event(), []
        stream.set_close_callback(closed.set)
        stream.send(b"the last word")
        flushed = stream.flushed()
        stream.close_after_flush(lambda: instead.append(stream.closed()))
        await flushed
        await closed.wait()
        assert instead == [True] and stream.error is None
        assert peer.recv(100) == b"the last word" and peer.recv(100) == b""

    run(main)


def test_a_close_of_ones_own_is_called_after_the_last_words(run):
    class Own(IOStream):
        closes = 0

        def close(self, exc_info=False):
            Own.closes += 1
            super().close(exc_info)

    async def main():
        ours, peer = socket.socketpair()
        stream = Own(ours)
        stream.send(b"the last word")
        stream.close_after_flush(lambda: None)
        await asyncio.sleep(0)
        assert Own.closes == 1 and stream.closed()
        assert peer.recv(100) == b"the last word" and peer.recv(100) == b""
        peer.close()

    run(main)
