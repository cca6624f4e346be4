"""How many processors there are for us."""

from __future__ import annotations

import os
import sys


def cpu_count() -> int:
    """The number of processors that this process may use; at least 1."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if sys.platform != "win32" and sys.platform != "darwin":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


cpu_count.__module__ = "waterspout.process"
