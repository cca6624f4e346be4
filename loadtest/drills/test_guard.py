"""The drills of a server's limits, each a script of its own that prints its figures: ``python drill_idle.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted(Path(__file__).resolve().parent.glob("drill_*.py"))
#: Further ways to run some: the chat over its other hub, with as many users as show the same.
MORE = {"drill_chat": ["--hub nats --users 1000"]}
RUNS = [
    pytest.param(s, words, id=f"{s.stem} {words}".rstrip()) for s in SCRIPTS for words in ["", *MORE.get(s.stem, [])]
]


@pytest.mark.parametrize(("script", "words"), RUNS)
def test_every_bound_of_the_drill_holds(script: Path, words: str) -> None:
    done = subprocess.run([sys.executable, str(script), *words.split()], capture_output=True, text=True, timeout=600)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
