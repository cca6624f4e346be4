"""Push, the one flush of a turn, and closing."""

import asyncio
import gc
import logging
import os
import socket
import struct
import weakref

import pytest

from waterspout.ioloop import IOLoop
from waterspout.iostream import IOStream, StreamClosedError

BIG = 4 * 1024 * 1024  # more than the kernel takes at once


def receive(sock, size):
    """`size` bytes from a blocking socket."""
    data = bytearray()
    while len(data) < size:
        data += sock.recv(65536) or pytest.fail(f"the stream ended after {len(data)} of {size} bytes")
    return bytes(data)


async def receive_later(sock, size):
    """The same beside the loop."""
    return await asyncio.get_running_loop().run_in_executor(None, receive, sock, size)


def reset(sock):
    """Close so that the peer sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- receiving ---------------------------------------------------------------------------------------


def test_receiver_gets_each_read_as_bytes(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        peer.sendall(b"one")
        await receiver.wait_for(3)
        peer.sendall(b"two")
        assert await receiver.wait_for(6) == b"onetwo"
        assert receiver.chunks == [b"one", b"two"]
        stream.close()

    run(main)


def test_receiver_gets_what_pull_has_buffered_inside_the_call(run, connect, recorder):
    async def main():
        stream, peer = connect()
        peer.sendall(b"line\nrest")
        assert await stream.read_until(b"\n") == b"line\n"
        receiver = recorder()
        stream.set_receiver(receiver)
        assert receiver.chunks == [b"rest"]
        stream.close()

    run(main)


def test_receiver_that_passes_the_stream_on_gets_nothing_more(run, connect, recorder):
    async def main():
        stream, peer = connect()
        second = recorder()

        class First(recorder):
            def data_received(self, data):
                super().data_received(data)
                stream.set_receiver(second)

        first = First()
        peer.sendall(b"a\nb")
        await stream.read_until(b"\n")
        stream.set_receiver(first)
        peer.sendall(b"c")
        assert await second.wait_for(1) == b"c"
        assert first.chunks == [b"b"]
        stream.close()
        await second.lost.wait()
        assert not first.lost.is_set()

    run(main)


def test_descriptor_is_registered_once(run, connect, recorder, monkeypatch):
    async def main():
        stream, peer = connect()
        loop = IOLoop.current()
        registered = []

        class Watched:
            def __getattr__(self, name):
                if name in ("add_reader", "remove_reader", "add_writer", "remove_writer"):
                    registered.append(name)
                return getattr(loop.asyncio_loop, name)

        monkeypatch.setattr(loop, "selector_loop", Watched())
        receiver = recorder()
        stream.set_receiver(receiver)
        for number in range(5):
            peer.sendall(b"x")
            await receiver.wait_for(number + 1)
            stream.send(b"y")
            await stream.flushed()
        assert registered == ["add_reader"]
        stream.close()

    run(main)


def test_paused_receiver_gets_nothing_until_it_resumes(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        stream.pause_receiving()
        stream.pause_receiving()
        peer.sendall(b"wait")
        await asyncio.sleep(0.01)
        assert receiver.chunks == []
        stream.resume_receiving()
        stream.resume_receiving()
        assert await receiver.wait_for(4) == b"wait"
        stream.close()

    run(main)


def test_bulk_arrives_whole_and_pausing_stops_it_between_reads(run, connect, recorder):
    async def main():
        stream, peer = connect()

        class Pausing(recorder):
            def data_received(self, data):
                super().data_received(data)
                if len(data) == 65536:
                    stream.pause_receiving()
                    paused.append(len(self.chunks))

        paused = []
        receiver = Pausing()
        sent = os.urandom(BIG)
        sending = asyncio.get_running_loop().run_in_executor(None, peer.sendall, sent)
        stream.set_receiver(receiver)
        while len(receiver.data) < BIG:
            if paused:
                assert len(receiver.chunks) == paused.pop()
                stream.resume_receiving()
            await asyncio.sleep(0)
        await sending
        assert receiver.data == sent
        stream.close()

    run(main)


def test_end_of_file_closes_after_what_is_queued_has_left(run, connect, recorder):
    async def main():
        stream, peer = connect()

        class Answering(recorder):
            def eof_received(self):
                stream.send(b"bye")
                return super().eof_received()

        receiver = Answering()
        stream.set_receiver(receiver)
        peer.shutdown(socket.SHUT_WR)
        await receiver.lost.wait()
        assert receive(peer, 3) == b"bye"
        assert receiver.calls == ["eof", "lost"]
        assert receiver.error is None

    run(main)


def test_stream_stays_open_for_writing_if_the_receiver_wants(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder(stays_open=True)
        stream.set_receiver(receiver)
        peer.shutdown(socket.SHUT_WR)
        await receiver.arrived.wait()
        assert not stream.closed()
        stream.send(b"later")
        await stream.flushed()
        assert receive(peer, 5) == b"later"
        stream.resume_receiving()
        await asyncio.sleep(0)
        assert receiver.calls == ["eof"]
        stream.close()

    run(main)


def test_reset_is_reported_to_the_receiver(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        reset(peer)
        await receiver.lost.wait()
        assert isinstance(receiver.error, ConnectionResetError)
        assert stream.error is receiver.error
        assert receiver.calls == ["lost"]

    run(main)


def test_connection_lost_comes_once_and_never_inside_close(run, connect, recorder):
    async def main():
        stream, _ = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        stream.close()
        stream.close()
        assert receiver.calls == []
        await receiver.lost.wait()
        await asyncio.sleep(0)
        assert receiver.calls == ["lost"]

    run(main)


def test_receiver_of_a_closed_stream_is_told_later(run, connect, recorder):
    async def main():
        stream, _ = connect()
        stream.close()
        receiver = recorder()
        stream.set_receiver(receiver)
        assert receiver.calls == []
        await receiver.lost.wait()

    run(main)


@pytest.mark.parametrize("method", ["data_received", "eof_received"])
def test_receiver_that_raises_is_logged_and_loses_its_stream(run, connect, recorder, caplog, method):
    async def main():
        stream, peer = connect()

        class Broken(recorder):
            pass

        def fail(self, *args):
            raise RuntimeError("broken receiver")

        setattr(Broken, method, fail)
        receiver = Broken()
        stream.set_receiver(receiver)
        peer.sendall(b"x")
        peer.close()
        await receiver.lost.wait()
        assert isinstance(receiver.error, RuntimeError)

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "broken receiver" in caplog.text


def test_taking_the_receiver_away_returns_to_pull(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        peer.sendall(b"pushed")
        await receiver.wait_for(6)
        stream.set_receiver(None)
        peer.sendall(b"pulled\n")
        assert await stream.read_until(b"\n") == b"pulled\n"
        assert receiver.data == b"pushed"
        stream.close()

    run(main)


def test_reading_from_a_stream_with_a_receiver_is_refused(run, connect, recorder):
    async def main():
        stream, _ = connect()
        stream.set_receiver(recorder())
        with pytest.raises(AssertionError, match="receiver"):
            stream.read_bytes(1)
        stream.set_receiver(None)
        waiting = stream.read_bytes(1)
        with pytest.raises(AssertionError, match="Already reading"):
            stream.set_receiver(recorder())
        stream.close()
        with pytest.raises(StreamClosedError):
            await waiting

    run(main)


# -- sending -----------------------------------------------------------------------------------------


def test_what_is_sent_in_one_turn_leaves_in_one_system_call(run, connect):
    async def main():
        calls = []

        class Counting(IOStream):
            def _write_some(self, out):
                calls.append(len(out))
                return super()._write_some(out)

        counting, peer = connect(Counting)
        for piece in (b"a", b"b", b"c"):
            counting.send(piece)
        counting.send_many([b"d", bytearray(b"e"), memoryview(b"f")])
        assert counting.pending == 6
        assert calls == []
        await counting.flushed()
        assert counting.pending == 0
        assert receive(peer, 6) == b"abcdef"
        assert calls == [6]
        counting.close()

    run(main)


def test_more_buffers_than_one_call_takes_leave_in_order(run, connect):
    async def main():
        stream, peer = connect()
        pieces = [b"%05d" % number for number in range(3000)]
        stream.send_many(pieces)
        await stream.flushed()
        assert receive(peer, 15000) == b"".join(pieces)
        stream.close()

    run(main)


def test_output_beyond_the_kernels_buffer_waits_and_arrives(run, connect):
    async def main():
        stream, peer = connect()
        data = os.urandom(BIG)
        for start in range(0, BIG, 100_000):
            stream.send(memoryview(data)[start : start + 100_000])
        flushed = stream.flushed()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not flushed.done()
        assert 0 < stream.pending < BIG
        got = await receive_later(peer, BIG)
        await flushed
        assert stream.pending == 0
        assert got == data
        stream.close()

    run(main)


def test_writable_is_called_when_output_above_high_water_has_left(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        stream.send(b"x" * 1000)
        await stream.flushed()
        assert receiver.calls == []
        stream.send(b"x" * (stream.high_water + 1))  # the kernel takes it at once
        await stream.flushed()
        assert receiver.calls == ["writable"]
        stream.send(b"x" * BIG)
        await asyncio.sleep(0.01)
        assert receiver.calls == ["writable"]
        await receive_later(peer, BIG + stream.high_water + 1001)
        await stream.flushed()
        assert receiver.calls == ["writable", "writable"]
        stream.close()

    run(main)


def test_typed_memoryview_is_counted_in_bytes(run, connect):
    async def main():
        from array import array

        stream, peer = connect()
        stream.send(memoryview(array("I", [1, 2, 3])))
        assert stream.pending == 12
        await stream.write(memoryview(array("H", [4])))
        assert receive(peer, 14) == array("I", [1, 2, 3]).tobytes() + array("H", [4]).tobytes()
        stream.close()

    run(main)


def test_sending_on_a_closed_stream_raises(run, connect):
    async def main():
        stream, _ = connect()
        flushed = stream.flushed()
        assert flushed.done()
        stream.send(b"lost")
        waiting = stream.flushed()
        stream.close()
        for call in (lambda: stream.send(b"x"), lambda: stream.send_many([b"x"]), lambda: stream.write(b"x")):
            with pytest.raises(StreamClosedError):
                call()
        for future in (waiting, stream.flushed()):
            with pytest.raises(StreamClosedError):
                await future

    run(main)


def test_broken_pipe_closes_with_its_error(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        stream.pause_receiving()
        reset(peer)
        for _ in range(3):
            if not stream.closed():
                stream.send(b"x")
                await asyncio.sleep(0.01)
        await receiver.lost.wait()
        assert isinstance(stream.error, ConnectionError)

    run(main)


def test_close_after_flush_sends_everything_first(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        stream.send(b"x" * BIG)
        stream.close_after_flush()
        assert not stream.closed()
        assert len(await receive_later(peer, BIG)) == BIG
        await receiver.lost.wait()
        assert peer.recv(1) == b""
        idle, _ = connect()
        idle.close_after_flush()
        assert idle.closed()

    run(main)


def test_a_receiver_that_has_done_its_work_is_told_of_the_close_from_inside_and_of_nothing_else(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        closed, ended = [], asyncio.Event()
        stream.set_receiver(receiver)
        stream.send(b"x" * BIG)
        stream.close_after_flush(lambda: (closed.append(stream.closed()), ended.set()))
        assert len(await receive_later(peer, BIG)) == BIG
        await ended.wait()
        assert closed == [True] and stream.fileno() == -1
        await asyncio.sleep(0)
        assert receiver.calls == []
        idle, _ = connect()
        idle.close_after_flush(lambda: closed.append("at once"))
        assert closed[1:] == ["at once"]
        idle.close_after_flush(lambda: closed.append("closed already"))
        assert closed[2:] == ["closed already"]

    run(main)


def test_a_reset_ends_a_stream_that_waits_only_for_its_output(run, connect):
    async def main():
        stream, peer = connect()
        closed = asyncio.Event()
        stream.send(b"x" * BIG)
        stream.close_after_flush(closed.set)
        reset(peer)
        await closed.wait()
        assert isinstance(stream.error, ConnectionError)

    run(main)


def test_a_first_look_hands_on_what_has_arrived_inside_the_call(run, connect, recorder):
    async def main():
        stream, peer = connect()
        peer.sendall(b"one")
        receiver = recorder()
        assert stream.receive_first(receiver) is True
        assert receiver.chunks == [b"one"]
        peer.sendall(b"two")
        assert await receiver.wait_for(6) == b"onetwo"
        peer.close()
        await receiver.lost.wait()
        assert receiver.calls == ["data", "data", "eof", "lost"]

    run(main)


def test_a_first_look_at_a_silent_peer_waits_as_for_any_receiver(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        assert stream.receive_first(receiver) is False
        peer.sendall(b"one")
        assert await receiver.wait_for(3) == b"one"
        stream.close()

    run(main)


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
def test_a_first_look_sees_that_the_peer_has_left(run, connect, recorder, leave):
    async def main():
        stream, peer = connect()
        leave(peer)
        receiver = recorder()
        assert stream.receive_first(receiver) is True
        assert stream.closed() and "lost" not in receiver.calls
        await receiver.lost.wait()
        assert receiver.calls == (["lost"] if leave is reset else ["eof", "lost"])

    run(main)


@pytest.mark.parametrize("done", ["close", "close_after_flush", "pause_receiving", "detach"])
def test_after_a_first_look_only_a_stream_that_goes_on_is_watched(run, connect, recorder, done):
    async def main():
        stream, peer = connect()
        peer.sendall(b"one")

        class Receiver(recorder):
            def data_received(self, data):
                super().data_received(data)
                stream.send(b"answer")
                if done == "detach":
                    stream.set_receiver(None)
                else:
                    getattr(stream, done)()

        receiver = Receiver()
        assert stream.receive_first(receiver) is True
        peer.sendall(b"two")
        for _ in range(5):
            await asyncio.sleep(0.001)
        assert receiver.chunks == [b"one"]
        if done == "pause_receiving":
            stream.resume_receiving()
            await receiver.wait_for(6)
        elif done == "detach":
            assert await stream.read_bytes(3) == b"two"
        stream.close()

    run(main)


def test_a_first_look_through_an_overridden_read_takes_the_general_way(run, connect, recorder):
    class Own(IOStream):
        def read_from_fd(self, buf):
            return super().read_from_fd(buf)

    async def main():
        stream, peer = connect(Own)
        peer.sendall(b"one")
        receiver = recorder()
        assert stream.receive_first(receiver) is False
        assert await receiver.wait_for(3) == b"one"
        stream.close()

    run(main)


def test_direct_appends_to_the_write_buffer_go_out_with_an_empty_write(run, connect):
    # distributed.comm.tcp fills the buffer itself.
    async def main():
        stream, peer = connect()
        for frame in (b"head", memoryview(b"body")):
            stream._write_buffer.append(frame)
            stream._total_write_index += len(frame)
        await stream.write(b"")
        assert receive(peer, 8) == b"headbody"
        assert stream._write_buffer is not None
        stream.close()
        assert stream._write_buffer is None

    run(main)


def test_statistics_count_bytes(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        peer.sendall(b"12345")
        await receiver.wait_for(5)
        await stream.write(b"123")
        stream.send(b"1")
        assert stream.statistics() == {"received": 5, "sent": 3, "pending": 1}
        stream.close()

    run(main)


def test_send_now_reaches_the_kernel_within_the_call_and_keeps_the_order(run, connect):
    async def main():
        stream, peer = connect()
        assert stream.send_now(b"one ")
        assert peer.recv(9) == b"one "
        stream.send(b"two ")
        assert stream.send_now(b"three ")  # what waits goes before it
        assert receive(peer, 10) == b"two three "
        assert stream.send_now(bytearray(b"four"))
        assert peer.recv(9) == b"four"
        assert stream.statistics()["sent"] == 18
        stream.send(b"the turn goes on")
        await stream.flushed()
        assert receive(peer, 16) == b"the turn goes on"
        stream.close()

    run(main)


def test_send_now_queues_what_the_kernel_does_not_take_and_tells(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        data = os.urandom(BIG)
        assert not stream.send_now(data)
        assert 0 < stream.pending < BIG
        assert not stream.send_now(b"after")
        assert await receive_later(peer, BIG + 5) == data + b"after"
        await stream.flushed()
        assert stream.pending == 0
        assert "writable" in receiver.calls
        assert stream.send_now(b"again")
        assert peer.recv(9) == b"again"
        stream.close()

    run(main)


def test_send_now_on_a_connection_that_was_reset_closes_the_stream_and_on_a_closed_one_raises(run, connect, recorder):
    async def main():
        stream, peer = connect()
        receiver = recorder()
        stream.set_receiver(receiver)
        reset(peer)
        assert not stream.send_now(b"x")
        assert stream.closed()
        with pytest.raises(StreamClosedError):
            stream.send_now(b"x")
        await receiver.lost.wait()

    run(main)


# -- closing -----------------------------------------------------------------------------------------


def test_close_keeps_the_given_error(run, connect):
    async def main():
        first, _ = connect()
        first.close(exc_info=ValueError("why"))
        assert str(first.error) == "why"
        second, _ = connect()
        try:
            raise KeyError("handled")
        except KeyError:
            second.close(exc_info=True)
        assert isinstance(second.error, KeyError)
        third, _ = connect()
        third.close(exc_info=(OSError, OSError("triple"), None))
        assert str(third.error) == "triple"
        fourth, _ = connect()
        fourth.close()
        assert fourth.error is None
        assert fourth.closed()

    run(main)


def test_stream_whose_descriptor_was_closed_by_somebody_else_can_be_closed(run, connect):
    async def main():
        stream, _ = connect()
        os.close(stream.fileno())
        with pytest.raises(OSError, match=r"descriptor|filedescriptor|Errno 9"):
            await stream.read_bytes(1)
        stream.close()
        assert stream.closed()

    run(main)


def test_stream_can_be_closed_after_its_loop(sockets, recorder):
    ours, _ = sockets()

    async def main():
        stream = IOStream(ours)
        receiver = recorder()
        stream.set_receiver(receiver)
        return stream, receiver

    stream, receiver = asyncio.run(main())
    stream.close()
    assert receiver.calls == ["lost"]


def test_idle_stream_is_freed_with_its_last_reference(run, connect):
    async def main():
        stream, peer = connect()
        gone = weakref.ref(stream)
        peer.sendall(b"x\ny")
        await stream.read_until(b"\n")
        peer.sendall(b"more, that nobody reads")
        await asyncio.sleep(0.01)
        gc.disable()
        try:
            del stream
            assert gone() is None
        finally:
            gc.enable()

    run(main)


def test_full_reads_go_on_in_the_same_turn_within_bounds(run, connect, recorder):
    async def main():
        stream, peer = connect()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        peer.setblocking(False)
        sent = 0
        for _ in range(20):
            try:
                sent += peer.send(b"x" * 65536)
            except BlockingIOError:
                break
        receiver = recorder()
        stream.set_receiver(receiver)
        sizes = []
        while len(receiver.data) < sent:
            before = len(receiver.chunks)
            await asyncio.sleep(0)
            sizes.append(len(receiver.chunks) - before)
        assert 1 < max(sizes) <= 4
        peer.close()
        await receiver.lost.wait()
        assert len(receiver.data) == sent

    run(main)


@pytest.mark.parametrize("general", [False, True])
def test_end_and_reset_in_the_midst_of_bulk(run, connect, recorder, general):
    class General(IOStream):
        def read_from_fd(self, buf):
            return super().read_from_fd(buf)

    async def main():
        for leave in (lambda sock: sock.close(), reset):
            stream, peer = connect(General if general else IOStream, read_chunk_size=1000)
            receiver = recorder()
            peer.sendall(b"x" * 2000)
            leave(peer)
            stream.set_receiver(receiver)
            await receiver.lost.wait()
            assert len(receiver.data) in (0, 2000)  # a reset may drop what was not read

    run(main)


def test_end_in_the_midst_of_a_bulk_read(run, connect):
    async def main():
        for leave in (lambda sock: sock.close(), reset):
            stream, peer = connect(read_chunk_size=1000)
            peer.sendall(b"x" * 2000)
            leave(peer)
            with pytest.raises(StreamClosedError):
                await stream.read_bytes(3000)

    run(main)


def test_writable_that_raises_closes_the_stream(run, connect, recorder, caplog):
    class Broken(recorder):
        def writable(self):
            raise RuntimeError("broken writable")

    async def main():
        stream, _ = connect()
        receiver = Broken()
        stream.set_receiver(receiver)
        stream.high_water = 10
        stream.send(b"x" * 20)
        await receiver.lost.wait()

    run(main)
    assert "broken writable" in caplog.text


def test_output_of_the_general_way_waits_and_fails_as_the_other(run, connect):
    class General(IOStream):
        def write_to_fd(self, data):
            return super().write_to_fd(data)

    async def main():
        stream, peer = connect(General)
        data = os.urandom(BIG)
        stream.send_many([data[:1000], data[1000:]])
        assert await receive_later(peer, BIG) == data
        await stream.flushed()
        reset(peer)
        await asyncio.sleep(0.01)
        with pytest.raises(StreamClosedError):
            for _ in range(3):
                await stream.write(b"x")

    run(main)


def test_one_waiter_of_several_is_settled_by_partial_progress(run, connect):
    async def main():
        stream, peer = connect()
        first = stream.write(b"x" * BIG)
        second = stream.write(b"y" * BIG)
        got = len(await receive_later(peer, BIG))
        await first
        await receive_later(peer, 2 * BIG - got)
        await second
        stream.close()

    run(main)


def test_what_is_written_while_the_loop_stands_still_is_sent_at_once(new_loop, connect):
    opened = []

    async def opens():
        opened.append(connect())

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(opens())
        [(stream, peer)] = opened
        stream.send(b"last words")
        assert peer.recv(100) == b"last words"
        stream.close()


def test_examples_in_the_docstrings_are_true():
    import unittest

    from waterspout.iostream import doctests

    result = unittest.TestResult()
    doctests().run(result)
    assert result.testsRun
    assert result.wasSuccessful(), result.failures


# -- watch_close -------------------------------------------------------------------------------------


def test_watchers_of_the_close_are_told_once_whoever_closes(run, connect, caplog):
    async def main():
        told = []
        ours, theirs = connect()
        ours.set_close_callback(lambda: told.append("callback"))
        ours.watch_close(lambda: told.append("first"))
        ours.watch_close(lambda: 1 / 0)
        ours.watch_close(lambda: told.append("second"))
        assert told == []
        ours.close()
        ours.close()
        assert told == ["first", "second"], "told from inside close(), and a watcher that fails keeps nobody from it"
        await asyncio.sleep(0)
        assert told == ["first", "second", "callback"]
        ours.watch_close(lambda: told.append("late"))
        assert told[-1] == "late"
        gone, theirs = connect()
        gone.watch_close(lambda: told.append("peer"))
        reading = gone.read_until_close()
        theirs.close()
        await reading
        assert told[-1] == "peer"
        away, _ = connect()
        away.watch_close(lambda: told.append("detached"))
        away.detach()
        assert told[-1] == "detached"

    run(main)
    assert "ZeroDivisionError" in caplog.text
