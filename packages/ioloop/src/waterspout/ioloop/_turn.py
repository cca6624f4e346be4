"""The end of a turn: what was written during one pass of the loop leaves together.

Theory of operation. Whoever has output queued (a stream, mostly) calls ``turn.add(self)`` once and is asked, by
``flush_pending()``, to hand it to the kernel when all callbacks of this pass have run.  64 connections that become
dirty in one pass cost 64 list appends and one walk over the list, no ``call_soon`` each.

There are two kinds of turn.  `SelectorTurn` is flushed by the loop's own selector (see ``_selector.py``) just before
it would wait: no additional pass.  `CallSoonTurn` serves loops that we did not make (stock ``asyncio.run``, uvloop):
the first object of a pass schedules one callback.

While the loop does not run there is no turn and nobody who would end it: what is added then is flushed at once, so that
a program which says a last word and never runs its loop again is heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from waterspout.ioloop._allocator import keep_freed_pages
from waterspout.log import app_log

#: Bytes of the receive buffer that all connections of a loop share.  64 KiB is what a TCP socket usually has ready at
#: most in one go under load; more showed no gain for bulk transfer, less costs additional ``recv`` calls.
RECEIVE_BUFFER_SIZE = 64 * 1024

#: How often one flush looks again for objects that became dirty while it was flushing. What is dirty after that waits
#: for the next pass (which then does not sleep), so that two objects that wake each other cannot hold the loop.
MAX_ROUNDS = 4


if TYPE_CHECKING:
    from typing import Protocol

    class Flushable(Protocol):
        """What `Turn.add` takes."""

        def flush_pending(self) -> bool | None:
            """Hand queued output to the kernel.

            Return ``False`` (not ``None``) if nothing was scheduled with the loop meanwhile: no callback, no timer, no
            future completed. The loop may then go to sleep at once; on any other answer it looks for work first, which
            costs one additional poll.
            """


class Turn:
    """What belongs to one loop and is used in each of its turns."""

    __module__ = "waterspout.ioloop"

    __slots__ = ("__weakref__", "buffer", "dirty", "flushes", "view")

    buffer: bytearray  #: receive buffer, only valid until the callback that filled it returns
    view: memoryview  #: of the whole `buffer`
    dirty: list[Flushable]  #: waits for the end of the turn; always the same list object
    flushes: int  #: how many flushes found something to do

    def __init__(self) -> None:
        self.buffer = bytearray(RECEIVE_BUFFER_SIZE)
        self.view = memoryview(self.buffer)
        self.dirty = []
        self.flushes = 0
        keep_freed_pages()

    def flush(self) -> bool:
        """Call ``flush_pending()`` of each dirty object; true if the loop may have new work ready.

        An exception is logged and does not keep the others from being flushed.
        """
        dirty = self.dirty
        if not dirty:
            return False
        self.flushes += 1
        scheduled = False
        for _ in range(MAX_ROUNDS):
            batch = dirty.copy()
            dirty.clear()
            for item in batch:
                try:
                    if item.flush_pending() is not False:
                        scheduled = True
                except Exception:
                    scheduled = True
                    app_log.error("Exception while flushing %r", item, exc_info=True)
                except BaseException:  # KeyboardInterrupt ends the pass, not the others' output
                    dirty[:0] = batch[batch.index(item) + 1 :]
                    raise
            if not dirty:
                return scheduled
        return True

    def flush_now(self, item: Flushable) -> None:
        """Flush ``item``, and whatever else waits, outside of any turn."""
        self.dirty.append(item)
        self.flush()


class SelectorTurn(Turn):
    """Flushed by the loop's selector before it waits, so that `add` is nothing but the list's own append.

    The loop says when it runs: ``running(True)`` before its first pass, ``running(False)`` after its last.
    """

    __slots__ = ("add",)

    add: Callable[[Flushable], None]

    def __init__(self) -> None:
        super().__init__()
        self.add = self.flush_now

    def running(self, running: bool) -> None:
        """Collect until the end of the turn, or flush at once what is added."""
        self.add = self.dirty.append if running else self.flush_now


class CallSoonTurn(Turn):
    """Flushed by one callback for each pass of the loop in which something became dirty.

    The first `add` of a pass schedules it; for the others, `add` is the list's own append.
    """

    __slots__ = ("_call_soon", "_is_running", "add")

    add: Callable[[Flushable], None]

    def __init__(self, call_soon: Callable[..., Any], is_running: Callable[[], bool]) -> None:
        super().__init__()
        self._call_soon = call_soon
        self._is_running = is_running
        self.add = self._add_first

    def _add_first(self, item: Flushable) -> None:
        """Have ``item.flush_pending()`` called at the end of this turn."""
        if not self._is_running():
            self.flush_now(item)
            return
        self._call_soon(self._end_of_turn)
        self.dirty.append(item)
        self.add = self.dirty.append

    def flush(self) -> bool:
        self.add = self._add_first
        return super().flush()

    flush.__doc__ = Turn.flush.__doc__

    def _end_of_turn(self) -> None:
        self.add = self._add_first
        try:
            Turn.flush(self)  # past our own, which is for those who end the turn from outside
        finally:
            if self.dirty:
                self._call_soon(self._end_of_turn)
