"""What ``streams.py`` measures: one contestant in one process, told by lines on standard input what to do.

    python streams_contestants.py LIBRARY LOOP

LIBRARY is ``waterspout``, ``tornado`` or ``asyncio`` (its streams, queues, locks), or ``bare``: for ``tls_blocks``,
a loop over recv, SSLObject and send in a thread, without streams.  LOOP is ``stock``, ``own`` (Waterspout's) or
``uvloop``.  It serves the workloads on one port each, prints the ports as JSON, and then answers
``cpu`` with its CPU seconds so far and ``micro NAME N`` with the CPU seconds that N operations took.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import threading
import time

FRAME = 256
BLOCK = 64 * 1024


def certificate() -> tuple[str, str]:
    folder = os.environ["STREAMS_CERTIFICATE"]
    return os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    return context


# -- streams: the same four servers, with Tornado's interface and with asyncio's ---------------------


async def lines_by_iostream(stream):
    while True:
        await stream.write(await stream.read_until(b"\n"))


async def blocks_by_iostream(stream):
    while True:
        await stream.write(await stream.read_bytes(BLOCK))


async def pieces_by_iostream(stream):
    while True:
        await stream.write(await stream.read_bytes(BLOCK, partial=True))


async def frames_by_iostream(stream):
    while True:
        for _ in range(BLOCK // FRAME):
            await stream.read_bytes(FRAME)
        await stream.write(b"k")


async def lines_by_asyncio(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


async def blocks_by_asyncio(reader, writer):
    while True:
        writer.write(await reader.readexactly(BLOCK))
        await writer.drain()


async def pieces_by_asyncio(reader, writer):
    while data := await reader.read(BLOCK):
        writer.write(data)
        await writer.drain()


async def frames_by_asyncio(reader, writer):
    while True:
        for _ in range(BLOCK // FRAME):
            await reader.readexactly(FRAME)
        writer.write(b"k")


STREAM_WORKLOADS = ("lines", "blocks", "pieces", "frames", "tls_blocks", "tls_lines")


async def serve_iostream(library: str) -> dict[str, int]:
    if library == "tornado":
        from tornado.iostream import StreamClosedError
        from tornado.netutil import bind_sockets
        from tornado.tcpserver import TCPServer
    else:
        from waterspout.iostream import StreamClosedError
        from waterspout.netutil import bind_sockets
        from waterspout.tcpserver import TCPServer

    ports = {}
    for name in STREAM_WORKLOADS:
        handler = globals()[f"{name.removeprefix('tls_')}_by_iostream"]

        class Server(TCPServer):
            serve = staticmethod(handler)

            async def handle_stream(self, stream, address):
                stream.set_nodelay(True)
                try:
                    await self.serve(stream)
                except StreamClosedError:
                    pass  # the load generator has gone

        server = Server(ssl_options=server_context() if name.startswith("tls_") else None)
        [sock] = bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
        server.add_sockets([sock])
        ports[name] = sock.getsockname()[1]
    return ports


async def serve_asyncio() -> dict[str, int]:
    ports = {}
    for name in STREAM_WORKLOADS:
        handler = globals()[f"{name.removeprefix('tls_')}_by_asyncio"]

        async def serve(reader, writer, handler=handler):
            try:
                await handler(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass  # the load generator has gone
            finally:
                writer.close()

        context = server_context() if name.startswith("tls_") else None
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        ports[name] = server.sockets[0].getsockname()[1]
    return ports


def serve_bare() -> dict[str, int]:
    """TLS blocks only, one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                bare_blocks(connection)

    threading.Thread(target=serve, daemon=True).start()
    return {"tls_blocks": listener.getsockname()[1]}


