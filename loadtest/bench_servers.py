"""The servers that ``bench.py`` compares: how each is started, pinned, probed, and what CPU it used."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import NamedTuple

from bench_rows import STATIC, STATIC_PATH
from target import HERE, environment

APPS = HERE / "apps"
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A server: the module it needs, its arguments after ``python``, its loops, its rows.

    ``peer`` says that Waterspout has to use less CPU than it; the others are the two under measure, and floors.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    loops: tuple[str, ...]
    rows: frozenset[str] | None = None  # None: all rows
    peer: bool = True


def _granian(target: str) -> tuple[str, ...]:
    where = "--host 127.0.0.1 --port {port} --interface asgi --http 1 --no-ws"
    how = "--workers 1 --runtime-threads 1 --loop uvloop --no-access-log --log-level warning"
    return ("-m", "granian", *where.split(), *how.split(), "--working-dir", str(APPS), target)


NAMESPACED = (str(APPS / "namespaced.py"), "--port", "{port}", "--loop", "{loop}", "--namespace")
UVICORN = (
    "--host 127.0.0.1 --port {port} --backlog 4096 --loop uvloop --http httptools --no-access-log --log-level warning"
).split()

CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(
            "waterspout", "waterspout.web", (*NAMESPACED, "waterspout"), ("asyncio", "uvloop", "own"), peer=False
        ),
        Contender("tornado", "tornado.web", (*NAMESPACED, "tornado"), ("asyncio", "uvloop"), peer=False),
        Contender(
            "aiohttp",
            "aiohttp",
            (str(APPS / "aiohttp_app.py"), "--port", "{port}", "--loop", "{loop}"),
            ("asyncio", "uvloop"),
        ),
        Contender(
            "starlette-uvicorn",
            "uvicorn",
            ("-m", "uvicorn", "starlette_app:app", "--app-dir", str(APPS), *UVICORN),
            ("uvloop",),
        ),
        Contender("sanic", "sanic", (str(APPS / "sanic_app.py"), "--port", "{port}", "--loop", "uvloop"), ("uvloop",)),
        Contender(
            "falcon-uvicorn",
            "falcon",
            ("-m", "uvicorn", "falcon_app:app", "--app-dir", str(APPS), *UVICORN),
            ("uvloop",),
        ),
        Contender("blacksheep-granian", "blacksheep", _granian("blacksheep_app:app"), ("uvloop",)),
        Contender("starlette-granian", "granian", _granian("starlette_app:app"), ("uvloop",)),
        Contender(
            "raw-granian",
            "granian",
            _granian("raw_asgi:app"),
            ("uvloop",),
            frozenset({"hello", "async", "browser", "close"}),
            peer=False,
        ),
    )
}


class Answer(NamedTuple):
    """A response: status, header fields, body."""

    status: int
    headers: Message
    body: bytes


class Running:
    """A started server: its port and the CPU seconds of its whole process tree."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: int) -> None:
        """``log``: the descriptor of the file that it writes its output and errors to."""
        self.process = process
        self.port = port
        self._log = log

    def log_lines(self) -> int:
        """How many lines it has written so far."""
        lines = offset = 0
        # The server's place in the file is ours, too: it must not be moved.
        while piece := os.pread(self._log, 1 << 20, offset):
            lines += piece.count(b"\n")
            offset += len(piece)
        return lines

    def _tree(self) -> list[int]:
        """The process and all that descend from it."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu_seconds(self) -> float:
        """User and system time of all threads, in the scheduler's nanoseconds: a clock tick of 10 ms is too coarse."""
        nanoseconds = 0
        for pid in self._tree():
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    nanoseconds += int((thread / "schedstat").read_text().split()[0])
        return nanoseconds / 1e9

    def ask(self, wire: bytes) -> Answer:
        """The answer to one request on a connection of its own; raises ValueError if it is no whole response."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(wire)
            response = http.client.HTTPResponse(connection)
            try:
                response.begin()
                return Answer(response.status, response.msg, response.read())
            except http.client.HTTPException as error:
                raise ValueError(f"no whole response to {wire[:80]!r}: {error!r}") from error

    def validators(self) -> str:
        """The fields by which a browser asks whether the static file has changed."""
        headers = self.ask(f"GET {STATIC_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()).headers
        asked = (("If-None-Match", headers.get("ETag")), ("If-Modified-Since", headers.get("Last-Modified")))
        return "".join(f"{name}: {value}\r\n" for name, value in asked if value is not None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_static_file(folder: Path) -> None:
    """Put the file of `STATIC_PATH` into *folder*, as old as files that are served are."""
    file = folder / Path(STATIC_PATH).name
    file.write_bytes(STATIC)
    os.utime(file, (1.7e9, 1.7e9))


@contextlib.contextmanager
def started(contender: Contender, loop: str, python: str, cpu: int | None, static_folder: Path) -> Iterator[Running]:
    """The running server, its processes pinned to ``cpu`` unless that is None; all of them are stopped at the end.

    Raises LookupError when its module is not installed, RuntimeError when it does not listen in time.
    """
    port = _free_port()
    env = environment(contender.module, python) | {"BENCH_STATIC": str(static_folder), "APP_SHOW_ERROR_DETAILS": "0"}
    command = [python, *(argument.format(port=port, loop=loop) for argument in contender.arguments)]
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    # wrk leaves when its time is over, in the middle of responses, and some servers have much to say about that.
    complaints = tempfile.TemporaryFile("w+", errors="replace")  # closed with the server, below
    process = subprocess.Popen(
        command, env=env, preexec_fn=pin, start_new_session=True, stdout=complaints, stderr=complaints
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{contender.name} does not listen on port {port}: {' '.join(command)}"
                    ) from error
                time.sleep(0.02)
        yield Running(process, port, complaints.fileno())
    except (ValueError, RuntimeError):
        complaints.seek(0)
        print(f"the last words of {contender.name}:", complaints.read()[-3000:], sep="\n", file=sys.stderr)
        raise
    finally:
        complaints.close()
        # Its own session: workers that outlive their parent are ended with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def installed(names: list[str], python: str) -> tuple[list[Contender], list[str]]:
    """The contenders of these names that ``python`` can run, and a line for each that it cannot."""
    usable, missing = [], []
    for name in names:
        try:
            environment(CONTENDERS[name].module, python)
        except LookupError as error:
            missing.append(f"{name} is left out: {error}")
        else:
            usable.append(CONTENDERS[name])
    return usable, missing


def has_uvloop(python: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec("uvloop") is not None
    return subprocess.run([python, "-c", "import uvloop"], capture_output=True).returncode == 0
