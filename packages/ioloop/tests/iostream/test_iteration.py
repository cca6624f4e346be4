"""Streams in ``async for``."""

import asyncio
import socket
import struct

import pytest

from waterspout.iostream import StreamClosedError, UnsatisfiableReadError


def test_stream_yields_chunks_until_the_peer_closes(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"x" * 100_000)
        peer.close()
        assert b"".join([chunk async for chunk in stream]) == b"x" * 100_000

    run(main)


def test_chunks_are_at_most_as_large_as_asked_for(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"x" * 1000)
        peer.close()
        sizes = [len(chunk) async for chunk in stream.chunks(300)]
        assert max(sizes) <= 300
        assert sum(sizes) == 1000

    run(main)


def test_lines_keep_their_end_and_the_last_may_lack_it(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"one\n\nthree")
        peer.close()
        assert [line async for line in stream.lines()] == [b"one\n", b"\n", b"three"]
        stream, peer = connect()
        peer.sendall(b"a;b;")
        peer.close()
        assert [line async for line in stream.lines(b";")] == [b"a;", b"b;"]

    run(main)


def test_line_that_is_too_long_is_an_error(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"short\n" + b"x" * 100)
        got = []
        with pytest.raises(StreamClosedError) as caught:
            async for line in stream.lines(max_bytes=20):
                got.append(line)
        assert got == [b"short\n"]
        assert isinstance(caught.value.real_error, UnsatisfiableReadError)

    run(main)


@pytest.mark.parametrize("iterate", [lambda stream: stream.chunks(), lambda stream: stream.lines()])
def test_reset_ends_the_iteration_with_its_error(run, connect, iterate):
    async def main():
        stream, peer = connect()

        async def consume():
            async for _ in iterate(stream):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()

        peer.sendall(b"x\n")
        with pytest.raises(StreamClosedError) as caught:
            await asyncio.wait_for(consume(), 5)
        assert isinstance(caught.value.real_error, ConnectionResetError)

    run(main)
