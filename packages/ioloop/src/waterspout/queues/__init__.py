"""Queues for coroutines, first come first served on both sides.

They are for the tasks of one loop, and safe against cancellation at any await. They are not safe to
be shared by threads.
"""

from waterspout.queues._orders import LifoQueue, PriorityQueue
from waterspout.queues._queue import Queue, QueueEmpty, QueueFull, QueueStatistics

__all__ = ["LifoQueue", "PriorityQueue", "Queue", "QueueEmpty", "QueueFull", "QueueStatistics"]
