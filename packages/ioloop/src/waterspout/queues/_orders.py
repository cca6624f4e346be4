"""Queues with another order than first in first out."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from waterspout.queues._queue import Queue

_T = TypeVar("_T")


class PriorityQueue(Queue[_T]):
    """A queue that gives the smallest item first; items are often ``(priority, data)``.

    Items of equal priority are compared by what follows, and come in no certain order. `put` and
    `put_nowait` raise TypeError for an item that does not compare with the others, and leave it out.
    """

    __module__ = "waterspout.queues"

    def _init(self) -> None:
        self._queue: list[Any] = []

    def _put(self, item: _T) -> None:
        heap = self._queue
        try:
            heappush(heap, item)
        except BaseException:
            # It was appended before it was compared, and may be on its way up by now.
            del heap[next(index for index, other in enumerate(heap) if other is item)]
            heapify(heap)
            raise

    def _get(self) -> _T:
        item: _T = heappop(self._queue)
        return item


class LifoQueue(Queue[_T]):
    """A queue that gives the last item first."""

    __module__ = "waterspout.queues"

    def _init(self) -> None:
        self._queue: list[Any] = []

    def _put(self, item: _T) -> None:
        self._queue.append(item)

    def _get(self) -> _T:
        item: _T = self._queue.pop()
        return item
