"""Locks for coroutines, first come first served.

They are for the tasks of one loop, and safe against cancellation at any await. They are not safe to
be shared by threads.
"""

from waterspout.locks._condition import Condition
from waterspout.locks._event import Event
from waterspout.locks._lock import Lock
from waterspout.locks._semaphore import BoundedSemaphore, Semaphore
from waterspout.locks._statistics import LockStatistics

__all__ = ["BoundedSemaphore", "Condition", "Event", "Lock", "LockStatistics", "Semaphore"]
