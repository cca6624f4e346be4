"""PipeIOStream."""

import asyncio
import os

import pytest

from waterspout.iostream import PipeIOStream, StreamClosedError


@pytest.fixture
def pipe():
    def pipe():
        reading, writing = os.pipe()
        return PipeIOStream(reading), PipeIOStream(writing)

    return pipe


def test_what_is_written_is_read(run, pipe):
    async def main():
        reader, writer = pipe()
        await writer.write(b"one\n")
        writer.send_many([b"two\n", bytearray(b"three")])
        assert await reader.read_until(b"\n") == b"one\n"
        assert await reader.read_until(b"\n") == b"two\n"
        writer.close_after_flush()
        assert await reader.read_until_close() == b"three"
        assert reader.closed()

    run(main)


def test_full_pipe_makes_the_writer_wait(run, pipe):
    async def main():
        reader, writer = pipe()
        data = os.urandom(1_000_000)
        writing = writer.write(data)
        assert not writing.done()
        assert await reader.read_bytes(len(data)) == data
        await writing
        reader.close()
        writer.close()

    run(main)


def test_writing_without_a_reader_is_an_error(run, pipe):
    async def main():
        reader, writer = pipe()
        reader.close()
        with pytest.raises(StreamClosedError) as caught:
            await writer.write(b"x")
        assert isinstance(caught.value.real_error, BrokenPipeError)

    run(main)


def test_close_callback_sees_the_other_end_close(run, pipe):
    async def main():
        reader, writer = pipe()
        closed = asyncio.Event()
        reader.set_close_callback(closed.set)
        writer.close()
        await closed.wait()

    run(main)


def test_receiver_on_a_pipe(run, pipe, recorder):
    async def main():
        reader, writer = pipe()
        receiver = recorder()
        reader.set_receiver(receiver)
        await writer.write(b"pushed")
        assert await receiver.wait_for(6) == b"pushed"
        writer.close()
        await receiver.lost.wait()
        assert receiver.calls[-2:] == ["eof", "lost"]

    run(main)


def test_descriptor_that_is_none_is_refused():
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        PipeIOStream(reading)


def test_hook_of_a_subclass_is_honoured(run):
    class Slow(PipeIOStream):
        def write_to_fd(self, data):
            return super().write_to_fd(data[:1])

    async def main():
        reading, writing = os.pipe()
        reader, writer = PipeIOStream(reading), Slow(writing)
        writer.send_many([b"ab", b"cd"])
        await writer.flushed()
        assert await reader.read_bytes(4) == b"abcd"
        reader.close()
        writer.close()

    run(main)
