"""The event loop that Waterspout makes: asyncio's selector loop, whose selector flushes the turn before it waits."""

from __future__ import annotations

import asyncio
import selectors
from threading import get_ident

from waterspout.ioloop._turn import CallSoonTurn, SelectorTurn

#: The attribute by which an asyncio loop carries its turn.
TURN_ATTRIBUTE = "_waterspout_turn"


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


class TurnEventLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop; its turn knows the thread that runs it.

    To compare two thread identities is all that `IOLoop.add_callback` needs; ``asyncio.get_running_loop`` asks the
    system for the process id at each call (Python 3.11), which costs more than all the rest.
    """

    def __init__(self) -> None:
        turn = SelectorTurn()
        super().__init__(FlushingSelector(turn))
        setattr(self, TURN_ATTRIBUTE, turn)
        self._turn = turn

    def run_forever(self) -> None:
        """As asyncio's."""
        turn = self._turn
        before, turn.thread = turn.thread, get_ident()
        turn.running(True)
        try:
            super().run_forever()
        finally:
            turn.thread = before  # not None: this may have been a second run inside the first, which is refused
            turn.running(before is not None)


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
