"""Streams whose writer, TLS reader or handshake is cancelled in any turn: nothing is lost, doubled or left open.

Reads of plain streams are in test_base.py.
"""

import asyncio

import pytest

from waterspout.iostream import IOStream, StreamClosedError

TURNS = range(1, 12)


async def let_pass(turns):
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", TURNS)
def test_cancelled_writer_has_written_all_and_the_next_writes_behind_it(run, connect, turns):
    async def main():
        stream, peer = connect()
        size = 3_000_000  # more than the kernel takes

        async def write():
            await stream.write(b"a" * size)

        def read_all():
            got = bytearray()
            while not got.endswith(b"\n"):
                got += peer.recv(1 << 20)
            return bytes(got)

        peer.setblocking(True)
        writing = asyncio.ensure_future(write())
        await let_pass(turns)
        writing.cancel()
        reading = asyncio.get_running_loop().run_in_executor(None, read_all)
        await asyncio.gather(writing, return_exceptions=True)
        await stream.write(b"b\n")
        assert await reading == b"a" * size + b"b\n"
        assert stream.statistics()["pending"] == 0
        stream.close()

    run(main)


@pytest.mark.parametrize("turns", TURNS)
def test_cancelled_read_of_a_tls_stream_takes_nothing(run, tls_pair, turns):
    async def main():
        client, server = await tls_pair()

        async def read():
            return await server.read_until(b"!")

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        await client.write(b"hello!")
        await let_pass(turns)
        reading.cancel()
        (got,) = await asyncio.gather(reading, return_exceptions=True)
        got = got if isinstance(got, bytes) else b""
        await client.write(b" and on\n")
        assert got + await server.read_until(b"\n") == b"hello! and on\n"
        client.close()
        server.close()

    run(main)


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("turns", TURNS)
def test_cancelled_start_tls_leaves_a_stream_that_is_closed_or_works(run, sockets, server_tls, client_tls, side, turns):
    async def main():
        ours, theirs = sockets()
        client, server = IOStream(ours), IOStream(theirs)

        async def upgrade(stream, is_server):
            if is_server:
                return await stream.start_tls(True, server_tls)
            return await stream.start_tls(False, client_tls, server_hostname="localhost")

        tasks = {
            "client": asyncio.ensure_future(upgrade(client, False)),
            "server": asyncio.ensure_future(upgrade(server, True)),
        }
        await let_pass(turns)
        tasks[side].cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks.values(), return_exceptions=True), 60)
        if not any(isinstance(result, BaseException) for result in results):
            await results[0].write(b"works\n")
            assert await results[1].read_until(b"\n") == b"works\n"
        else:
            cancelled, other = results if side == "client" else results[::-1]
            assert isinstance(cancelled, asyncio.CancelledError)
            # The other side is told: its handshake fails, or what it reads is the end.
            if not isinstance(other, BaseException):
                with pytest.raises(StreamClosedError):
                    await asyncio.wait_for(other.read_bytes(1), 60)
        for each in (client, server, *results):
            if not isinstance(each, BaseException):
                each.close()
        await asyncio.sleep(0)
        assert (ours.fileno(), theirs.fileno()) == (-1, -1)

    run(main)
