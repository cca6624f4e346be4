"""The drills of WebSockets: a cable that is pulled, and peers that read slowly. ``python -m tox -e drills``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1]


def run(script: str, *arguments: str) -> None:
    command = [sys.executable, str(FOLDER / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    print(done.stdout)
    if done.returncode == 2:
        pytest.skip(f"not possible here: {done.stdout}{done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2")
def test_a_peer_behind_a_pulled_cable_is_noticed_and_on_close_comes_once() -> None:
    run("drill_ws_dead_peer.py")


def test_memory_stays_bounded_while_a_peer_reads_slowly() -> None:
    run("drill_ws_slow_reader.py", "--megabytes", "300")
