"""SSLIOStream: handshakes and their failures, both ways of TLS on a socket, truncation, start_tls."""

import asyncio
import logging
import os
import socket
import ssl
import struct
import subprocess
import sys

import pytest

from waterspout.iostream import IOStream, SSLIOStream, StreamBufferFullError, StreamClosedError

BIG = 3_000_000


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# -- moving bytes ------------------------------------------------------------------------------------


def test_both_directions_and_kinds_of_reads(run, tls_pair):
    async def main():
        client, server = await tls_pair()
        await client.write(b"question\n")
        assert await server.read_until(b"\n") == b"question\n"
        assert server.send_now(b"")
        server.send_now(b"an")
        server.send_many([b"swer", b"!" * 5])
        assert await client.read_bytes(11) == b"answer!!!!!"
        buffer = bytearray(4)
        await server.write(b"more")
        assert await client.read_into(buffer) == 4
        assert buffer == b"more"
        client.close()
        assert await server.read_until_close() == b""
        assert server.error is None

    run(main)


def test_bulk_in_both_directions_at_once(run, tls_pair):
    async def main():
        client, server = await tls_pair()
        data = os.urandom(BIG)

        async def there():
            for start in range(0, BIG, 70_001):
                await client.write(data[start : start + 70_001])

        async def back():
            for start in range(0, BIG, 100_000):
                server.send(data[start : start + 100_000])
            await server.flushed()

        _, _, first, second = await asyncio.gather(there(), back(), server.read_bytes(BIG), client.read_bytes(BIG))
        assert first == data
        assert second == data
        assert client.pending == server.pending == 0
        client.close()
        server.close()

    run(main)


@pytest.mark.parametrize("size", [1000, 20_000])
def test_small_read_chunks_leave_nothing_in_the_tls_layer(run, tls_pair, size):
    async def main():
        client, server = await tls_pair(read_chunk_size=size)
        data = os.urandom(100_000)
        writing = asyncio.ensure_future(client.write(data))
        assert await server.read_bytes(len(data)) == data
        await writing
        client.close()
        server.close()

    run(main)


def test_push_over_tls(run, tls_pair, recorder):
    async def main():
        client, server = await tls_pair()
        receiver = recorder()
        server.set_receiver(receiver)
        await client.write(b"one")
        await receiver.wait_for(3)
        server.pause_receiving()
        await client.write(b"two")
        await asyncio.sleep(0.01)
        assert receiver.data == b"one"
        server.resume_receiving()
        await receiver.wait_for(6)
        server.send(b"back")
        assert await client.read_bytes(4) == b"back"
        client.close()
        await receiver.lost.wait()
        assert receiver.calls == ["data", "data", "eof", "lost"]

    run(main)


@pytest.mark.parametrize("early", [b"", b"on its way already, "])
def test_reading_goes_on_after_our_own_end(run, tls_pair, early):
    async def main():
        client, server = await tls_pair()
        if early:
            await client.write(early)
        server.end_output()
        with pytest.raises(StreamClosedError):
            await client.read_bytes(1)
        assert await server.read_bytes(len(early)) == early
        if early and isinstance(server.socket, ssl.SSLSocket):  # it could not say so without losing what came
            assert isinstance(client.error, ssl.SSLEOFError)
            server.close()
        else:
            assert client.error is None
            assert await server.read_until_close() == b""
            assert server.error is None

    run(main)


def test_receiver_that_pauses_in_the_midst_of_bulk_gets_all(run, tls_pair, recorder):
    async def main():
        client, server = await tls_pair()

        class Pausing(recorder):
            def data_received(self, data):
                super().data_received(data)
                server.pause_receiving()
                asyncio.get_running_loop().call_later(0.0001, server.resume_receiving)

        receiver = Pausing()
        server.set_receiver(receiver)
        data = os.urandom(1_000_000)
        client.send(data)
        assert await receiver.wait_for(len(data)) == data
        client.close()
        await receiver.lost.wait()

    run(main)


