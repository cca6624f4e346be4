"""What `waterspout.iostream` adds to a program's start, beside `tornado.iostream`: processor time, in one run.

Not wall-clock time, which on a busy machine says how busy it is. Both are measured in turn, each in its own processes
that have imported asyncio and socket already, find nothing but the one distribution, and have it compiled by a start
before (`paired` says which ratio counts).

Without garbage collection: one that falls into the import walks what asyncio has brought, not what is measured. It
costs both the same 2 ms (the more, the busier the memory), which is nearly a third of ours.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from paired import steady_ratio

#: 0.25 was measured on Python 3.11.
OF_TORNADO = 1 / 3
PROBE = """
import asyncio, gc, socket, sys, time
gc.disable()
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
    def ours() -> float:
        return seconds("waterspout.iostream", tmp_path)

    def tornado() -> float:
        return seconds("tornado.iostream", tmp_path)

    ours(), tornado()  # compiles them
    ratio, measured = steady_ratio(ours, tornado, OF_TORNADO, pairs=15)
    print(f"adds {ratio:.2f} of the processor time that Tornado's adds")
    assert ratio <= OF_TORNADO, measured
