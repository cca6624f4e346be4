"""Fixtures of the hubs' tests.

Servers of our own, Redis and NATS: in a folder of the test, on a socket or port there, killed as often as is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from waterspout.pubsub import Message


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end, at most two minutes."""

    def run(test: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(asyncio.wait_for(test, 120))

    return run


@pytest.fixture
def data() -> Callable[[list[Message]], list[Any]]:
    """What messages carry."""
    return lambda messages: [message.data for message in messages]


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits until something holds."""

    async def until(holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110 -- what it waits for are counters, not something that tells
            await asyncio.sleep(0.002)

    return until


class Server:
    """A program that is started with its `command`; `start` after `kill` finds what was written."""

    command: list[str]
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self.command)
        deadline = time.monotonic() + 60
        while not self.listens():
            assert self._process.poll() is None, f"{self.command[0]} ended: see its log"
            assert time.monotonic() < deadline, f"{self.command[0]} does not listen"
            time.sleep(0.01)

    def listens(self) -> bool:
        """Whether it can be connected to by now."""
        raise NotImplementedError

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)
        self._process = None

    def pause(self) -> None:
        """It is there, and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self.kill()


class RedisServer(Server):
    """`redis-server` with *settings* and its data in *folder*."""

    def __init__(self, folder: Path, *settings: str) -> None:
        # The path of a socket is limited to about 100 bytes, and folders of tests have long names.
        self.path = folder / "s"
        self.url = f"unix://{self.path}"
        self.command = ["redis-server", "--port", "0", "--unixsocket", str(self.path), "--dir", str(folder)]
        self.command += ["--save", "", "--logfile", str(folder / "log"), *settings]

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        super().start()

    def listens(self) -> bool:
        """The socket's file is there a moment before it can be connected to."""
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self.path))
            return True
        return False


class Gate:
    """Stands between a hub and its server on a port of its own, to lose what one says to the other, and to cut."""

    url: str

    def __init__(self, connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]) -> None:
        self._connect = connect
        self._pairs: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_shut = False  #: whoever connects is cut at once
        self.loses_questions = False  #: what the hub says from now on does not reach the server
        self.loses_answers = False  #: what the server says from now on does not reach the hub
        self.lost = asyncio.Event()  #: something was lost

    async def __aenter__(self) -> Gate:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """Close all connections; what was lost stays lost, what comes from now on passes, unless `is_shut`."""
        for each in self._pairs:
            each.close()
        self._pairs.clear()
        self.loses_questions = self.loses_answers = False
        self.lost.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_shut:
            writer.close()
            return
        try:
            to_server = await self._connect()
        except OSError:  # it is being killed or started
            writer.close()
            return
        self._pairs += [writer, to_server[1]]
        for source, sink, loses in ((reader, to_server[1], "loses_questions"), (to_server[0], writer, "loses_answers")):
            task = asyncio.create_task(self._pass(source, sink, loses))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, loses: str) -> None:
        try:
            while data := await source.read(65536):
                if getattr(self, loses):
                    self.lost.set()
                else:
                    sink.write(data)
        except ConnectionError as error:
            logging.getLogger(__name__).debug("a connection ended: %s", error)
        finally:
            sink.close()


DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    pytest.importorskip("redis", reason="needs the extra waterspout-ioloop[redis]")
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    server = RedisServer(tmp_path_factory.mktemp("r"), *DURABLE)
    server.start()
    yield server
    server.close()


class NatsServer(Server):
    """`nats-server` with *settings* and its data in *folder*, on a port of its own."""

    def __init__(self, folder: Path, *settings: str) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        self.port = port
        self.url = f"nats://127.0.0.1:{port}"
        self.command = ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder)]
        self.command += ["-l", str(folder / "log"), *settings]

    def listens(self) -> bool:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        return False


@pytest.fixture
def nats_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., NatsServer]]:
    """``nats_start(*settings)``: a server that runs, for the length of the test."""
    pytest.importorskip("nats", reason="needs the extra waterspout-ioloop[nats]")
    if shutil.which("nats-server") is None:
        pytest.skip("needs nats-server (Debian: apt-get install nats-server)")
    with contextlib.ExitStack() as stack:

        def start(*settings: str) -> NatsServer:
            server = NatsServer(tmp_path_factory.mktemp("n"), *settings)
            stack.callback(server.close)
            server.start()
            return server

        yield start


@pytest.fixture
def gate() -> type[Gate]:
    return Gate


@pytest.fixture
def nats_server(nats_start: Callable[..., NatsServer]) -> NatsServer:
    return nats_start("-js")