@pytest.mark.parametrize("push", [False, True])
def test_bulk_that_waits_is_read_in_few_turns_and_not_all_in_one(run, server_tls, client_tls, push):
    block = 64 * 1024
    amount = 1024 * 1024
    total = 64 * block

    def fill(address):
        """Connect and send what the kernel takes; returns the connection and how many bytes these were."""
        peer = socket.create_connection(address, timeout=5)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, amount)
        peer = client_tls.wrap_socket(peer, server_hostname="localhost")
        peer.setblocking(False)
        sent = 0
        with pytest.raises(ssl.SSLWantWriteError):
            while True:
                sent += peer.send(bytes(block))
        return peer, sent

    class Receiver:
        def __init__(self, took):
            self.data_received = took

        def eof_received(self):
            return False

        def connection_lost(self, error):
            pass

    async def main():
        loop = asyncio.get_running_loop()
        turns = received = 0
        by_turn = {}
        everything = loop.create_future()

        def tick():
            nonlocal turns
            turns += 1
            if not everything.done():
                loop.call_soon(tick)

        def took(data):
            nonlocal received
            received += len(data)
            by_turn[turns] = by_turn.get(turns, 0) + len(data)
            if received == total:
                everything.set_result(None)

        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, amount)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            filling = asyncio.ensure_future(asyncio.to_thread(fill, listener.getsockname()))
            accepted, _ = await asyncio.to_thread(listener.accept)
        server = SSLIOStream(accepted, ssl_options=server_tls, server_side=True)
        await server.wait_for_handshake()
        peer, sent = await filling
        assert sent > 4 * block
        peer.settimeout(5)
        sending = asyncio.ensure_future(asyncio.to_thread(peer.sendall, bytes(total - sent)))
        tick()
        if push:
            server.set_receiver(Receiver(took))
        else:
            while not everything.done():
                took(await server.read_bytes(block))
        await everything
        await sending
        assert max(by_turn.values()) >= 3 * block
        assert max(by_turn.values()) <= total // 4
        peer.close()
        server.close()

    run(main)


def test_high_water_over_tls(run, tls_pair, recorder):
    async def main():
        client, server = await tls_pair()
        receiver = recorder()
        server.set_receiver(receiver)
        server.send(b"x" * BIG)
        assert await client.read_bytes(BIG) == b"x" * BIG
        await server.flushed()
        assert receiver.calls == ["writable"]
        server.send(b"bye")
        server.close_after_flush()
        assert await client.read_until_close() == b"bye"

    run(main)


def test_data_that_comes_with_the_end_of_the_handshake_is_not_lost(run, sockets, server_tls, client_tls):
    async def main():
        for push in (False, True):
            ours, theirs = sockets()
            client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="localhost")
            client.write(b"early\n")
            client.close_after_flush()
            server = SSLIOStream(theirs, ssl_options=server_tls, server_side=True)
            if push:
                data = asyncio.Event()

                class Receiver:
                    def data_received(self, received, data=data):
                        assert received == b"early\n"
                        data.set()

                    def eof_received(self):
                        return None

                    def connection_lost(self, error):
                        pass

                    def writable(self):
                        pass

                server.set_receiver(Receiver())
                await data.wait()
            else:
                assert await server.read_until(b"\n") == b"early\n"
            server.close()

    run(main)


def test_written_and_closed_at_once_arrives(run, tls_pair):
    # Session tickets that the client never read must not make its close a reset.
    async def main():
        for _ in range(5):
            client, server = await tls_pair()
            reading = asyncio.ensure_future(server.read_until_close())
            await asyncio.sleep(0)
            client.write(b"last words")
            client.close()
            assert await reading == b"last words"

    run(main)


