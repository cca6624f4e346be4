"""The event loop that Waterspout makes: asyncio's selector loop, whose selector flushes the turn before it waits."""

from __future__ import annotations

import asyncio
import select
import selectors
from typing import TYPE_CHECKING, Any, TypeVarTuple

from waterspout.ioloop._turn import CallSoonTurn, SelectorTurn

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import HasFileno

_Args = TypeVarTuple("_Args")

#: The attribute by which an asyncio loop carries its turn.
TURN_ATTRIBUTE = "_waterspout_turn"


#: Whether the selector is the one whose `register_reader` can be relied upon.
_EPOLLIN = getattr(select, "EPOLLIN", 0)
_HAS_EPOLL = selectors.DefaultSelector is getattr(selectors, "EpollSelector", None)


class FlushingSelector(selectors.DefaultSelector):
    """The platform's selector; `select` first flushes `turn`.

    asyncio decides how long to wait before it calls `select`. A flush may complete futures or set timers that it has
    not taken into account; `Turn.flush` says so, and then this `select` only polls: the loop comes back at once and
    runs them.
    """

    def __init__(self, turn: SelectorTurn) -> None:
        super().__init__()
        self.turn = turn

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Flush, then wait for at most ``timeout`` seconds (None: until something is ready)."""
        turn = self.turn
        if turn.dirty and turn.flush():
            timeout = 0
        return super().select(timeout)

    def register_reader(self, fd: int, handle: asyncio.Handle) -> bool:
        """Watch ``fd`` for reading, as asyncio's loop does, if nothing watches it yet; whether that was done.

        It is what ``register`` amounts to for a bare descriptor. A connection is registered once, and of what it costs
        to accept one the general way through asyncio and selectors was a quarter (11 of 40 microseconds).
        """
        keys: dict[int, selectors.SelectorKey] = self._fd_to_key  # type: ignore[attr-defined]
        if fd in keys:
            return False
        self._selector.register(fd, _EPOLLIN)  # type: ignore[attr-defined]
        keys[fd] = selectors.SelectorKey(fd, fd, selectors.EVENT_READ, (handle, None))
        return True

    def unregister_reader(self, fd: int) -> bool:
        """End `register_reader`, unless ``fd`` is watched in another way by now, or not at all; whether that was done.

        The descriptor is taken out although closing it would do so, too: a copy in a forked child would keep it in.
        """
        keys: dict[int, selectors.SelectorKey] = self._fd_to_key  # type: ignore[attr-defined]
        key = keys.get(fd)
        if key is None or key.events != selectors.EVENT_READ:
            return False
        del keys[fd]
        try:
            self._selector.unregister(fd)  # type: ignore[attr-defined]
        except OSError:
            pass  # closed by somebody else, which `unregister` does not mind either
        key.data[0].cancel()  # it may be among those that are called in this pass
        return True


class TurnEventLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop, with a turn that its selector flushes."""

    def __init__(self) -> None:
        turn = SelectorTurn()
        super().__init__(FlushingSelector(turn))
        setattr(self, TURN_ATTRIBUTE, turn)
        self._turn = turn
        self._flushing: FlushingSelector = self._selector  # type: ignore[attr-defined]

    def add_reader(self, fd: int | HasFileno, callback: Callable[[*_Args], Any], *args: *_Args) -> None:
        """As asyncio's."""
        if _HAS_EPOLL and type(fd) is int and fd >= 0 and not self.is_closed():
            if self._flushing.register_reader(fd, asyncio.Handle(callback, args, self)):
                return
        super().add_reader(fd, callback, *args)

    def remove_reader(self, fd: int | HasFileno) -> bool:
        """As asyncio's."""
        if _HAS_EPOLL and type(fd) is int and not self.is_closed() and self._flushing.unregister_reader(fd):
            return True
        return super().remove_reader(fd)

    def run_forever(self) -> None:
        """As asyncio's."""
        # First of all: Python 3.13.0 clears up after a run that it refuses, and the run that goes on has no loop then.
        self._check_running()  # type: ignore[attr-defined]
        turn = self._turn
        turn.running(True)
        try:
            super().run_forever()
        finally:
            turn.running(False)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make an asyncio event loop that flushes Waterspout's streams without an additional pass.

    It is an ordinary `asyncio.SelectorEventLoop` on every platform and fits wherever asyncio takes a loop factory:
    ``asyncio.Runner(loop_factory=new_event_loop)``.  The caller closes it.
    """
    return TurnEventLoop()


new_event_loop.__module__ = "waterspout.ioloop"


def turn_of(loop: asyncio.AbstractEventLoop) -> SelectorTurn | CallSoonTurn:
    """The one turn of ``loop``; made and attached (where the loop takes attributes) if it has none."""
    turn: SelectorTurn | CallSoonTurn | None = getattr(loop, TURN_ATTRIBUTE, None)
    if turn is None:
        turn = CallSoonTurn(loop.call_soon, loop.is_running)
        try:
            setattr(loop, TURN_ATTRIBUTE, turn)
        except AttributeError:
            return turn  # a loop without a __dict__: its IOLoop holds the turn
    return turn
