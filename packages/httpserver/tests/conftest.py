"""A server on a free port, and a client that speaks in raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.netutil import bind_sockets

T = TypeVar("T")
QUIET = 0.1  # seconds without a byte after which a client that the server does not know (yet) is silent
STEP = 0.1  # seconds that a clock is put forward by where the server waits for nothing but a deadline
PATIENCE = 30.0  # seconds that an answer may take on a busy machine
SOON = 5.0  # seconds to a deadline that is waited for
TURNS = 20  # turns of the loop after a silence: what the kernel holds for either end is taken in them


class ClockedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward, so that nobody sleeps until a deadline has passed."""

    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped

    async def skip(self, seconds: float) -> None:
        """Let all happen that can happen now, then so many seconds pass at once, and what was due in them happen."""
        await turns()
        self.skipped += seconds
        await turns()


async def turns(reading: asyncio.Future[bytes] | None = None) -> None:
    for _ in range(TURNS):
        if reading is not None and reading.done():
            return
        await asyncio.sleep(0)


def on_its_way(*socks: Any) -> bool:
    """Whether one of *socks* has sent what its peer's kernel has not confirmed, or has just been closed (Linux)."""
    return any(sock.fileno() < 0 or any(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))) for sock in socks)


async def read_quietly(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: HTTPServer, loop: ClockedLoop
) -> tuple[bytes, bool]:
    """What arrives until the connection ends (true) or falls silent (false).

    Silent is a connection from which nothing came, of which nothing is under way in either direction, which the server
    is neither busy with nor about to time out, and where some turns of the loop change nothing: a clock alone means
    little where we were not run meanwhile. So none is asked, unless the server has no connection: then it has closed
    it, or has not made one of it yet. Elsewhere than on Linux a clock is all that there is.
    """
    received = b""
    give_up = time.monotonic() + PATIENCE
    client = writer.get_extra_info("socket")
    silent = False
    reading = loop.create_task(reader.read(65536))
    try:
        while True:
            await turns(reading)
            if reading.done():
                # A reset is a close, too: what was sent had not been read.
                data = b"" if isinstance(reading.exception(), ConnectionError) else reading.result()
                if not data:
                    return received, True
                received += data
                reading = loop.create_task(reader.read(65536))
                continue
            connections = list(server._connections)
            known = bool(connections) and sys.platform == "linux"
            if time.monotonic() > give_up:
                return received, False
            if any(c.is_busy() for c in connections):
                await asyncio.wait((reading,), timeout=0.01)
            elif any(c.deadline < loop.time() + SOON for c in connections):
                await loop.skip(STEP)
            elif known and on_its_way(client, *(c.stream.socket for c in connections)):
                await asyncio.wait((reading,), timeout=0.01)
            elif silent:
                return received, False
            else:  # what has just arrived is taken in the turns that follow
                await asyncio.wait((reading,), timeout=0.0 if known else QUIET)
                silent = True
                continue
            silent = False
    finally:
        reading.cancel()


async def wait_until(condition: Callable[[], object]) -> None:
    """Let the loop run until *condition()* is true; an AssertionError after `PATIENCE`."""
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < give_up, "what the test waits for has not happened"
        await asyncio.sleep(0.001)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """``await until(condition)``: what takes as long as the machine needs."""
    return wait_until


class Client:
    """A connection that asks for ``/`` and is answered ``ok``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def get(self) -> bytes:
        self.writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return await asyncio.wait_for(self.reader.readuntil(b"ok"), PATIENCE)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    def leave(self) -> None:
        self.writer.close()

    async def gone(self) -> None:
        self.leave()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def serve(application: Any, **options: Any) -> AsyncIterator[tuple[HTTPServer, Callable[..., Any]]]:
    server = HTTPServer(application, **options)
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])

    async def connect(source: str = "127.0.0.1") -> Client:
        return Client(*await asyncio.open_connection(*sock.getsockname(), local_addr=(source, 0)))

    yield server, connect
    server.stop()
    await server.close_all_connections()


@pytest.fixture
def serving() -> Callable[..., contextlib.AbstractAsyncContextManager[tuple[HTTPServer, Callable[..., Any]]]]:
    """``async with serving(app, **server_options) as (server, connect)``; ``await connect()`` is a `Client`."""
    return serve


def run_clocked(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=ClockedLoop) as runner:
        return runner.run(main)


@pytest.fixture
def clocked() -> Callable[[Coroutine[Any, Any, T]], T]:
    """``clocked(main())``, in place of ``asyncio.run``: see `ClockedLoop`."""
    return run_clocked


@pytest.fixture
def exchange() -> Callable[..., tuple[bytes, bool]]:
    """``exchange(app, *pieces, **server_options)``: send the pieces, return what came back and whether it was closed.

    A piece that is a number is a pause of that many seconds, which the clock skips; ``None`` is a client that leaves as
    soon as the server is busy with its request.
    """

    def run(application: Any, *pieces: bytes | float | None, **options: Any) -> tuple[bytes, bool]:
        async def main() -> tuple[bytes, bool]:
            loop: Any = asyncio.get_running_loop()
            server = HTTPServer(application, **options)
            (sock,) = bind_sockets(0, "127.0.0.1")
            server.add_sockets([sock])
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            try:
                for piece in pieces:
                    if isinstance(piece, bytes):
                        writer.write(piece)
                        with contextlib.suppress(ConnectionError):  # what was answered is still read
                            await writer.drain()
                    elif piece is None:
                        await wait_until(lambda: any(c.is_busy() for c in server._connections))
                        writer.close()
                        await wait_until(lambda: not server._connections)
                        return b"", False
                    else:
                        await loop.skip(piece)
                return await read_quietly(reader, writer, server, loop)
            finally:
                writer.close()
                server.stop()
                await server.close_all_connections()

        return run_clocked(main())

    return run


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a certificate for localhost, signed by itself, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