def test_socket_answers_questions_about_the_connection(run, tls_pair):
    async def main():
        client, server = await tls_pair()
        for stream in (client, server):
            assert stream.socket.version() == "TLSv1.3"
            assert stream.socket.cipher()[1] == "TLSv1.3"
            assert stream.socket.selected_alpn_protocol() is None
            assert isinstance(stream.socket, socket.socket)
            assert isinstance(stream.socket.context, ssl.SSLContext)
        assert client.socket.getpeercert()["subject"] == ((("commonName", "localhost"),),)
        assert client.socket.getpeercert(binary_form=True)
        assert client.socket.server_hostname == "localhost"
        assert not client.socket.server_side
        assert client.socket.pending() == 0
        assert client.socket.compression() is None
        assert not client.socket.session_reused
        assert client.socket.get_channel_binding() is None or client.socket.get_channel_binding()
        with pytest.raises(ValueError, match="through the stream"):
            client.socket.send(b"past TLS")
        with pytest.raises(ValueError, match="detached"):
            client.detach()
        client.close()
        server.close()

    run(main)


# -- the handshake -----------------------------------------------------------------------------------


def test_connect_shakes_hands(run, server_tls, client_tls):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = SSLIOStream(socket.socket(), ssl_options=client_tls)
            with pytest.raises(ValueError, match="TLS has not begun"):
                stream.socket.cipher()
            assert stream.socket.version() is None
            connecting = stream.connect(listener.getsockname(), server_hostname="localhost")
            peer, _ = listener.accept()
            server = SSLIOStream(peer, ssl_options=server_tls, server_side=True)
            assert stream.reading()
            assert stream.writing()
            assert await connecting is stream
            assert await stream.wait_for_handshake() is stream
            assert await server.wait_for_handshake() is server
            stream.close()
            server.close()

    run(main)


def test_unconnected_ssl_socket_is_taken_apart_and_connected(run, server_tls, client_tls):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            wrapped = client_tls.wrap_socket(socket.socket(), server_hostname="localhost")
            stream = SSLIOStream(wrapped)
            connecting = stream.connect(listener.getsockname())
            peer, _ = listener.accept()
            server = SSLIOStream(peer, ssl_options=server_tls, server_side=True)
            await connecting
            assert stream.socket.server_hostname == "localhost"
            stream.close()
            server.close()

    run(main)


def test_untrusted_certificate_fails_with_the_real_error(run, sockets, server_tls, caplog):
    async def main():
        ours, theirs = sockets()
        server = SSLIOStream(theirs, ssl_options=server_tls, server_side=True)
        client = SSLIOStream(ours, server_hostname="localhost")  # the default verifies
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.wait_for_handshake()
        assert isinstance(client.error, ssl.SSLCertVerificationError)
        with pytest.raises(ssl.SSLError, match="unknown ca|UNKNOWN_CA"):  # the alert has arrived
            await server.wait_for_handshake()
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.wait_for_handshake()

    with caplog.at_level(logging.WARNING):
        run(main)
    assert "SSL Error" in caplog.text


def test_wrong_host_name_is_refused(run, sockets, server_tls, client_tls):
    async def main():
        ours, theirs = sockets()
        SSLIOStream(theirs, ssl_options=server_tls, server_side=True)
        client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="example.com")
        with pytest.raises(ssl.SSLCertVerificationError, match="example.com"):
            await client.wait_for_handshake()

    run(main)


def test_missing_host_name_is_said_at_once(run, sockets, client_tls):
    async def main():
        ours, _ = sockets()
        with pytest.raises(ValueError, match="server_hostname"):
            SSLIOStream(ours, ssl_options=client_tls)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with pytest.raises(ValueError, match="server_hostname"):
                await SSLIOStream(socket.socket(), ssl_options=client_tls).connect(listener.getsockname())

    run(main)


def test_TL8_plain_text_on_a_tls_port_closes_the_connection(run, connect, server_tls, recorder):
    async def main():
        stream, peer = connect(SSLIOStream, ssl_options=server_tls, server_side=True)
        receiver = recorder()
        stream.set_receiver(receiver)
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await receiver.lost.wait()
        assert isinstance(receiver.error, ssl.SSLError)
        assert receiver.calls == ["lost"]

    run(main)


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], ids=["silent", "half"])
def test_TL9_stalled_handshake_is_closed_at_its_deadline(run, connect, server_tls, hello):
    async def main():
        stream, peer = connect(SSLIOStream, ssl_options=server_tls, server_side=True, handshake_timeout=0.05)
        peer.sendall(hello)
        with pytest.raises(TimeoutError, match=r"0\.05 s"):
            await stream.wait_for_handshake()
        assert stream.closed()
        assert peer.recv(1) == b""

    run(main)


