"""What `waterspout.iostream` adds to a program's start, beside `tornado.iostream`: processor time, in one run.

Not wall-clock time, which on a busy machine says how busy it is. Both are measured in turn, each in its own processes
that have imported asyncio and socket already, find nothing but the one distribution, and have it compiled by a start
before; the quickest start of each counts.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

#: 0.28 was measured on Python 3.11.
OF_TORNADO = 1 / 3
ROUNDS = 9
PROBE = """
import asyncio, socket, sys, time
sys.path.append(sys.argv[1])
began = time.process_time()
from {module} import IOStream
print(time.process_time() - began)
"""


def seconds(module: str, caches: Path) -> float:
    """Processor seconds that the import takes in a new process."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(caches)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run = subprocess.run(
        [sys.executable, "-S", "-c", PROBE.format(module=module), str(package.parents[1])],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return float(run.stdout)


def test_iostream_adds_at_most_a_third_of_what_tornados_adds(tmp_path: Path) -> None:
    measured: dict[str, list[float]] = {"waterspout.iostream": [], "tornado.iostream": []}
    for _ in range(1 + ROUNDS):
        for module, values in measured.items():
            values.append(seconds(module, tmp_path))
    ours, tornado = (min(values[1:]) for values in measured.values())
    print(f"adds {ours * 1e3:.1f} ms of processor time, Tornado's {tornado * 1e3:.1f} ms: {ours / tornado:.2f} of it")
    assert ours <= OF_TORNADO * tornado, measured
