"""A peer that says exactly the bytes that a test has written down, and a way to run a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from waterspout.httpclient import AsyncHTTPClient
from waterspout.ioloop import new_event_loop


class Talk:
    """One connection as the peer sees it."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.reader = reader
        self.writer = writer
        self.number = 0

    async def request(self) -> bytes:
        """The next request, its body included; raises IncompleteReadError when the client is gone."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = b""
        fields = head.lower()
        if b"\r\ncontent-length: " in fields:
            size = int(fields.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
            if b"expect: 100-continue" not in fields:
                body = await self.reader.readexactly(size)
        elif b"\r\ntransfer-encoding: chunked" in fields:
            body = await self.reader.readuntil(b"0\r\n\r\n")
        self.number += 1
        self.peer.note(head + body)
        return head + body

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Close with RST: what is lost is lost."""
        import socket
        import struct

        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Peer:
    """A server on 127.0.0.1 whose connections are handled by one coroutine function."""

    def __init__(self, handler: Callable[[Talk], Awaitable[None]], tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.errors: list[BaseException] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Peer:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self.tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def note(self, request: bytes) -> None:
        """A request has come."""
        self.requests.append(request)
        self._changed.set()

    async def received(self, count: int) -> None:
        """Wait until that many requests have come."""
        while len(self.requests) < count:
            self._changed.clear()
            await self._changed.wait()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self.handler(Talk(self, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has closed: every conversation ends so
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.errors.append(error)
        finally:
            self.open -= 1
            writer.close()


@pytest.fixture
def peer() -> Callable[..., Peer]:
    """``peer(b"...", b"...")`` answers the first request with the first bytes, and so on; the last one for ever.

    ``peer(handler)`` leaves each connection to a coroutine function of a `Talk`.
    """

    def make(*answers: Any, tls: ssl.SSLContext | None = None) -> Peer:
        if len(answers) == 1 and callable(answers[0]):
            return Peer(answers[0], tls)
        left = list(answers)

        async def handler(talk: Talk) -> None:
            while True:
                await talk.request()
                answer = left.pop(0) if len(left) > 1 else left[0]
                await talk.send(answer)
                if b"connection: close" in answer.split(b"\r\n\r\n")[0].lower():
                    return

        return Peer(handler, tls)

    return make


@pytest.fixture
def thread_peer() -> Iterator[Callable[..., int]]:
    """``thread_peer(handler)`` runs ``handler(socket)`` for each connection, in a thread; returns its port.

    For what must happen while the client's loop stands still.
    """
    import socket
    import threading

    listeners = []

    def talk(connection: socket.socket, handler: Callable[[socket.socket], None]) -> None:
        with connection, contextlib.suppress(ConnectionError):
            handler(connection)

    def serve(listener: socket.socket, handler: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection, handler), daemon=True).start()

    def make(handler: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, handler), daemon=True).start()
        return listener.getsockname()[1]

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def run() -> Callable[[Callable[[], Awaitable[Any]]], Any]:
    """``run(coroutine_function)`` on a fresh loop; fails if it takes longer than a minute."""

    def run(main: Callable[[], Awaitable[Any]]) -> Any:
        async def limited() -> Any:
            async with asyncio.timeout(60):
                return await main()

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(limited())

    return run


@pytest.fixture
def client() -> Iterator[Callable[..., AsyncHTTPClient]]:
    """``client(**options)``: a client of its own, closed at the end of the test."""
    made: list[AsyncHTTPClient] = []

    def make(**options: Any) -> AsyncHTTPClient:
        found = AsyncHTTPClient(force_instance=True, **options)
        made.append(found)
        return found

    yield make
    for found in made:
        with contextlib.suppress(RuntimeError):
            found.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, str]]:
    """``certificate("localhost")``: files of a self-signed certificate for a host name (or IP) and of its key.

    ``named=False`` leaves the host to the subject's common name.
    """
    folder = tmp_path_factory.mktemp("certificates")
    made: dict[tuple[str, int, bool], tuple[str, str]] = {}

    def make(host: str = "127.0.0.1", days: int = 30, named: bool = True) -> tuple[str, str]:
        if (host, days, named) not in made:
            name = f"{len(made)}"
            certfile, keyfile = folder / f"{name}.crt", folder / f"{name}.key"
            kind = "IP" if host.replace(".", "").isdigit() else "DNS"
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            command += ["-subj", f"/CN={host}", "-days", str(days)]
            if named:
                command += ["-addext", f"subjectAltName={kind}:{host}"]
            subprocess.run(
                [*command, "-out", str(certfile), "-keyout", str(keyfile)], check=True, capture_output=True, timeout=20
            )
            made[host, days, named] = str(certfile), str(keyfile)
        return made[host, days, named]

    return make


@pytest.fixture
def tls_server(certificate: Callable[..., tuple[str, str]]) -> Callable[..., ssl.SSLContext]:
    """``tls_server(host)``: a server's context with a self-signed certificate for *host*."""

    def make(host: str = "127.0.0.1", **options: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(host, **options))
        return context

    return make
