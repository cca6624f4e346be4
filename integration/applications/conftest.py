"""Programs written for Tornado, started under the alias as processes of their own."""

import contextlib
import os
import pathlib
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest


class Program:
    """A running program: what it wrote so far, and a way to wait for a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.written: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.written.append(line)
            self._lines.put(line)
        self._lines.put(None)

    @property
    def text(self) -> str:
        return "".join(self.written)

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """The first match of ``pattern`` in the lines not looked at yet; fails when the program ends without it."""
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                pytest.fail(f"nothing that matches {pattern!r} in {seconds} s; written so far:\n{self.text}")
            if line is None:
                pytest.fail(f"ended without writing {pattern!r}:\n{self.text}")
            if found := re.search(pattern, line):
                return found

    def end(self, seconds: float = 60) -> int:
        """The exit status, once the program has ended by itself."""
        status = self.process.wait(seconds)
        self._reader.join(10)
        return status


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[..., Program]]:
    """``start("-m", "module", ...)`` runs a program with Waterspout in Tornado's place, in an empty home folder."""
    started: list[Program] = []
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "HOME": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }

    def start(*arguments: str) -> Program:
        process = subprocess.Popen(
            [sys.executable, "-m", "waterspout.tornado", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
        program = Program(process)
        started.append(program)
        return program

    yield start
    for program in started:
        if program.process.poll() is None:
            program.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.process.wait(10)
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait(10)
        if program.process.stdout is not None:
            program.process.stdout.close()
