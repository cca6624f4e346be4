"""Fixtures of autoreload's tests: programs that are edited while they run."""

import os
import pathlib
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import pytest


class Editor:
    """A folder of programs."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> pathlib.Path:
        """Write a file as an editor does: the new one takes the place of the old one in one step."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(textwrap.dedent(text))
        os.replace(unfinished, path)
        return path

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """Start Python; what it prints on both outputs comes through ``stdout``."""
        program = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            cwd=self.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )
        self.started.append(program)
        return program

    def read_until(self, program: subprocess.Popen[str], word: str, limit: float = 30) -> str:
        """What the program prints up to the line that contains ``word``."""
        assert program.stdout is not None
        ends = time.monotonic() + limit
        lines = ""
        while time.monotonic() < ends:
            line = program.stdout.readline()
            lines += line
            if word in line:
                return lines
            if not line:
                break
        raise AssertionError(f"{word!r} did not come; output was:\n{lines}")


@pytest.fixture
def editor(tmp_path: pathlib.Path) -> Iterator[Editor]:
    made = Editor(tmp_path)
    yield made
    for program in made.started:
        if program.poll() is None:
            program.terminate()
        try:
            program.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