def test_default_deadline_of_a_handshake_is_ten_seconds(run, connect, server_tls):
    async def main():
        stream, _ = connect(SSLIOStream, ssl_options=server_tls, server_side=True)
        assert stream.handshake_timeout == 10
        stream.close()
        with pytest.raises(StreamClosedError):
            await stream.wait_for_handshake()

    run(main)


@pytest.mark.parametrize("leave", [lambda sock: sock.close(), reset], ids=["close", "reset"])
def test_peer_that_leaves_during_the_handshake_fails_it(run, connect, server_tls, leave):
    async def main():
        stream, peer = connect(SSLIOStream, ssl_options=server_tls, server_side=True)
        writing = stream.write(b"never")
        leave(peer)
        with pytest.raises(OSError):  # which one, OpenSSL and the kernel decide
            await stream.wait_for_handshake()
        with pytest.raises(StreamClosedError):
            await writing

    run(main)


def test_second_waiter_for_the_handshake_is_refused(run, connect, server_tls):
    async def main():
        stream, _ = connect(SSLIOStream, ssl_options=server_tls, server_side=True)
        first = stream.wait_for_handshake()
        with pytest.raises(RuntimeError, match="Already waiting"):
            stream.wait_for_handshake()
        first.cancel()
        second = stream.wait_for_handshake()
        stream.close()
        with pytest.raises(StreamClosedError):
            await second

    run(main)


# -- the end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("leave", [lambda sock: sock.close(), reset], ids=["close", "reset"])
def test_TL10_end_without_close_notify_is_an_error_to_read_until_close(run, sockets, tls_pair, leave):
    async def main():
        client, server = await tls_pair()
        reading = asyncio.ensure_future(server.read_until_close())
        await client.write(b"half of the da")
        await asyncio.sleep(0.02)
        raw = socket.socket(fileno=os.dup(client.fileno()))
        IOStream.close_fd(client)  # without a word of TLS
        leave(raw)
        with pytest.raises(StreamClosedError) as caught:
            await reading
        assert isinstance(caught.value.real_error, ssl.SSLEOFError)
        assert isinstance(server.error, ssl.SSLEOFError)
        with pytest.raises(StreamClosedError):
            server.read_until_close()
        client.close()

    run(main)


def test_TL10_receiver_is_told_of_a_truncated_stream(run, tls_pair, recorder):
    async def main():
        client, server = await tls_pair()
        receiver = recorder()
        server.set_receiver(receiver)
        await client.write(b"half")
        await receiver.wait_for(4)
        IOStream.close_fd(client)
        await receiver.lost.wait()
        assert isinstance(receiver.error, ssl.SSLEOFError)
        assert "eof" not in receiver.calls
        client.close()

    run(main)


def test_stream_that_closes_because_of_an_error_does_not_say_that_all_was_sent(run, tls_pair):
    async def main():
        client, server = await tls_pair()
        reading = asyncio.ensure_future(client.read_until_close())
        await server.write(b"part")
        server.close(exc_info=ValueError("could not finish"))
        with pytest.raises(StreamClosedError):
            await reading

    run(main)


