"""sendfile: a file into a stream."""

import asyncio
import os

import pytest

from waterspout.iostream import IOStream, StreamClosedError

SIZE = 5_000_000


@pytest.fixture(scope="module")
def data():
    return os.urandom(SIZE)


@pytest.fixture
def file(tmp_path, data):
    path = tmp_path / "data"
    path.write_bytes(data)
    with path.open("rb") as file:
        yield file


class Reading(IOStream):
    """As a stream to which the kernel cannot send files itself."""

    _SENDS_FILES = False


@pytest.fixture(params=[IOStream, Reading], ids=["kernel", "reading"])
def kind(request):
    return request.param


async def drain(peer):
    """Everything until the stream closes."""

    def receive():
        got = bytearray()
        while piece := peer.recv(1_000_000):
            got += piece
        return bytes(got)

    return await asyncio.get_running_loop().run_in_executor(None, receive)


def test_whole_file_leaves_in_order_with_what_is_sent_around_it(run, connect, kind, file, data):
    async def main():
        stream, peer = connect(kind)
        stream.send(b"head ")
        receiving = asyncio.ensure_future(drain(peer))
        assert await stream.sendfile(file) == SIZE
        stream.send(b" tail")
        stream.close_after_flush()
        assert await receiving == b"head " + data + b" tail"

    run(main)


def test_part_of_a_file(run, connect, kind, file, data):
    async def main():
        stream, peer = connect(kind)
        receiving = asyncio.ensure_future(drain(peer))
        assert await stream.sendfile(file, 1000, 3_000_000) == 3_000_000
        assert await stream.sendfile(file, SIZE - 10) == 10
        assert await stream.sendfile(file, SIZE) == 0
        assert await stream.sendfile(file, 0, 0) == 0
        stream.close()
        assert await receiving == data[1000:3_001_000] + data[-10:]
        assert stream.statistics()["sent"] == 3_000_010

    run(main)


def test_output_queued_meanwhile_leaves_after_the_file(run, connect, file, data):
    async def main():
        stream, peer = connect()
        sending = asyncio.ensure_future(stream.sendfile(file))
        await asyncio.sleep(0.01)
        assert not sending.done()
        assert stream.pending > 0
        stream.send(b"after")
        writing = stream.write(b"wards")
        stream.close_after_flush()
        receiving = asyncio.ensure_future(drain(peer))
        assert await sending == SIZE
        await writing
        assert await receiving == data + b"afterwards"
        assert stream.closed()

    run(main)


def test_file_that_is_too_short_is_said_and_the_stream_goes_on(run, connect, kind, file, data):
    async def main():
        stream, peer = connect(kind)
        receiving = asyncio.ensure_future(drain(peer))
        with pytest.raises(EOFError, match="10 bytes before"):
            await stream.sendfile(file, SIZE - 20, 30)
        assert stream.pending == 0
        await stream.write(b"more")
        stream.close()
        assert await receiving == data[-20:] + b"more"

    run(main)


def test_stream_that_closes_ends_the_sending(run, connect, kind, file):
    async def main():
        stream, peer = connect(kind)
        sending = asyncio.ensure_future(stream.sendfile(file))
        await asyncio.sleep(0.01)
        stream.close()
        with pytest.raises(StreamClosedError):
            await sending
        with pytest.raises(StreamClosedError):
            await stream.sendfile(file)
        other, peer = connect(kind)
        sending = asyncio.ensure_future(other.sendfile(file))
        await asyncio.sleep(0.01)
        peer.close()
        with pytest.raises(StreamClosedError):
            await sending

    run(main)


def test_cancelled_sending_leaves_a_stream_that_sends(run, connect, file):
    async def main():
        stream, peer = connect()
        sending = asyncio.ensure_future(stream.sendfile(file))
        await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        receiving = asyncio.ensure_future(drain(peer))
        await stream.write(b"the end")
        stream.close()
        assert (await receiving).endswith(b"the end")

    run(main)


def test_negative_ranges_are_refused(run, connect, file):
    async def main():
        stream, _ = connect()
        for arguments in ((-1,), (0, -1)):
            with pytest.raises(ValueError, match="negative"):
                await stream.sendfile(file, *arguments)
        stream.close()

    run(main)


def test_over_tls_the_file_is_encrypted(run, tls_pair, file, data):
    async def main():
        client, server = await tls_pair()
        sending = asyncio.ensure_future(server.sendfile(file, 0, 1_000_000))
        assert await client.read_bytes(1_000_000) == data[:1_000_000]
        assert await sending == 1_000_000
        client.close()
        server.close()

    run(main)
