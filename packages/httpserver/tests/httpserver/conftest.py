"""A program that calls `run`, as a process of its own, and clients for it."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0  # seconds that anything may take on a busy machine

APP = """
import asyncio, gc, json, os, sys
from waterspout.httpserver import run
from waterspout.httputil import HTTPHeaders, ResponseStartLine

def respond(request, text):
    body = text.encode()
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()

def hold(request):
    if os.path.exists("release"):
        respond(request, f"held {os.getpid()}")
    else:
        asyncio.get_running_loop().call_later(0.01, hold, request)

def app(request):
    if request.path == "/held":
        print("HELD", file=sys.stderr, flush=True)
        hold(request)
    elif request.path == "/never":
        print("NEVER", file=sys.stderr, flush=True)
    elif request.path == "/exit":
        os._exit(int(request.query))
    elif request.path == "/gc":
        respond(request, json.dumps([gc.get_threshold(), gc.get_freeze_count()]))
    else:
        respond(request, str(os.getpid()))

"""


class Served:
    """A running server program. `lines` gives what it has written on its standard error."""

    def __init__(self, folder: Path, call: str, prelude: str = "", **popen: Any) -> None:
        self.folder = folder
        script = folder / "served.py"
        script.write_text(f"{APP}\n{prelude}\nif __name__ == '__main__':\n    {call}\n    print('RETURNED')\n")
        command = popen.pop("command", [sys.executable, str(script)])
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
        environ.update(popen.pop("env", {}))
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=folder,
            start_new_session=True,
            **popen,
        )
        self.lines: list[str] = []
        self._arrived: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = 0

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            self._arrived.put(line)
        self._arrived.put(None)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def line(self, pattern: str) -> re.Match[str]:
        """Wait for a line in which *pattern* is found; those before it are passed over."""
        give_up = time.monotonic() + PATIENCE
        while True:
            line = self._arrived.get(timeout=max(0.1, give_up - time.monotonic()))
            assert line is not None, f"the program ended without {pattern!r}:\n{''.join(self.lines)}"
            found = re.search(pattern, line)
            if found:
                return found

    def serving(self) -> Served:
        """Wait until it accepts, and note the port."""
        found = self.line(r"Serving (?:https?://[^ ]*?:(\d+)|unix:)")
        self.port = int(found[1] or 0)
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; the exit status."""
        return self.process.wait(PATIENCE)

    def output(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def release(self) -> None:
        """Have requests of `/held`, of which ``HELD`` was written, answered: now and from now on."""
        (self.folder / "release").touch()

    def connect(self) -> Client:
        return Client(socket.create_connection(("127.0.0.1", self.port), PATIENCE))

    def get(self, path: str = "/") -> str:
        """The body of one answer, on a connection of its own."""
        with self.connect() as client:
            return client.ask(path, "close")


class Client:
    """One connection of a client that notices what is missing."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.sock.close()

    def ask(self, path: str = "/", connection: str = "keep-alive") -> str:
        self.send(path, connection)
        return self.body()

    def send(self, path: str = "/", connection: str = "keep-alive") -> None:
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n".encode())

    def response(self) -> tuple[str, str]:
        """Head and body of the next response; AssertionError if the connection ends before it is whole."""
        received = b""
        while True:
            head, end, rest = received.partition(b"\r\n\r\n")
            if end:
                length = re.search(rb"Content-Length: (\d+)", head)
                assert length is not None, head
                if len(rest) >= int(length[1]):
                    return head.decode(), rest.decode()
            data = self.sock.recv(65536)
            assert data, f"the connection ended after {received!r}"
            received += data

    def body(self) -> str:
        return self.response()[1]

    def at_end(self) -> bool:
        """Whether nothing comes any more and the connection ends."""
        return self.sock.recv(100) == b""


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Served]:
    """``with serve("run(app, 0, '127.0.0.1')", prelude="") as served``: see `Served`."""
    return partial(Served, tmp_path)
