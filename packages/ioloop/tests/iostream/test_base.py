"""Pull: the reads, writing with back-pressure, closing."""

import asyncio
import logging
import os
import re
import socket
import struct

import pytest

from waterspout.iostream import (
    IOStream,
    StreamBufferFullError,
    StreamClosedError,
    UnsatisfiableReadError,
)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- reads -------------------------------------------------------------------------------------------


def test_reads_of_every_kind_in_a_row_share_one_buffer(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"line\r\n12345abcabc 99 bottles;partial-rest")
        assert await stream.read_until(b"\r\n") == b"line\r\n"
        assert await stream.read_bytes(5) == b"12345"
        buffer = bytearray(6)
        assert await stream.read_into(buffer) == 6
        assert buffer == b"abcabc"
        assert await stream.read_until_regex(rb"\d+ bottles?;") == b" 99 bottles;"
        assert await stream.read_bytes(7, partial=True) == b"partial"
        peer.close()
        assert await stream.read_until_close() == b"-rest"
        assert stream.closed()

    run(main)


def test_read_of_buffered_data_is_done_at_once(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"a\nb\ncdefgh")
        await stream.read_until(b"\n")
        for future, expected in (
            (stream.read_until(b"\n"), b"b\n"),
            (stream.read_bytes(2), b"cd"),
            (stream.read_bytes(1, partial=True), b"e"),
            (stream.read_until_regex(b"f"), b"f"),
            (stream.read_into(bytearray(1)), 1),
        ):
            assert isinstance(future, asyncio.Future)
            assert future.done()
            assert future.result() == expected
        assert await stream.read_bytes(1) == b"h"
        stream.close()

    run(main)


def test_waiting_read_is_a_future_of_asyncio(run, connect):
    async def main():
        stream, peer = connect()
        called = []
        future = stream.read_bytes(3)
        assert isinstance(future, asyncio.Future)
        assert stream.reading()
        future.add_done_callback(called.append)
        peer.sendall(b"abc")
        assert await asyncio.wait_for(future, 5) == b"abc"
        await asyncio.sleep(0)
        assert called == [future]
        assert not stream.reading()
        stream.close()

    run(main)


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_delimiter_split_over_reads_is_found(run, connect, step):
    text = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody"

    async def main():
        stream, peer = connect()
        reading = asyncio.ensure_future(stream.read_until(b"\r\n\r\n"))
        for start in range(0, len(text), step):
            peer.sendall(text[start : start + step])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert await reading == text[:-4]
        assert await stream.read_bytes(4) == b"body"
        stream.close()

    run(main)


def test_lines_by_regex_do_not_copy_what_follows_them(run, connect):
    """Each copied all that had come: a second for a quarter of a megabyte of short lines."""

    async def main():
        stream, peer = connect()
        peer.sendall(b"line\n" * 1000)
        await stream.read_until_regex(rb"\n")
        all_of_it = stream._head
        assert len(all_of_it) == 5000
        for _ in range(998):
            assert await stream.read_until_regex(rb"^line\n") == b"line\n"
        assert stream._head is all_of_it
        stream.close()

    run(main)


def test_regex_sees_only_what_was_not_read(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"xyab")
        assert await stream.read_bytes(1) == b"x"
        assert await stream.read_bytes(1) == b"y"
        assert await stream.read_until_regex(re.compile(rb"^(?<!y)a")) == b"a"
        reading = asyncio.ensure_future(stream.read_until_regex(rb"^b+c"))
        await asyncio.sleep(0)
        peer.sendall(b"bbc.")
        assert await reading == b"bbbc"
        stream.close()

    run(main)


@pytest.mark.parametrize("size", [65536, 65537, 3_000_000])
def test_large_reads_arrive_whole(run, connect, size):
    data = os.urandom(size)

    async def main():
        stream, peer = connect()
        sending = asyncio.get_running_loop().run_in_executor(None, peer.sendall, data + b"END!" + data + data)
        assert await stream.read_bytes(size) == data
        assert await stream.read_until(b"END!") == b"END!"
        buffer = bytearray(size)
        assert await stream.read_into(buffer) == size
        assert buffer == data
        got = b""
        while len(got) < size:
            piece = await stream.read_bytes(100_000, partial=True)
            assert 0 < len(piece) <= 100_000
            got += piece
        assert got == data
        await sending
        stream.close()

    run(main)


