"""The chat whose Redis does not let it in: what the terminal shows is one line, and it says what to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "examples" / "chat" / "app.py"
PATIENCE = 60.0


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a Redis that asks for a password."""
    folder = tmp_path_factory.mktemp("r")
    command = ["redis-server", "--port", "0", "--unixsocket", str(folder / "s"), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen([*command, "--requirepass", "secret", "--logfile", str(folder / "log")])
    try:
        limit = time.monotonic() + PATIENCE
        while not (folder / "s").exists():
            assert process.poll() is None and time.monotonic() < limit, (folder / "log").read_text()
            time.sleep(0.01)
        yield folder / "s"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("user", ["", ":wrong@"], ids=["no password", "wrong password"])
def test_the_terminal_says_what_happened_to_what_and_what_to_do(locked: Path, workers: int, user: str) -> None:
    command = [sys.executable, str(APP), "--port", "0", "--hub", f"unix://{user}{locked}", "--workers", str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr  # however many workers find it out
    assert f"could not connect to Redis at {locked}: " in lines[0] and "redis://" in lines[0]
    assert "Traceback" not in done.stderr and "wrong@" not in done.stderr
