"""A peer that goes away, at every stage of a connection and in every way: reset, end, TLS's own end.

A stage is a coroutine function that brings a stream into a state, has the peer leave, and says what its user sees.
What holds at all stages is checked once, in `leaves`: the close callback runs once, no descriptor and no task is left,
the log has no traceback.
"""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import struct
import tempfile

import pytest

from waterspout.iostream import IOStream, SSLIOStream, StreamClosedError

BIG = 16 * 1024 * 1024


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("what is waited for does not come")


class Case:
    """One stream, its peer, and what the peer's leaving looks like here."""

    def __init__(self, kind, way, contexts):
        self.kind = kind
        self.way = way
        self.server_tls, self.client_tls = contexts
        self.stream = self.peer = None
        self.closed = asyncio.Event()
        self.calls = 0
        self.opened = []

    @property
    def orderly(self):
        """Whether the stream is told that the end is the peer's will: TLS believes nothing but its own message."""
        return self.way == ("end" if self.kind == "plain" else "notify")

    async def connect(self):
        ours, peer = self.sockets()
        if self.kind == "plain":
            self.own(IOStream(ours), peer)
            return
        if self.kind == "sslsocket":
            ours = self.server_tls.wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
            stream = SSLIOStream(ours)
        else:
            stream = SSLIOStream(ours, ssl_options=self.server_tls, server_side=True)
        peer = self.client_tls.wrap_socket(peer, server_hostname="localhost", do_handshake_on_connect=False)
        self.own(stream, peer)
        await asyncio.gather(asyncio.to_thread(peer.do_handshake), stream.wait_for_handshake())

    def sockets(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            peer, _ = listener.accept()
        self.opened += [ours, peer]
        peer.settimeout(5)
        return ours, peer

    def own(self, stream, peer):
        self.stream, self.peer = stream, peer
        stream.set_close_callback(self.callback)

    def callback(self):
        self.calls += 1
        self.closed.set()

    def leave(self):
        peer = self.peer
        if self.way == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.way == "notify":
            peer.setblocking(False)
            with contextlib.suppress(OSError):  # it is sent; ours is not waited for
                peer.unwrap()
        peer.close()

    def judge(self, error):
        """``error``, a StreamClosedError's ``real_error``, is what such an end is to a reader."""
        assert error is self.stream.error
        if self.orderly:
            assert error is None
        else:
            assert isinstance(error, ConnectionResetError if self.kind == "plain" else ssl.SSLEOFError), error

    async def fails(self, waiting):
        """``waiting`` ends with the error of a reader."""
        with pytest.raises(StreamClosedError) as caught:
            await waiting
        self.judge(caught.value.real_error)

    async def fails_to_send(self, waiting):
        """``waiting`` ends as writers' do: the peer left unread bytes, and so has reset the connection."""
        with pytest.raises(StreamClosedError) as caught:
            await waiting
        assert caught.value.real_error is self.stream.error
        assert isinstance(self.stream.error, ConnectionError | ssl.SSLEOFError) or self.orderly, self.stream.error


# -- idle ----------------------------------------------------------------------------------------------


async def idle(case):
    case.leave()
    await case.closed.wait()
    case.judge(case.stream.error)


async def idle_with_data_that_nobody_read(case):
    case.peer.sendall(b"early")
    assert await case.stream.read_bytes(1) == b"e"
    case.leave()
    assert await case.stream.read_bytes(4) == b"arly"
    await case.fails(case.stream.read_bytes(1))


async def idle_then_a_read(case):
    case.stream.set_close_callback(None)
    case.leave()
    await asyncio.sleep(0.01)
    reading = case.stream.read_bytes(1)
    case.stream.set_close_callback(case.callback)
    await case.fails(reading)


async def idle_then_a_write(case):
    """The first write finds out, or the one after it: the peer's kernel answers it with a reset."""
    case.leave()
    with pytest.raises(StreamClosedError):
        for _ in range(500):
            await case.stream.write(b"anybody there?")
            await asyncio.sleep(0.01)


# -- waiting reads -------------------------------------------------------------------------------------


READS = {
    "read_until": lambda stream: stream.read_until(b"\n"),
    "read_until_regex": lambda stream: stream.read_until_regex(rb"\r?\n"),
    "read_bytes": lambda stream: stream.read_bytes(1000),
    "read_into": lambda stream: stream.read_into(bytearray(1000)),
}
FIRST_BYTES = {
    "read_bytes_partial": lambda stream: stream.read_bytes(1000, partial=True),
    "read_into_partial": lambda stream: stream.read_into(bytearray(1000), partial=True),
}


def parked(read):
    async def stage(case):
        waiting = read(case.stream)
        case.leave()
        await case.fails(waiting)
        with pytest.raises(StreamClosedError):
            await read(case.stream)

    return stage


def parked_with_a_part(read):
    async def stage(case):
        waiting = read(case.stream)
        case.peer.sendall(b"a part")
        await until(lambda: case.stream.statistics()["received"] == 6)
        case.leave()
        await case.fails(waiting)
        assert await case.stream.read_bytes(6) == b"a part"  # what came before the end is not lost

    return stage


def parked_in_read_until_close(sent):
    async def stage(case):
        waiting = case.stream.read_until_close()
        if sent:
            case.peer.sendall(sent)
            await until(lambda: case.stream.statistics()["received"] == len(sent))
        case.leave()
        if case.orderly or case.kind == "plain":
            assert await waiting == sent
            case.judge(case.stream.error)
        else:
            await case.fails(waiting)

    return stage


def iterating(iterate, sent, got):
    async def stage(case):
        if sent:
            case.peer.sendall(sent)
        pieces = []

        async def consume():
            async for piece in iterate(case.stream):
                pieces.append(piece)

        consuming = asyncio.ensure_future(consume())
        await until(lambda: case.stream.statistics()["received"] == len(sent))
        case.leave()
        if case.orderly:
            await consuming
        else:
            await case.fails(consuming)
            if not sent.endswith(b"\n"):
                return  # whether a line without its end was one, nobody knows
        assert b"".join(pieces) == got

    return stage


async def parked_after_end_output(case):
    waiting = case.stream.read_until(b"\n")
    case.stream.end_output()
    case.leave()
    await case.fails(waiting)


async def parked_with_a_blocked_write(case):
    reading = case.stream.read_until(b"\n")
    writing = case.stream.write(bytes(BIG))
    case.leave()
    await case.fails_to_send(writing)
    await case.fails_to_send(reading)


async def receiving(case):
    class Receiver:
        def __init__(self):
            self.calls = []
            self.lost = asyncio.Event()

        def data_received(self, data):
            self.calls.append(data)

        def eof_received(self):
            self.calls.append("end")
            return False

        def connection_lost(self, error):
            self.calls.append("lost")
            case.judge(error)
            self.lost.set()

    receiver = Receiver()
    case.stream.set_receiver(receiver)
    case.peer.sendall(b"data")
    await until(lambda: receiver.calls)
    case.leave()
    await receiver.lost.wait()
    await case.closed.wait()
    assert receiver.calls == [b"data", "end", "lost"] if case.orderly else [b"data", "lost"]


# -- waiting output ------------------------------------------------------------------------------------


async def blocked_write(case):
    writing = case.stream.write(bytes(BIG))
    case.leave()
    await case.fails_to_send(writing)
    with pytest.raises(StreamClosedError):
        await case.stream.write(b"more")


async def several_blocked_writes(case):
    writes = [case.stream.write(bytes(BIG // 8)) for _ in range(8)]
    case.leave()
    await case.fails_to_send(writes[-1])
    assert all(write.done() for write in writes)


async def flush_of_what_was_sent(case):
    case.stream.send(bytes(BIG))
    flushed = case.stream.flushed()
    case.leave()
    await case.fails_to_send(flushed)


async def written_and_about_to_close(case):
    case.stream.send(bytes(BIG))
    case.stream.close_after_flush()
    case.leave()
    await case.closed.wait()


async def written_and_closed(case):
    await case.stream.write(b"goodbye")
    case.leave()
    case.stream.close()
    await case.closed.wait()


async def leaving_an_async_with_block(case):
    async def block():
        async with case.stream:
            case.stream.send(bytes(BIG))

    leaving = asyncio.ensure_future(block())
    await until(lambda: case.stream.pending)
    case.leave()
    await case.fails_to_send(leaving)


async def sendfile(case):
    with tempfile.TemporaryFile() as file:
        file.truncate(BIG)
        sending = asyncio.ensure_future(case.stream.sendfile(file))
        await until(lambda: case.stream.pending)
        case.leave()
        await case.fails_to_send(sending)


STAGES = {
    **{stage.__name__: stage for stage in (idle, idle_with_data_that_nobody_read, idle_then_a_read, idle_then_a_write)},
    **{f"parked_in_{name}": parked(read) for name, read in (READS | FIRST_BYTES).items()},
    **{f"parked_in_{name}_with_a_part": parked_with_a_part(read) for name, read in READS.items()},
    "parked_in_read_until_close": parked_in_read_until_close(b""),
    "parked_in_read_until_close_with_a_part": parked_in_read_until_close(b"a part"),
    "iterating": iterating(lambda stream: stream, b"", b""),
    "iterating_with_data": iterating(lambda stream: stream, b"data\n", b"data\n"),
    "iterating_lines": iterating(lambda stream: stream.lines(), b"one\ntwo\n", b"one\ntwo\n"),
    "iterating_lines_with_a_part": iterating(lambda stream: stream.lines(), b"one\ntw", b"one\ntw"),
    **{stage.__name__: stage for stage in (parked_after_end_output, parked_with_a_blocked_write, receiving)},
    **{stage.__name__: stage for stage in (blocked_write, several_blocked_writes, flush_of_what_was_sent)},
    **{stage.__name__: stage for stage in (written_and_about_to_close, written_and_closed)},
    **{stage.__name__: stage for stage in (leaving_an_async_with_block, sendfile)},
}


def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.fixture
def leaves(run, server_tls, client_tls, caplog):
    """Run a stage, and check what holds wherever the peer leaves."""

    def leaves(stage, kind, way, prepare=Case.connect):
        for context in server_tls, client_tls:  # Python up to 3.11.2 has it set, and an SSLSocket hides truncation then
            if kind == "sslsocket":
                context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        server_tls.num_tickets = 0  # a peer that closes with something unread resets the connection

        async def main():
            problems = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
            await asyncio.to_thread(int)  # the executor's threads, and what they need, are there from now on
            before, tasks = descriptors(), asyncio.all_tasks()
            case = Case(kind, way, (server_tls, client_tls))
            try:
                await prepare(case)
                await stage(case)
                await case.closed.wait()
                for _ in range(3):
                    await asyncio.sleep(0)
                assert case.calls == 1
                assert case.stream.closed()
                assert case.stream.fileno() == -1
                assert asyncio.all_tasks() == tasks
                assert descriptors() == before
            finally:
                for sock in [*case.opened, case.peer]:
                    if sock is not None:
                        sock.close()
            del case
            gc.collect(1)  # a Future whose error nobody took says so when it is collected
            await asyncio.sleep(0)
            assert problems == []

        run(main)
        assert [record for record in caplog.records if record.exc_info or record.name == "asyncio"] == []

    return leaves


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", ["reset", "end"])
def test_peer_leaves(leaves, stage, way):
    leaves(STAGES[stage], "plain", way)


@pytest.mark.parametrize("new_loop", ["waterspout"], indirect=True)  # loops differ in what the kernel tells them
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", ["reset", "end", "notify"])
@pytest.mark.parametrize("kind", ["tls", "sslsocket"])
def test_peer_leaves_over_tls(leaves, stage, kind, way):
    leaves(STAGES[stage], kind, way)


# -- before there is a connection ------------------------------------------------------------------------


async def nothing(case):
    pass


@pytest.mark.parametrize("way", ["reset", "end"])
def test_peer_leaves_while_the_stream_connects(leaves, way):
    async def stage(case):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = IOStream(socket.socket())
            connecting = stream.connect(listener.getsockname())
            peer, _ = listener.accept()
        case.own(stream, peer)
        reading = stream.read_bytes(1)
        writing = stream.write(b"hello")
        case.leave()
        if way == "reset":
            for waiting in connecting, reading, writing:
                with pytest.raises(StreamClosedError) as caught:
                    await waiting
                assert isinstance(caught.value.real_error, ConnectionError)
        else:
            assert await connecting is stream
            with pytest.raises(StreamClosedError):
                await reading

    leaves(stage, "plain", way, nothing)


def test_nobody_listens_any_more(leaves):
    async def stage(case):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
        stream = IOStream(socket.socket())
        case.own(stream, None)
        with pytest.raises(StreamClosedError) as caught:
            await stream.connect(address)
        assert isinstance(caught.value.real_error, ConnectionRefusedError)

    leaves(stage, "plain", "reset", nothing)


#: What the peer has sent of its handshake when it leaves: the head of a record, and a close_notify in clear.
BEGUN = {"nothing": b"", "half_a_record": b"\x16\x03\x01\x02\x00\x01\x00", "an_alert": b"\x15\x03\x03\x00\x02\x01\x00"}


@pytest.mark.parametrize("new_loop", ["waterspout"], indirect=True)
@pytest.mark.parametrize("side", ["server", "client", "server_sslsocket", "client_sslsocket"])
@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("way", ["reset", "end"])
def test_peer_leaves_during_the_handshake(leaves, side, begun, way):
    async def stage(case):
        ours, peer = case.sockets()
        server_side = side.startswith("server")
        context = case.server_tls if server_side else case.client_tls
        name = None if server_side else "localhost"
        if side.endswith("sslsocket"):
            ours = context.wrap_socket(
                ours, server_side=server_side, server_hostname=name, do_handshake_on_connect=False
            )
        case.own(
            SSLIOStream(ours, ssl_options=context, server_side=server_side, server_hostname=name),
            peer,
        )
        reading, writing = case.stream.read_bytes(1), case.stream.write(b"never")
        waiting = case.stream.wait_for_handshake()
        peer.sendall(BEGUN[begun])
        await asyncio.sleep(0.01)
        case.leave()
        with pytest.raises((ConnectionError, ssl.SSLError)) as failed:
            await waiting
        assert failed.value is case.stream.error
        for future in reading, writing:
            with pytest.raises(StreamClosedError) as caught:
                await future
            assert caught.value.real_error is case.stream.error

    leaves(stage, "plain", way, nothing)


@pytest.mark.parametrize("new_loop", ["waterspout"], indirect=True)
@pytest.mark.parametrize("server_side", [True, False], ids=["server", "client"])
@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("way", ["reset", "end"])
def test_peer_leaves_during_start_tls(leaves, server_side, begun, way):
    async def stage(case):
        plain = case.stream
        waiting = plain.start_tls(server_side, case.server_tls if server_side else case.client_tls, "localhost")
        case.peer.sendall(BEGUN[begun])
        await asyncio.sleep(0.01)
        case.leave()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await waiting
        assert plain.closed()

    leaves(stage, "plain", way)


# -- data and the reset at once ------------------------------------------------------------------------


@pytest.mark.parametrize("early", [False, True], ids=["read later", "read waits"])
@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_reset_that_comes_with_data_is_noticed_by_the_next_read(run, sockets, server_tls, client_tls, kind, early):
    """uvloop tells of both once, together."""

    async def main():
        stream, leave = await about_to_be_reset(sockets, server_tls, client_tls, kind)
        first = stream.read_bytes(13) if early else None
        leave()
        assert await (first or stream.read_bytes(13)) == b"the last word"
        with pytest.raises(StreamClosedError):
            await stream.read_bytes(1)

    run(main)


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_reset_that_comes_with_data_is_told_to_the_receiver(run, sockets, recorder, server_tls, client_tls, kind):
    async def main():
        stream, leave = await about_to_be_reset(sockets, server_tls, client_tls, kind)
        receiver = recorder()
        stream.set_receiver(receiver)
        leave()
        await receiver.lost.wait()
        assert receiver.data == b"the last word"
        assert receiver.error is not None

    run(main)


@pytest.mark.parametrize("push", [False, True])
def test_reset_after_much_data_is_noticed(run, sockets, recorder, push):
    async def main():
        ours, peer = sockets()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        stream = IOStream(ours, read_chunk_size=1000)
        peer.setblocking(False)
        sent = peer.send(bytes(200_000))
        reset(peer)
        if push:
            receiver = recorder()
            stream.set_receiver(receiver)
            await receiver.lost.wait()
            assert len(receiver.data) <= sent
        else:
            assert len(await stream.read_until_close()) <= sent

    run(main)


async def about_to_be_reset(sockets, server_tls, client_tls, kind):
    """A stream, and a function that has its peer send ``the last word`` and reset the connection."""
    ours, theirs = sockets()
    if kind == "plain":
        stream, peer = IOStream(ours), IOStream(theirs)
    else:
        stream = SSLIOStream(ours, ssl_options=server_tls, server_side=True)
        peer = SSLIOStream(theirs, ssl_options=client_tls, server_hostname="localhost")
        await asyncio.gather(stream.wait_for_handshake(), peer.wait_for_handshake())

    def leave():
        peer.send_now(b"the last word")
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close(ConnectionAbortedError())

    return stream, leave


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