def test_large_read_until_and_until_close(run, connect):
    data = b"x" * 2_000_000

    async def main():
        stream, peer = connect()

        def send():
            peer.sendall(data + b"\n" + data)
            peer.close()

        sending = asyncio.get_running_loop().run_in_executor(None, send)
        assert await stream.read_until(b"\n") == data + b"\n"
        assert await stream.read_until_close() == data
        await sending

    run(main)


def test_frames_keep_their_borders_whatever_the_packets(run, connect):
    frames = [bytes([number % 256]) * (number % 700 + 1) for number in range(500)]

    async def main():
        stream, peer = connect()
        sending = asyncio.get_running_loop().run_in_executor(
            None, peer.sendall, b"".join(struct.pack(">H", len(frame)) + frame for frame in frames)
        )
        for frame in frames:
            [size] = struct.unpack(">H", await stream.read_bytes(2))
            assert await stream.read_bytes(size) == frame
        await sending
        stream.close()

    run(main)


def test_reading_nothing_needs_nothing(run, connect):
    async def main():
        stream, _ = connect()
        assert stream.read_bytes(0).result() == b""
        assert stream.read_bytes(0, partial=True).result() == b""
        assert stream.read_into(bytearray()).result() == 0
        with pytest.raises(ValueError, match="-1"):
            stream.read_bytes(-1)
        stream.close()

    run(main)


@pytest.mark.parametrize("buffer", [b"12345", memoryview(b"12345")])
@pytest.mark.parametrize("buffered", [b"", b"there "])
def test_read_into_what_is_read_only_is_refused_and_takes_nothing(run, connect, buffer, buffered):
    async def main():
        stream, peer = connect()
        peer.sendall(b"line\n" + buffered)
        assert await stream.read_until(b"\n") == b"line\n"
        with pytest.raises(TypeError, match="read-only"):
            stream.read_into(buffer)
        peer.sendall(b"hello")
        assert await stream.read_bytes(len(buffered) + 5) == buffered + b"hello"
        assert bytes(buffer) == b"12345"
        stream.close()

    run(main)


def test_read_into_partial_takes_what_is_there_and_leaves_the_buffer_free(run, connect):
    async def main():
        stream, peer = connect()
        buffer = bytearray(10)
        reading = stream.read_into(buffer, partial=True)
        peer.sendall(b"abc")
        assert await reading == 3
        buffer += b"resizable"
        peer.sendall(b"12345")
        await asyncio.sleep(0.01)
        view = memoryview(bytearray(3))
        assert await stream.read_into(view) == 3
        assert view == b"123"
        stream.close()

    run(main)


def test_second_read_is_refused_while_one_waits(run, connect):
    async def main():
        stream, peer = connect()
        first = stream.read_bytes(1)
        with pytest.raises(AssertionError, match="Already reading"):
            stream.read_until(b"\n")
        peer.sendall(b"x")
        assert await first == b"x"
        stream.close()

    run(main)


# -- cancellation ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda stream: stream.read_until(b"\n"),
        lambda stream: stream.read_until_regex(rb"\n"),
        lambda stream: stream.read_bytes(11),
        lambda stream: stream.read_bytes(5, partial=True),
        lambda stream: stream.read_into(bytearray(11)),
        lambda stream: stream.read_until_close(),
    ],
    ids=["until", "regex", "bytes", "partial", "into", "close"],
)
@pytest.mark.parametrize("before", [b"", b"hel"])
@pytest.mark.parametrize("turns", range(5))
def test_read_cancelled_at_any_moment_takes_nothing(run, connect, read, before, turns):
    async def main():
        stream, peer = connect()
        if before:  # a part of the data is buffered already
            peer.sendall(b"x\n" + before)
            await stream.read_until(b"\n")

        async def reading():
            return await read(stream)

        task = asyncio.ensure_future(reading())
        await asyncio.sleep(0)
        peer.sendall(b"hello world"[len(before) :])
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        got = b""
        try:
            got = await task
        except asyncio.CancelledError:
            pass
        else:  # it was faster: then it has taken its part, and only that
            if isinstance(got, int):
                return
        peer.sendall(b"\n")
        assert got + await stream.read_until(b"\n") == b"hello world\n"
        stream.close()

    run(main)


