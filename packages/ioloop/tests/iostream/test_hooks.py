"""What subclasses and single streams override is called, although the fast paths would not."""

import asyncio
import socket

import pytest

from waterspout.iostream import BaseIOStream, IOStream


class Spy(IOStream):
    """Records what goes through the public hooks."""

    def __init__(self, *arguments, **keywords):
        self.hooks = []
        super().__init__(*arguments, **keywords)

    def fileno(self):
        self.hooks.append("fileno")
        return super().fileno()

    def close_fd(self):
        self.hooks.append("close_fd")
        super().close_fd()

    def read_from_fd(self, buf):
        self.hooks.append("read_from_fd")
        return super().read_from_fd(buf)

    def write_to_fd(self, data):
        self.hooks.append("write_to_fd")
        return super().write_to_fd(data)

    def get_fd_error(self):
        self.hooks.append("get_fd_error")
        return super().get_fd_error()


def test_overridden_hooks_are_called_in_push_and_pull(run, connect, recorder):
    async def main():
        stream, peer = connect(Spy)
        peer.sendall(b"x")
        assert await stream.read_bytes(1) == b"x"
        await stream.write(b"y" * 10)
        assert peer.recv(10) == b"y" * 10
        assert stream.hooks.count("read_from_fd") == 1
        assert stream.hooks.count("write_to_fd") == 1
        receiver = recorder()
        stream.set_receiver(receiver)
        peer.sendall(b"z")
        assert await receiver.wait_for(1) == b"z"
        stream.send_many([b"1", b"2"])
        await stream.flushed()
        assert peer.recv(1) + peer.recv(1) == b"12"
        written = stream.hooks.count("write_to_fd")
        assert stream.send_now(b"now")
        assert peer.recv(3) == b"now"
        assert stream.hooks.count("write_to_fd") == written + 1
        stream.close()
        assert {"fileno", "close_fd", "read_from_fd", "write_to_fd"} <= set(stream.hooks)

    run(main)


def test_connecting_asks_get_fd_error(run):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = Spy(socket.socket())
            await stream.connect(listener.getsockname())
            assert "get_fd_error" in stream.hooks
            stream.close()

    run(main)


def test_method_replaced_on_one_stream_is_called_from_then_on(run, connect):
    async def main():
        stream, peer = connect()
        original = stream.read_from_fd
        future = stream.read_bytes(3)  # the descriptor is registered with the fast path

        def shouting(buf):
            count = original(buf)
            buf[:count] = bytes(buf[:count]).upper()
            return count

        stream.read_from_fd = shouting
        peer.sendall(b"abc")
        assert await future == b"ABC"
        del stream.read_from_fd
        peer.sendall(b"abc")
        assert await stream.read_bytes(3) == b"abc"
        sent = []
        stream.write_to_fd = lambda data: sent.append(bytes(data)) or len(data)
        await stream.write(b"kept")
        assert sent == [b"kept"]
        stream.close()

    run(main)


def test_hook_that_fails_closes_the_stream_and_is_logged(run, connect, caplog):
    async def main():
        stream, peer = connect()
        closed = asyncio.Event()
        stream.set_close_callback(closed.set)
        stream.read_bytes(1)

        def broken(buf):
            raise RuntimeError("broken hook")

        stream.read_from_fd = broken
        peer.sendall(b"x")
        await closed.wait()
        assert isinstance(stream.error, RuntimeError)

    run(main)
    assert "error on read: broken hook" in caplog.text


def test_stream_for_another_kind_of_descriptor_needs_only_the_hooks(run, sockets, recorder):
    class Sixteen(BaseIOStream):
        """Moves at most sixteen bytes at once."""

        def __init__(self, sock):
            self.sock = sock
            sock.setblocking(False)
            super().__init__()

        def fileno(self):
            return self.sock.fileno()

        def close_fd(self):
            self.sock.close()

        def read_from_fd(self, buf):
            try:
                return self.sock.recv_into(buf, 16)
            except BlockingIOError:
                return None

        def write_to_fd(self, data):
            return self.sock.send(data[:16])

    async def main():
        ours, peer = sockets()
        stream = Sixteen(ours)
        peer.sendall(b"r" * 100)
        assert await stream.read_bytes(100) == b"r" * 100
        stream.send_many([b"a" * 40, b"b" * 40])
        await stream.write(b"c" * 20)
        assert peer.recv(1000) == b"a" * 40 + b"b" * 40 + b"c" * 20
        receiver = recorder()
        stream.set_receiver(receiver)
        peer.sendall(b"p" * 50)
        await receiver.wait_for(50)
        assert stream.get_fd_error() is None
        peer.close()
        await receiver.lost.wait()

    run(main)


@pytest.mark.parametrize("name", ["fileno", "close_fd", "read_from_fd", "write_to_fd"])
def test_base_says_what_a_subclass_must_define(run, name):
    async def main():
        stream = BaseIOStream()
        arguments = [memoryview(b"")] if name.endswith("_fd") and name != "close_fd" else []
        with pytest.raises(NotImplementedError):
            getattr(stream, name)(*arguments)

    run(main)