def bare_blocks(connection: socket.socket) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server_context().wrap_bio(incoming, outgoing, server_side=True)
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    pieces: list[bytes] = []

    def handshake() -> None:
        tls.do_handshake()
        connection.sendall(outgoing.read())

    def echo() -> None:
        while True:
            pieces.append(tls.read(BLOCK // 4))
            if sum(map(len, pieces)) == BLOCK:
                tls.write(b"".join(pieces))
                connection.sendall(outgoing.read())
                pieces.clear()

    for step in handshake, echo:
        while True:
            try:
                step()
                break
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    connection.sendall(outgoing.read())
                count = connection.recv_into(buffer)
                if not count:
                    return
                incoming.write(view[:count])


# -- single operations -------------------------------------------------------------------------------


async def queue(library: str, count: int) -> None:
    """One coroutine puts, another gets, through room for 100."""
    if library == "asyncio":
        from asyncio import Queue
    elif library == "tornado":
        from tornado.queues import Queue
    else:
        from waterspout.queues import Queue
    items = Queue(maxsize=100)

    async def put() -> None:
        for number in range(count):
            await items.put(number)

    task = asyncio.ensure_future(put())
    for _ in range(count):
        await items.get()
    await task


def new_lock(library: str):
    if library == "asyncio":
        from asyncio import Lock
    elif library == "tornado":
        from tornado.locks import Lock
    else:
        from waterspout.locks import Lock
    return Lock()


async def lock(library: str, count: int) -> None:
    """Four coroutines take one lock in turn and find it free."""
    shared = new_lock(library)

    async def take() -> None:
        for _ in range(count // 4):
            async with shared:
                pass

    await asyncio.gather(*(take() for _ in range(4)))


async def handover(library: str, count: int) -> None:
    """The same, but each keeps it for a turn of the loop: three wait whenever it is released."""
    shared = new_lock(library)

    async def take() -> None:
        for _ in range(count // 4):
            async with shared:
                await asyncio.sleep(0)

    await asyncio.gather(*(take() for _ in range(4)))


def current_loop(library: str):
    if library == "tornado":
        from tornado.ioloop import IOLoop
    else:
        from waterspout.ioloop import IOLoop
    return IOLoop.current()


async def timers(library: str, count: int) -> None:
    """``count`` timers that all fire within a few milliseconds."""
    done = asyncio.get_running_loop().create_future()
    left = count

    def fire() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    call_later = asyncio.get_running_loop().call_later if library == "asyncio" else current_loop(library).call_later
    for number in range(count):
        call_later(0.001 * (number % 10), fire)
    await done


async def callbacks(library: str, count: int) -> None:
    """A chain: each callback adds the next."""
    done = asyncio.get_running_loop().create_future()
    left = count

    def step() -> None:
        nonlocal left
        left -= 1
        if left:
            add(step)
        else:
            done.set_result(None)

    add = asyncio.get_running_loop().call_soon if library == "asyncio" else current_loop(library).add_callback
    add(step)
    await done


async def coroutine(library: str, count: int) -> None:
    """A coroutine that never yields (asyncio: a native one), awaited."""
    if library == "asyncio":

        async def nothing():
            return 1
    else:
        if library == "tornado":
            from tornado import gen
        else:
            from waterspout import gen

        @gen.coroutine
        def nothing():
            return 1

    for _ in range(count):
        await nothing()


async def switch(library: str, count: int) -> None:
    """A decorated coroutine that yields to the loop each time (asyncio: ``sleep(0)``)."""
    if library == "asyncio":
        for _ in range(count):
            await asyncio.sleep(0)
        return
    if library == "tornado":
        from tornado import gen
    else:
        from waterspout import gen

    @gen.coroutine
    def turns():
        for _ in range(count):
            yield gen.moment

    await turns()


MICRO = {run.__name__: run for run in (queue, lock, handover, timers, callbacks, coroutine, switch)}


async def main(library: str) -> None:
    if library == "bare":
        ports = serve_bare()
    else:
        ports = await (serve_asyncio() if library == "asyncio" else serve_iostream(library))
    print(json.dumps(ports), flush=True)
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(0, lambda: commands.put_nowait(os.read(0, 1000).decode()))
    while command := (await commands.get()).split():
        if command[0] == "cpu":
            print(time.process_time(), flush=True)
        else:
            began = time.process_time()
            try:
                await MICRO[command[1]](library, int(command[2]))
            except ImportError as error:
                print(f"missing: {error}", flush=True)
            else:
                print(time.process_time() - began, flush=True)
    os._exit(0)  # standard input was closed


if __name__ == "__main__":
    library, kind = sys.argv[1:]
    if kind == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    elif kind == "own":
        from waterspout.ioloop import new_event_loop as factory
    else:
        factory = asyncio.SelectorEventLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(library))