def test_read_whose_future_is_cancelled_frees_the_stream_for_the_next(run, connect):
    async def main():
        stream, peer = connect()
        buffer = bytearray(10)
        peer.sendall(b"ab")
        future = stream.read_into(buffer)
        await asyncio.sleep(0.01)
        assert future.cancel()
        assert not stream.reading()
        buffer += b"free"
        peer.sendall(b"cd\n")
        assert await stream.read_until(b"\n") == b"abcd\n"
        stream.close()

    run(main)


def test_timeout_of_a_read_leaves_the_data(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"half a li")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.read_until(b"\n"), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await stream.read_until(b"\n")
        peer.sendall(b"ne\n")
        assert await stream.read_until(b"\n") == b"half a line\n"
        stream.close()

    run(main)


def test_cancelled_search_leaves_bytes_behind(run, connect):
    # While a delimiter is looked for the buffer is a bytearray; nobody may see that.
    async def main():
        stream, peer = connect()
        future = stream.read_until(b"\n")
        for piece in (b"abc", b"def"):
            peer.sendall(piece)
            await asyncio.sleep(0.01)
        future.cancel()
        first = await stream.read_bytes(2)
        assert type(first) is bytes
        assert first + await stream.read_bytes(4) == b"abcdef"
        stream.close()

    run(main)


# -- limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize("regex", [False, True])
def test_delimiter_beyond_max_bytes_closes_the_stream(run, connect, buffered, regex):
    async def main():
        stream, peer = connect()
        peer.sendall(b"\n" + b"x" * 20 + b"\n")
        if buffered:
            await stream.read_until(b"\n")
        else:
            await stream.read_bytes(1)
        read = stream.read_until_regex if regex else stream.read_until
        with pytest.raises(StreamClosedError) as caught:
            await read(b"\n", max_bytes=20)
        assert isinstance(caught.value.real_error, UnsatisfiableReadError)
        assert "20" in str(caught.value.real_error)
        assert stream.closed()

    run(main)


@pytest.mark.parametrize("regex", [False, True])
def test_delimiter_at_max_bytes_is_found_and_what_follows_does_not_count(run, connect, regex):
    async def main():
        stream, peer = connect()
        read = stream.read_until_regex if regex else stream.read_until
        peer.sendall(b"12345\n" + b"y" * 100)
        assert await read(b"\n", max_bytes=6) == b"12345\n"
        assert await stream.read_bytes(100) == b"y" * 100
        future = read(b"\n", max_bytes=6)
        peer.sendall(b"12345\n")
        assert await future == b"12345\n"
        stream.close()

    run(main)


def test_delimiter_that_cannot_come_in_time_fails_at_the_limit(run, connect):
    async def main():
        stream, peer = connect()
        future = stream.read_until(b"\n", max_bytes=5)
        peer.sendall(b"12345")
        with pytest.raises(StreamClosedError):
            await future

    run(main)


def test_more_than_max_buffer_size_closes_the_stream(run, connect, caplog):
    async def main():
        stream, peer = connect(max_buffer_size=1000)
        assert stream.read_chunk_size == 500
        future = stream.read_until(b"\n")
        peer.sendall(b"x" * 1001)
        with pytest.raises(StreamClosedError) as caught:
            await future
        assert isinstance(caught.value.real_error, StreamBufferFullError)

    with caplog.at_level(logging.WARNING):
        run(main)
    assert "Reached maximum read buffer size" in caplog.text


