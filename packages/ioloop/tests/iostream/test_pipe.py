"""PipeIOStream: on pipes, and on what a program may find in their place."""

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


def test_close_callback_of_the_writing_end_hears_that_the_reader_has_gone(run, pipe, caplog):
    async def main():
        reader, writer = pipe()
        closed = asyncio.Event()
        writer.set_close_callback(closed.set)
        await asyncio.sleep(0)
        assert not writer.closed()
        reader.close()
        await closed.wait()
        assert isinstance(writer.error, BrokenPipeError)

    run(main)
    assert caplog.messages == []


# -- what epoll does not watch: a program's standard input and output may be files ---------------------


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_bytes(b"one\ntwo\n" + bytes(300_000))
    return tmp_path / "file"


def test_regular_file_is_read_to_its_end(run, file):
    async def main():
        stream = PipeIOStream(os.open(file, os.O_RDONLY))
        reading = stream.read_until(b"\n")
        assert await reading == b"one\n"
        cancelled = stream.read_bytes(1_000_000)
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await stream.read_until(b"\n") == b"two\n"
        assert await stream.read_until_close() == bytes(300_000)
        assert stream.closed()
        assert stream.error is None

    run(main)


def test_end_of_a_regular_file_closes_and_calls_back(run, file):
    async def main():
        stream = PipeIOStream(os.open(file, os.O_RDONLY))
        closed = asyncio.Event()
        stream.set_close_callback(closed.set)
        assert await stream.read_bytes(8) == b"one\ntwo\n"
        assert not stream.closed()
        with pytest.raises(StreamClosedError):
            await stream.read_until(b"three")
        await closed.wait()

    run(main)


def test_regular_file_is_pushed_and_pausing_holds_it_up(run, file, recorder):
    async def main():
        stream = PipeIOStream(os.open(file, os.O_RDONLY))
        receiver = recorder()
        stream.set_receiver(receiver)
        await receiver.wait_for(1)
        stream.pause_receiving()
        before = len(receiver.data)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(receiver.data) == before
        stream.resume_receiving()
        await receiver.lost.wait()
        assert receiver.data == file.read_bytes()

    run(main)


def test_null_device_is_at_its_end_at_once(run):
    async def main():
        assert await PipeIOStream(os.open(os.devnull, os.O_RDONLY)).read_until_close() == b""

    run(main)


def test_regular_file_is_written_and_stays_open_with_a_close_callback(run, file, caplog):
    async def main():
        stream = PipeIOStream(os.open(file, os.O_WRONLY | os.O_TRUNC))
        stream.set_close_callback(lambda: None)
        for _ in range(5):
            await asyncio.sleep(0)
        await stream.write(b"written")
        stream.close()
        assert file.read_bytes() == b"written"

    run(main)
    assert caplog.messages == []