def test_garbage_after_the_handshake_closes_the_stream(run, tls_pair, caplog):
    async def main():
        client, server = await tls_pair()
        reading = server.read_bytes(1)
        os.write(client.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(StreamClosedError) as caught:
            await reading
        assert isinstance(caught.value.real_error, ssl.SSLError)
        client.close()

    run(main)
    assert "error on read" in caplog.text


# -- start_tls ---------------------------------------------------------------------------------------


def test_start_tls_on_both_sides_of_an_open_connection(run, sockets, server_tls, client_tls):
    async def main():
        ours, theirs = sockets()
        client, server = IOStream(ours, max_buffer_size=12345), IOStream(theirs)
        await client.write(b"STARTTLS\r\n")
        assert await server.read_until(b"\r\n") == b"STARTTLS\r\n"
        await server.write(b"220 go ahead\r\n")
        assert await client.read_until(b"\r\n") == b"220 go ahead\r\n"
        told = []
        client.set_close_callback(lambda: told.append(1))
        tls_client, tls_server = await asyncio.gather(
            client.start_tls(False, client_tls, server_hostname="localhost"), server.start_tls(True, server_tls)
        )
        assert isinstance(tls_client, SSLIOStream)
        assert tls_client.max_buffer_size == 12345
        assert client.closed()
        await tls_client.write(b"secret\n")
        assert await tls_server.read_until(b"\n") == b"secret\n"
        tls_server.close()
        with pytest.raises(StreamClosedError):
            await tls_client.read_bytes(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [1]

    run(main)


def test_watchers_of_the_close_move_along_with_start_tls(run, sockets, server_tls, client_tls):
    async def main():
        ours, theirs = sockets()
        client, server = IOStream(ours), IOStream(theirs)
        told = []
        server.watch_close(lambda: told.append("closed"))
        _, tls_server = await asyncio.gather(
            client.start_tls(False, client_tls, server_hostname="localhost"), server.start_tls(True, server_tls)
        )
        assert told == []
        tls_server.close()
        assert told == ["closed"]

    run(main)


def test_start_tls_does_not_take_a_handshake_that_came_while_nobody_read_for_plain_text(
    run, sockets, server_tls, client_tls
):
    async def main():
        ours, theirs = sockets()
        client, server = IOStream(ours), IOStream(theirs)
        server.set_close_callback(lambda: None)  # the descriptor is watched
        await client.write(b"STARTTLS\n")
        await server.read_until(b"\n")
        handshake = asyncio.ensure_future(client.start_tls(False, client_tls, server_hostname="localhost"))
        await asyncio.sleep(0.02)  # the server takes its time
        tls_server = await server.start_tls(True, server_tls)
        (await handshake).close()
        tls_server.close()

    run(main)


def test_TL11_bytes_that_came_before_the_handshake_are_an_error(run, connect, server_tls):
    async def main():
        stream, peer = connect()
        peer.sendall(b"STARTTLS\r\nMAIL FROM:<injected>\r\n")
        await stream.read_until(b"\r\n")
        with pytest.raises(ValueError, match="before the handshake"):
            stream.start_tls(True, server_tls)
        assert not stream.closed()
        stream.close()

    run(main)


def test_failed_start_tls_gives_the_real_error(run, connect, server_tls, sockets):
    async def main():
        ours, theirs = sockets()
        client, server = IOStream(ours), IOStream(theirs)
        serving = server.start_tls(True, server_tls)
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.start_tls(False, server_hostname="localhost")
        with pytest.raises(ssl.SSLError):
            await serving
        plain, peer = connect()
        with pytest.raises(ValueError, match="server_hostname"):
            plain.start_tls(False)
        assert peer.recv(1) == b""

    run(main)


def test_cancelled_start_tls_closes_the_connection(run, connect, server_tls):
    async def main():
        stream, peer = connect()
        task = asyncio.ensure_future(asyncio.wait_for(stream.start_tls(True, server_tls), 0.01))
        with pytest.raises(asyncio.TimeoutError):
            await task
        await asyncio.sleep(0)
        assert await asyncio.get_running_loop().run_in_executor(None, peer.recv, 1) == b""

    run(main)


# -- a kernel that takes little ------------------------------------------------------------------------


@pytest.fixture
def reluctant(monkeypatch):
    """Every second send is refused, the others take at most 700 bytes."""
    from waterspout.iostream import _tls

    original = _tls._send
    calls = []

    def send(sock, data):
        calls.append(len(data))
        if len(calls) % 2:
            raise BlockingIOError
        return original(sock, memoryview(data)[:700])

    monkeypatch.setattr(_tls, "_send", send)
    return calls


def test_handshake_and_data_get_through_a_kernel_that_takes_little(run, sockets, server_tls, client_tls, reluctant):
    async def main():
        ours, theirs = sockets()
        server = SSLIOStream(theirs, ssl_options=server_tls, server_side=True)
        client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="localhost")
        await asyncio.gather(client.wait_for_handshake(), server.wait_for_handshake())
        data = os.urandom(200_000)
        client.send_many([data[:10], data[10:20], data[20:]])
        writing = server.write(data)
        assert await server.read_bytes(len(data)) == data
        assert await client.read_bytes(len(data)) == data
        await writing
        await client.flushed()
        assert client.pending == 0
        client.write(b"bye")
        client.close_after_flush()
        assert await server.read_bytes(3) == b"bye"
        server.close()

    run(main)
    assert len(reluctant) > 100


def test_ssl_socket_that_waits_for_room_during_the_handshake(run, sockets, server_tls, client_tls, monkeypatch):
    from waterspout.iostream._tls_layer import SocketLayer

    original = SocketLayer.handshake
    asked = []

    def handshake(self):
        asked.append(1)
        return "write" if len(asked) < 3 else original(self)

    monkeypatch.setattr(SocketLayer, "handshake", handshake)

    async def main():
        asked.clear()
        ours, theirs = sockets()
        wrapped = server_tls.wrap_socket(theirs, server_side=True, do_handshake_on_connect=False)
        server = SSLIOStream(wrapped)
        client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="localhost")
        await asyncio.gather(client.wait_for_handshake(), server.wait_for_handshake())
        await server.write(b"x")
        assert await client.read_bytes(1) == b"x"
        server.close()
        client.close()

    run(main)