def test_read_into_is_not_limited_by_max_buffer_size(run, connect):
    async def main():
        stream, peer = connect(max_buffer_size=1000)
        buffer = bytearray(10_000)
        future = stream.read_into(buffer)
        peer.sendall(b"y" * 10_000)
        assert await future == 10_000
        assert buffer == b"y" * 10_000
        stream.close()

    run(main)


def test_peer_is_slowed_down_while_nobody_reads(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"x")
        await stream.read_bytes(1)
        peer.setblocking(False)
        sent = 0
        for _ in range(50):
            try:
                sent += peer.send(b"y" * 1_000_000)
            except BlockingIOError:
                await asyncio.sleep(0.001)
        assert stream.statistics()["received"] == 1
        assert sent < 50_000_000
        assert await stream.read_bytes(sent) == b"y" * sent
        stream.close()

    run(main)


# -- writing -----------------------------------------------------------------------------------------


def test_awaited_write_has_reached_the_kernel(run, connect):
    async def main():
        stream, peer = connect()
        future = stream.write(b"now")
        assert future.done()
        assert peer.recv(10, socket.MSG_DONTWAIT) == b"now"
        await stream.write(b"")
        assert not stream.writing()
        stream.close()

    run(main)


def test_write_goes_behind_what_was_sent_before(run, connect):
    async def main():
        stream, peer = connect()
        stream.send(b"first ")
        await stream.write(b"second")
        assert peer.recv(100) == b"first second"
        stream.close()

    run(main)


def test_writes_beyond_the_kernels_buffer_finish_in_order(run, connect):
    async def main():
        stream, peer = connect()
        done = []
        data = [os.urandom(700_000) for _ in range(10)]
        for number, piece in enumerate(data):
            stream.write(piece).add_done_callback(lambda _, number=number: done.append(number))
        assert stream.writing()
        last = stream.write(b"!")

        def receive():
            got = bytearray()
            while not got.endswith(b"!") or len(got) < 7_000_001:
                got += peer.recv(65536)
            return got

        got = await asyncio.get_running_loop().run_in_executor(None, receive)
        await last
        await asyncio.sleep(0)
        assert got == b"".join(data) + b"!"
        assert done == list(range(10))
        stream.close()

    run(main)


def test_max_write_buffer_size_refuses_what_would_exceed_it(run, connect):
    async def main():
        stream, peer = connect(max_write_buffer_size=100_000)
        await stream.write(b"x" * 100_000)
        with pytest.raises(StreamBufferFullError, match="100000"):
            stream.write(b"x" * 100_001)
        accepted = 100_000
        with pytest.raises(StreamBufferFullError):
            while True:
                stream.write(b"x" * 50_000)
                accepted += 50_000
        peer.settimeout(5)
        got = 0
        while got < accepted:
            got += len(await asyncio.get_running_loop().run_in_executor(None, peer.recv, 65536))
        assert got == accepted
        await stream.write(b"again")
        stream.close()

    run(main)


def test_write_that_cannot_be_finished_fails_with_the_stream(run, connect):
    async def main():
        stream, peer = connect()
        future = stream.write(b"x" * 8_000_000)
        assert not future.done()
        stream.close()
        with pytest.raises(StreamClosedError):
            await future
        other, peer = connect()
        reset(peer)
        await asyncio.sleep(0.01)
        with pytest.raises(StreamClosedError) as caught:
            for _ in range(3):
                await other.write(b"x")
        assert isinstance(caught.value.real_error, ConnectionError)

    run(main)


def test_write_refuses_text(run, connect):
    async def main():
        stream, _ = connect()
        with pytest.raises(TypeError):
            stream.write("text")
        with pytest.raises(TypeError):
            stream.send("text")
        stream.close()

    run(main)


# -- the end -----------------------------------------------------------------------------------------


