"""Which of several workers a hub is in: what all of them meet alike is said by one."""

from __future__ import annotations

from waterspout.log import worker

__all__ = ["worker_number"]


def worker_number() -> int | None:
    """The number of this worker among those of ``httpserver.run`` or ``fork_processes``; None if there is no other."""
    number = worker()
    if number is not None:
        return number
    from waterspout.process import task_id  # subprocess: only where there is something to open

    return task_id()
