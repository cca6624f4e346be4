"""The networking examples, started as their docstrings say and spoken to through plain sockets."""

from __future__ import annotations

import collections
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Start = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start("name/app.py", arguments...)`` runs an example and returns its first line; all end quietly on Ctrl-C."""
    running: list[subprocess.Popen[str]] = []

    def run(name: str, *arguments: str) -> str:
        command = [sys.executable, str(EXAMPLES / name), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline()

    yield run
    for process in running:
        process.send_signal(signal.SIGINT)
    for process in running:
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, ""), "Ctrl-C ends an example quietly"


def connect(line: str) -> socket.socket:
    found = re.search(r"127\.0\.0\.1:(\d+)", line)
    assert found, line
    return socket.create_connection(("127.0.0.1", int(found[1])), timeout=5)


def exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"closed after {len(data)} of {size} bytes"
        data += piece
    return data


def line_of(sock: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        data = sock.recv(1)
        assert data, f"closed after {line!r}"
        line += data
    return line


def test_echo(start: Start) -> None:
    with connect(start("echo_server/app.py", "--port", "0")) as sock:
        data = os.urandom(300_000)
        sock.sendall(data[:1000])
        assert exactly(sock, 1000) == data[:1000]
        sock.sendall(data)
        assert exactly(sock, len(data)) == data


def test_a_client_that_leaves_without_reading_is_no_traceback(start: Start) -> None:
    first = start("echo_server/app.py", "--port", "0")
    with connect(first) as rude:
        rude.sendall(b"x" * 1_000_000)
    with connect(first) as sock:  # and the server goes on; that it said nothing is checked when it ends
        sock.sendall(b"still there?")
        assert exactly(sock, 12) == b"still there?"


def test_line_chat(start: Start) -> None:
    first = start("line_chat/app.py", "--port", "0")
    with connect(first) as ann, connect(first) as bob, connect(first) as double:
        for sock, name in ((ann, b"ann"), (bob, b"bob"), (double, b"ann")):
            assert exactly(sock, 11) == b"Your name? "
            sock.sendall(name + b"\n")
            if name == b"bob":
                assert line_of(ann) == b"* bob is here, with 1 others\n"
            elif sock is ann:
                assert line_of(ann) == b"* ann is here, with 0 others\n"
        assert line_of(double) == b"That name is taken, or none.\n"
        assert line_of(bob) == b"* bob is here, with 1 others\n"
        ann.sendall("héllo\n".encode())
        assert line_of(bob) == "ann: héllo\n".encode()
        ann.close()
        assert line_of(bob) == b"* ann left\n"


def test_port_forwarder(start: Start) -> None:
    with connect(start("echo_server/app.py", "--port", "0")) as direct:
        to = f"127.0.0.1:{direct.getpeername()[1]}"
        with connect(start("port_forwarder/app.py", "--port", "0", "--to", to)) as sock:
            data = os.urandom(200_000)
            sock.sendall(data)
            assert exactly(sock, len(data)) == data


def test_unix_server(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "ask.sock"
    start("unix_server/app.py", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(path))
        sock.sendall(b"cpus\nnonsense\ntime\n")
        assert line_of(sock) == b"%d\n" % (os.cpu_count() or 0)
        assert line_of(sock) == b"? try help\n"
        assert line_of(sock).startswith(time.strftime("%Y-").encode())


def test_pipeline(tmp_path: Path) -> None:
    words = [f"word {number % 100:02}" for number in range(60_000)]  # more than the pipes hold at once
    source = tmp_path / "words"
    source.write_text("\n".join(words) + "\n")
    command = [sys.executable, EXAMPLES / "pipeline/app.py", source]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    counted = {line.split(maxsplit=1)[1]: int(line.split()[0]) for line in done.stdout.decode().splitlines()}
    assert counted == collections.Counter(words) and done.stderr == b""
