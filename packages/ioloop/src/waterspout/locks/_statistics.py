"""What can be known about a lock from outside."""

from typing import NamedTuple


class LockStatistics(NamedTuple):
    """A snapshot of a lock, semaphore, condition or event."""

    free: int
    """How many could acquire it at once."""

    waiting: int
    """How many tasks wait for it."""


LockStatistics.__module__ = "waterspout.locks"
