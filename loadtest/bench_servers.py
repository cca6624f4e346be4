"""The servers that ``bench.py`` compares: how each is started, pinned, probed, and what CPU it used."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from target import HERE, environment

APPS = HERE / "apps"
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 15.0


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


class Running:
    """A started server: its port and the CPU seconds of its whole process tree."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def _tree(self) -> list[list[str]]:
        """The fields after the command name of ``/proc/PID/stat``, for the process and all that descend from it."""
        stats = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                    stats[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
        found = [self.process.pid]
        for pid in found:
            found += [child for child, fields in stats.items() if int(fields[1]) == pid]
        return [stats[pid] for pid in found if pid in stats]

    def cpu_seconds(self) -> float:
        """User and system time, that of ended and awaited children included; the clock ticks TICKS times a second."""
        return sum(int(ticks) for fields in self._tree() for ticks in fields[11:15]) / TICKS

    def ask(self, wire: bytes) -> bytes:
        """The body of the answer to one request on a connection of its own.

        Raises ValueError unless it is a complete 200.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(wire)
            received = b""
            while True:
                data = connection.recv(65536)
                received += data
                head, separator, body = received.partition(b"\r\n\r\n")
                if separator:
                    length = [
                        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
                    ]
                    if not head.startswith(b"HTTP/1.1 200") or not length:
                        raise ValueError(f"not a 200 with a Content-Length: {head[:200]!r}")
                    if len(body) >= length[0]:
                        return body
                if not data:
                    raise ValueError(f"the answer ended early: {received[:200]!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(contender: Contender, loop: str, python: str, cpu: int | None) -> Iterator[Running]:
    """The running server, its processes pinned to ``cpu`` unless that is None; all of them are stopped at the end.

    Raises LookupError when its module is not installed, RuntimeError when it does not listen in time.
    """
    port = _free_port()
    env = environment(contender.module, python)
    command = [python, *(argument.format(port=port, loop=loop) for argument in contender.arguments)]
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    process = subprocess.Popen(command, env=env, preexec_fn=pin, start_new_session=True)
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
        yield Running(process, port)
    finally:
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