def test_overridden_hooks_are_called_with_plain_text(run, sockets, server_tls, client_tls, recorder):
    class Spy(SSLIOStream):
        def read_from_fd(self, buf):
            count = super().read_from_fd(buf)
            if count:
                seen.append(bytes(buf[:count]))
            return count

        def write_to_fd(self, data):
            seen.append(bytes(data))
            return super().write_to_fd(data)

    seen = []

    async def main():
        seen.clear()
        ours, theirs = sockets()
        server = Spy(theirs, ssl_options=server_tls, server_side=True)
        client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="localhost")
        await client.write(b"ping")
        assert await server.read_bytes(4) == b"ping"
        await server.write(b"pong")
        assert await client.read_bytes(4) == b"pong"
        assert seen == [b"ping", b"pong"]
        client.close()
        with pytest.raises(StreamClosedError):
            await server.read_bytes(1)

    run(main)


def test_ssl_socket_whose_handshake_is_done_is_used_at_once(run, sockets, server_tls, client_tls):
    async def main():
        ours, theirs = sockets()
        server = SSLIOStream(theirs, ssl_options=server_tls, server_side=True)
        loop = asyncio.get_running_loop()
        ours.settimeout(5)
        wrapped = await loop.run_in_executor(None, lambda: client_tls.wrap_socket(ours, server_hostname="localhost"))
        client = SSLIOStream(wrapped)
        assert await client.wait_for_handshake() is client
        await client.write(b"x")
        assert await server.read_bytes(1) == b"x"
        client.close()
        server.close()

    run(main)


def test_close_callback_of_an_idle_tls_stream(run, tls_pair):
    async def main():
        client, server = await tls_pair()
        closed = asyncio.Event()
        server.set_close_callback(closed.set)
        client.close()
        await closed.wait()
        assert server.error is None

    run(main)


