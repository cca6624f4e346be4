"""Queue: items from coroutines to coroutines, with a bound that makes the faster side wait."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from waterspout.concurrent import Future
from waterspout.concurrent._lazy import BlankReadyFuture, DoneFuture, ReadyFuture
from waterspout.locks._waiter import Deadline, Line, stand_in, waiting_in

_T = TypeVar("_T")

_references: Callable[[object], int] = getattr(sys, "getrefcount", lambda held: 0)


class QueueEmpty(Exception):
    """There is no item: raised by `get_nowait`."""

    __module__ = "waterspout.queues"


class QueueFull(Exception):
    """There is no room: raised by `put_nowait`."""

    __module__ = "waterspout.queues"


class QueueStatistics(NamedTuple):
    """A snapshot of a queue."""

    size: int
    """Items in the queue."""

    maxsize: int
    """Items that have room, 0 for any number."""

    getters: int
    """Tasks that wait for an item."""

    putters: int
    """Tasks that wait for room."""

    unfinished: int
    """Items put for which `task_done` has not been called."""


QueueStatistics.__module__ = "waterspout.queues"


class Queue(Generic[_T]):
    """A queue of at most `maxsize` items (0: any number), first in first out.

    `put` waits while it is full, `get` while it is empty, both in the order of the calls; ``async
    for item in queue`` gets items for ever. Consumers call `task_done` for each item that they have
    worked off, and `join` waits until that has happened to all.

    Nothing is lost by cancellation: an item that was handed to a task which is cancelled before it
    runs goes to the next, or back to its place. A `put` that is cancelled has either not been done,
    or its item was taken in before.
    """

    __module__ = "waterspout.queues"

    # What subclasses keep their items in, made by _init; it must have a length.
    _queue: Any = None

    def __init__(self, maxsize: int = 0) -> None:
        """TypeError if `maxsize` is None, ValueError if it is negative."""
        if maxsize is None:
            raise TypeError("maxsize can't be None: 0 makes room for any number of items")
        if maxsize < 0:
            raise ValueError(f"maxsize can't be negative: {maxsize}")
        self._maxsize = maxsize
        self._room = maxsize or sys.maxsize
        self._unfinished_tasks = 0
        self._getters: Line | None = None
        self._putters: Line | None = None
        self._joiners: Line | None = None
        self._done = DoneFuture()
        self._init()
        kind = type(self)
        # Whether the deque's own methods may stand in for the hooks below, which is half of what a hook costs.
        self._plain = kind._put is Queue._put and kind._get is Queue._get and type(self._queue) is deque

    # The three methods that decide the order. Subclasses override them.

    def _init(self) -> None:
        self._queue = deque()

    def _get(self) -> _T:
        item: _T = self._queue.popleft()
        return item

    def _put(self, item: _T) -> None:
        self._queue.append(item)

    def _put_back(self, item: _T) -> None:
        """Put an item where the next `_get` finds it, if there is an order in which that means anything."""
        if type(self)._put is Queue._put:
            self._queue.appendleft(item)
        else:
            self._put(item)

    @property
    def maxsize(self) -> int:
        """How many items have room; 0 for any number."""
        return self._maxsize

    def qsize(self) -> int:
        """How many items are in the queue."""
        return len(self._queue)

    def empty(self) -> bool:
        """Whether a `get` would wait."""
        return not self._queue

    def full(self) -> bool:
        """Whether a `put` would wait."""
        return len(self._queue) >= self._room

    def put(self, item: _T, timeout: Deadline = None) -> Future[None]:
        """Put `item` in; the Future is done when it is in.

        Waits while the queue is full. After `timeout` (a time as of `IOLoop.time`, or a timedelta)
        it raises TimeoutError, and the item will not be put in; a timeout that has passed already
        uses the room there is, or fails, at once.
        """
        queue = self._queue
        if len(queue) < self._room and not self._getters:
            if self._plain:
                queue.append(item)
            else:
                self._put(item)
            self._unfinished_tasks += 1
            # Most callers throw it away at once. If nobody has it any more it is as good as a new one, and to make one
            # is a fifth of all that this costs: an object's reference here and the call's, that is nobody.
            return self._done if _references(self._done) == 2 else DoneFuture()
        if self._take_in(item):
            return DoneFuture()
        if self._putters is None:
            self._putters = Line()
        putter = stand_in(self, self._putters, timeout)
        putter.brought = item
        return putter

    def put_nowait(self, item: _T) -> None:
        """Put `item` in now; QueueFull if there is no room."""
        if len(self._queue) < self._room and not self._getters:
            self._put(item)
            self._unfinished_tasks += 1
        elif not self._take_in(item):
            raise QueueFull(f"there is no room for an item in {self!r}")

    def _take_in(self, item: _T) -> bool:
        """Put `item` in, for the first who waits for one if there is somebody; false if it is full."""
        getter = self._getters.next() if self._getters else None
        if getter is None and self.full():
            return False
        self._put(item)
        self._unfinished_tasks += 1
        if getter is not None:
            # By way of the queue: a subclass may do something to items that pass through it.
            getter.set_result(self._get())
        return True

    def get(self, timeout: Deadline = None) -> Future[_T]:
        """Take an item out; it is the result of the Future.

        Waits while the queue is empty. After `timeout` (a time as of `IOLoop.time`, or a timedelta)
        it raises TimeoutError; a timeout that has passed already takes what there is, or fails, at
        once. Numbers are points in time here, unlike those of `queue.Queue.get`.
        """
        queue = self._queue
        if queue and not self._putters:
            ready: ReadyFuture[_T] = BlankReadyFuture()
            ready._value = queue.popleft() if self._plain else self._get()
            return ready
        if queue or self._putters:
            return ReadyFuture(self.get_nowait())
        if self._getters is None:
            self._getters = Line()
        return stand_in(self, self._getters, timeout)

    def get_nowait(self) -> _T:
        """Take an item out now; QueueEmpty if there is none."""
        putter: Any = None
        if self._putters and len(self._queue) < self._room + 1:  # not if give_back has overfilled it
            putter = self._putters.next()
        if putter is not None:
            self._put(putter.brought)
            self._unfinished_tasks += 1
            putter.set_result(None)
        elif not self._queue:
            raise QueueEmpty(f"there is no item in {self!r}")
        return self._get()

    def give_back(self, waiter: Any, value: Any) -> None:
        """An item was handed to a task that was cancelled before it ran: it is the next item again.

        The room that it left may be taken by now; then the queue has one item more than it should
        for a while. What a cancelled `put` or `join` was told changes nothing.
        """
        if waiter._line is not self._getters:
            return
        getter = self._getters.next() if self._getters else None
        if getter is None:
            self._put_back(value)
        else:
            getter.set_result(value)

    def task_done(self) -> None:
        """Say that an item taken out before has been worked off.

        Call it once for each `get`; `join` waits until that has happened for all items put. Raises
        ValueError if it is called more often than items were put.
        """
        if self._unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished_tasks -= 1
        if self._unfinished_tasks == 0 and self._joiners:
            while (joiner := self._joiners.next()) is not None:
                joiner.set_result(None)

    def join(self, timeout: Deadline = None) -> Future[None]:
        """Wait until all items that were put in have been worked off.

        After `timeout` (a time as of `IOLoop.time`, or a timedelta) the Future raises TimeoutError;
        a timeout that has passed already makes it fail at once if there is work left.
        """
        if self._unfinished_tasks == 0:
            return DoneFuture()
        if self._joiners is None:
            self._joiners = Line()
        return stand_in(self, self._joiners, timeout)

    def statistics(self) -> QueueStatistics:
        """What is in it and who waits, now."""
        return QueueStatistics(
            self.qsize(), self._maxsize, waiting_in(self._getters), waiting_in(self._putters), self._unfinished_tasks
        )

    def __aiter__(self) -> QueueIterator[_T]:
        return QueueIterator(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {hex(id(self))} {self._description()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._description()}>"

    def _description(self) -> str:
        parts = [f"maxsize={self.maxsize!r}"]
        if self._queue:
            parts.append(f"queue={self._queue!r}")
        for name, line in (("getters", self._getters), ("putters", self._putters)):
            if waiting := waiting_in(line):
                parts.append(f"{name}[{waiting}]")
        if self._unfinished_tasks:
            parts.append(f"tasks={self._unfinished_tasks}")
        return " ".join(parts)


class QueueIterator(Generic[_T]):
    """What ``async for`` goes through: every item of a queue, without end."""

    __slots__ = ("_queue",)

    def __init__(self, queue: Queue[_T]) -> None:
        self._queue = queue

    def __aiter__(self) -> QueueIterator[_T]:
        return self

    def __anext__(self) -> Future[_T]:
        return self._queue.get()