def test_reads_after_the_peer_has_closed_get_what_is_left(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"one\ntwo\nrest")
        peer.close()
        assert await stream.read_until(b"\n") == b"one\n"
        assert await stream.read_until(b"\n") == b"two\n"
        with pytest.raises(StreamClosedError) as caught:
            await stream.read_until(b"\n")
        assert caught.value.real_error is None
        assert await stream.read_until_close() == b"rest"
        assert await stream.read_until_close() == b""
        with pytest.raises(StreamClosedError):
            stream.read_bytes(1)

    run(main)


def test_failed_read_into_leaves_its_bytes_in_the_stream(run, connect):
    async def main():
        stream, peer = connect()
        buffer = bytearray(10)
        peer.sendall(b"abc")
        peer.close()
        with pytest.raises(StreamClosedError):
            await stream.read_into(buffer)
        buffer += b"free"
        with pytest.raises(StreamClosedError):
            await stream.read_into(buffer)
        assert await stream.read_bytes(3) == b"abc"

    run(main)


def test_read_until_close_takes_a_reset_as_the_end_and_fails_with_other_errors(run, connect):
    async def main():
        stream, peer = connect()
        future = stream.read_until_close()
        peer.sendall(b"data")
        await asyncio.sleep(0.01)
        reset(peer)
        assert await future == b"data"
        assert isinstance(stream.error, ConnectionResetError)
        other, peer = connect()
        future = other.read_until_close()
        peer.sendall(b"data")
        await asyncio.sleep(0.01)
        other.close(exc_info=ValueError("boom"))
        for _ in range(2):
            with pytest.raises(StreamClosedError) as caught:
                await future
            assert isinstance(caught.value.real_error, ValueError)
            with pytest.raises(StreamClosedError):
                other.read_until_close()

    run(main)


def test_close_callback_runs_once_in_a_later_turn(run, connect):
    async def main():
        stream, peer = connect()
        closed = asyncio.Event()
        calls = []
        stream.set_close_callback(lambda: (calls.append(1), closed.set()))
        peer.close()
        await closed.wait()
        stream.close()
        await asyncio.sleep(0)
        assert calls == [1]
        late = asyncio.Event()
        stream.set_close_callback(late.set)
        assert not late.is_set()
        await late.wait()

    run(main)


def test_close_callback_of_an_idle_stream_does_not_swallow_data(run, connect):
    async def main():
        stream, peer = connect()
        closed = asyncio.Event()
        stream.set_close_callback(closed.set)
        peer.sendall(b"data\n")
        await asyncio.sleep(0.01)
        assert stream.statistics()["received"] == 0
        peer.close()
        assert await stream.read_until(b"\n") == b"data\n"
        await asyncio.wait_for(closed.wait(), 5)

    run(main)


def test_close_callback_can_be_set_before_connecting(run):
    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        stream = IOStream(socket.socket())
        closed = asyncio.Event()
        stream.set_close_callback(closed.set)
        await asyncio.sleep(0.01)
        await stream.connect(listener.getsockname())
        peer, _ = listener.accept()
        peer.close()
        await closed.wait()
        listener.close()

    run(main)


def test_unread_bytes_come_first(run, connect):
    async def main():
        stream, peer = connect()
        peer.sendall(b"cd")
        assert await stream.read_bytes(1) == b"c"
        stream.unread(b"abc")
        assert await stream.read_bytes(4) == b"abcd"
        stream.close()

    run(main)


def test_async_with_closes_after_the_output_has_left(run, connect):
    async def main():
        stream, peer = connect()
        async with stream:
            stream.send(b"bye")
        assert stream.closed()
        assert peer.recv(10) == b"bye"
        other, _ = connect()
        with pytest.raises(KeyError):
            async with other:
                raise KeyError
        assert other.closed()

    run(main)


def test_nothing_is_written_any_more_when_the_stream_is_closed(run, connect):
    async def main():
        stream, _ = connect()
        writing = stream.write(bytes(20_000_000))
        assert stream.writing()
        stream.close()
        assert not stream.writing()
        with pytest.raises(StreamClosedError):
            await writing

    run(main)