def test_tls_is_found_by_a_program_that_has_not_named_it():
    code = (
        "import asyncio, socket, sys\n"
        "from waterspout.iostream import IOStream\n"
        "async def main():\n"
        "    ours, theirs = socket.socketpair()\n"
        "    theirs.close()\n"
        "    assert 'waterspout.iostream._tls' not in sys.modules\n"
        "    try:\n"
        "        await IOStream(ours).start_tls(False, {}, server_hostname='example.com')\n"
        "    except OSError as error:\n"
        "        print(type(error).__name__)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


@pytest.mark.parametrize("records", [(16384,) * 6, (1, 98_303), (40_000, 40_000, 18_304), (65_536, 32_768)])
def test_reads_of_a_size_need_not_fit_the_records(run, tls_pair, records):
    async def main():
        client, server = await tls_pair()
        data = os.urandom(sum(records))
        start = 0
        reads = [await server.read_bytes(0)]

        async def read():
            while sum(map(len, reads)) < len(data):
                reads.append(await server.read_bytes(32_768))

        reading = asyncio.ensure_future(read())
        for size in records:
            await client.write(data[start : start + size])
            await asyncio.sleep(0)
            start += size
        await reading
        assert [len(read) for read in reads] == [0, 32_768, 32_768, 32_768]
        assert b"".join(reads) == data
        assert server.statistics()["received"] == len(data)
        client.close()
        server.close()

    run(main)


def test_a_read_of_more_than_the_stream_may_keep_ends_it(run, tls_pair, caplog):
    async def main():
        client, server = await tls_pair(max_buffer_size=50_000)
        read = server.read_bytes(100_000)
        client.write(bytes(100_000))
        with caplog.at_level(logging.ERROR), pytest.raises(StreamClosedError):
            await read
        assert "Reached maximum read buffer size" in caplog.text
        assert isinstance(server.error, StreamBufferFullError)
        client.close()

    run(main)


def test_a_read_that_waits_for_more_than_is_buffered_gives_it_back_when_cancelled(run, tls_pair):
    async def main():
        client, server = await tls_pair()
        await client.write(b"0123456789")
        assert await server.read_bytes(4) == b"0123"
        read = server.read_bytes(20)
        await client.write(b"abc")
        while server.statistics()["received"] < 13:  # noqa: ASYNC110  # nothing tells of a part
            await asyncio.sleep(0)
        assert read.cancel()
        assert await server.read_bytes(9) == b"456789abc"
        client.close()
        server.close()

    run(main)


@pytest.mark.parametrize("read", ["read_until", "read_bytes", "partial", "read_into"])
def test_receiver_that_a_read_has_set_gets_what_came_with_it(run, sockets, server_tls, client_tls, recorder, read):
    """Several records in one segment: the first is the read's, the others are the receiver's."""

    async def main():
        ours, theirs = sockets()
        server = SSLIOStream(theirs, ssl_options=server_tls, server_side=True)
        client = SSLIOStream(ours, ssl_options=client_tls, server_hostname="localhost")
        await asyncio.gather(client.wait_for_handshake(), server.wait_for_handshake())
        receiver = recorder()

        async def change_over():
            if read == "read_until":
                await server.read_until(b"\n")
            elif read == "read_into":
                await server.read_into(bytearray(6))
            else:
                await server.read_bytes(6, partial=read == "partial")
            server.set_receiver(receiver)

        changing = asyncio.ensure_future(change_over())
        await asyncio.sleep(0)
        for record in (b"hello\n", b"second ", b"third"):
            client._memory.encrypt(record)
        socket.socket.send(client.socket, client._memory.output())
        await changing
        assert await receiver.wait_for(12) == b"second third"
        client.close()
        server.close()

    run(main)


def test_close_without_room_for_close_notify_does_not_reset_the_connection(run, tls_pair, monkeypatch):
    """A reset would take along what is still in the kernel on its way to the peer."""

    def full(*_):
        raise BlockingIOError

    async def main():
        client, server = await tls_pair()
        await server.write(b"never read, as the session tickets are")
        await client.write(b"the last word")
        with monkeypatch.context() as patch:
            patch.setattr("waterspout.iostream._tls._send", full)
            client.close()
        assert await server.read_bytes(13) == b"the last word"
        with pytest.raises(StreamClosedError):
            await server.read_bytes(1)
        assert isinstance(server.error, ssl.SSLEOFError)
        assert "reset" not in str(server.error)

    run(main)
