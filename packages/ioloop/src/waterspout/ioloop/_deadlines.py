"""One coarse wheel of deadlines for each server or client, in place of a timer for each connection.

Theory of operation. Time is cut into ticks of ``resolution`` seconds. A watched item sits in the bucket of the tick
that follows its deadline. When that tick comes, the item is looked at: if its deadline has been moved meanwhile (a
plain assignment, which costs nothing), it goes to a later bucket; else it is told. A connection that moves its
deadline with each request is therefore touched about once per timeout, not once per request.

Which bucket that is, is found at the first tick: many items, such as connections for one request, are forgotten before.
"""

from __future__ import annotations

import asyncio
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Any

from waterspout.log import app_log

if TYPE_CHECKING:
    from typing import Protocol

    from waterspout.ioloop._loop import IOLoop

    class HasDeadline(Protocol):
        """What `Deadlines.watch` takes; must be hashable by identity."""

        deadline: float  #: on the scale of `Deadlines.now`; ``math.inf`` for none

        def deadline_passed(self) -> Any:
            """Called once when `deadline` has passed; the item is no longer watched then."""


class Deadlines:
    """Tell items that their deadline has passed, to within one ``resolution`` (seconds), never by a timer each.

    Set ``item.deadline = deadlines.now + seconds``, then `watch` it. Later deadlines need no further call; after
    moving a deadline to an earlier time than it had (also from ``inf``), call `watch` again.
    """

    __module__ = "waterspout.ioloop"
    __slots__ = ("__weakref__", "_buckets", "_loop", "_tick", "_timer", "_where", "_young", "coarse_now", "resolution")

    resolution: float  #: seconds
    coarse_now: float  #: `now` as a plain attribute, for hot paths whose item is watched: stands still while none is

    def __init__(self, io_loop: IOLoop, resolution: float = 1.0) -> None:
        if not resolution > 0:
            raise ValueError(f"the resolution of deadlines must be positive, not {resolution!r}")
        self.resolution = resolution
        self._loop = io_loop.asyncio_loop
        self.coarse_now = self._loop.time()
        self._buckets: dict[int, set[HasDeadline]] = {}
        self._where: dict[HasDeadline, int] = {}
        self._young: set[HasDeadline] = set()  # in no bucket yet
        self._tick = 0  # number of the tick that was handled last
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now(self) -> float:
        """The loop's monotonic time: refreshed once a tick while something is watched, exact while nothing is."""
        return self._loop.time() if self._timer is None else self.coarse_now

    def __len__(self) -> int:
        """How many items are watched."""
        return len(self._where) + len(self._young)

    def watch(self, item: HasDeadline) -> None:
        """Look after ``item`` until its deadline has passed or `forget` is called.

        An item without a deadline (``inf``) is not watched: call again when it gets one.
        """
        if item.deadline == inf:
            return
        sits_in = self._where.get(item)
        if sits_in is not None:
            if sits_in <= ceil(item.deadline / self.resolution):
                return
            self.forget(item)
        self._young.add(item)
        if self._timer is None:
            self._start()

    def watch_for(self, item: HasDeadline, seconds: float) -> None:
        """Set ``item.deadline`` to so many seconds from now, and `watch` it."""
        if self._timer is None:
            self._start()
        item.deadline = self.coarse_now + seconds
        if item in self._where:
            self.watch(item)
        else:
            self._young.add(item)

    def forget(self, item: HasDeadline) -> None:
        """Stop watching ``item``; nothing happens if it is not watched."""
        bucket = self._where.pop(item, None)
        if bucket is None:
            self._young.discard(item)
            return
        members = self._buckets.get(bucket)
        if members is not None:
            members.discard(item)
            if not members:
                del self._buckets[bucket]

    def close(self) -> None:
        """Forget all items and stop the timer."""
        self._young.clear()
        self._where.clear()
        self._buckets.clear()
        self._stop()

    def _start(self) -> None:
        self.coarse_now = self._loop.time()
        self._tick = floor(self.coarse_now / self.resolution)
        self._schedule()

    def _schedule(self) -> None:
        self._timer = self._loop.call_at((self._tick + 1) * self.resolution, self._advance)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _advance(self) -> None:
        now = self.coarse_now = self._loop.time()
        # The timer may fire a clock's breath before its time; then it still counts as the tick it was set for.
        last, self._tick = self._tick, max(self._tick + 1, floor(now / self.resolution))
        young, self._young = self._young, set()
        for item in young:
            self._place(item, self._tick)
        if self._tick - last < len(self._buckets):
            due = [n for n in range(last + 1, self._tick + 1) if n in self._buckets]
        else:  # after a long sleep of the machine: fewer buckets than ticks
            due = sorted(n for n in self._buckets if n <= self._tick)
        try:
            for number in due:
                for item in self._buckets.pop(number, ()):
                    self._look_at(item, number)
        finally:
            if self._where or self._young:
                self._schedule()
            else:
                self._stop()

    def _place(self, item: HasDeadline, earliest: int) -> None:
        """Put ``item`` into the bucket of its deadline, or into that of the tick ``earliest`` if it is later."""
        if item.deadline == inf:
            return
        bucket = max(ceil(item.deadline / self.resolution), earliest)
        self._where[item] = bucket
        try:
            self._buckets[bucket].add(item)
        except KeyError:
            self._buckets[bucket] = {item}

    def _look_at(self, item: HasDeadline, number: int) -> None:
        if self._where.get(item) != number:
            return  # forgotten or moved by an item that was told in this very tick
        del self._where[item]
        if item.deadline > self.coarse_now:
            self._place(item, self._tick + 1)
            return
        try:
            item.deadline_passed()
        except Exception:
            app_log.error("Exception in deadline_passed of %r", item, exc_info=True)
