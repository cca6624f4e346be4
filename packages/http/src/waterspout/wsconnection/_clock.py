"""What a loop's connections share: wheels of deadlines, the Future of a message that need not be waited for, and which
burst of messages is the first of a turn."""

from __future__ import annotations

from asyncio import Future
from typing import Final

from waterspout.ioloop import Deadlines, IOLoop

__all__ = ["deadlines_for", "first_burst", "sent_future"]

#: Ticks that fit into the shortest of a connection's times: what comes late is late by less than a quarter.
_TICKS: Final = 4
_FINEST: Final = 1 / 256
#: Where a loop carries its wheels, by their resolution.
_ATTRIBUTE: Final = "_websocket_deadlines"
_SENT: Final = "_websocket_sent"
_BURST: Final = "_websocket_burst"


def deadlines_for(io_loop: IOLoop, shortest: float) -> Deadlines:
    """The wheel of *io_loop* that is fine enough for times of *shortest* seconds and more.

    Resolutions are powers of two, so that a loop has a handful of wheels at most, and mostly one with ticks of
    a second.
    """
    resolution = 1.0
    while resolution * _TICKS > shortest and resolution > _FINEST:
        resolution /= 2
    wheels: dict[float, Deadlines] = io_loop.__dict__.setdefault(_ATTRIBUTE, {})
    wheel = wheels.get(resolution)
    if wheel is None:
        wheel = wheels[resolution] = Deadlines(io_loop, resolution)
    return wheel


def sent_future(io_loop: IOLoop) -> Future[None]:
    """The Future of *io_loop* that is done: one for all messages that are queued within the high-water mark."""
    future: Future[None] | None = io_loop.__dict__.get(_SENT)
    if future is None:
        future = io_loop.__dict__[_SENT] = io_loop.asyncio_loop.create_future()
        future.set_result(None)
    return future


def first_burst(io_loop: IOLoop) -> bool:
    """Whether nobody has asked this in the present turn of *io_loop*.

    A message for many connections is best sent at once: nothing is kept for each of them. Several in one turn are best
    collected, so that each connection costs one system call for all of them.
    """
    state = io_loop.__dict__
    if _BURST in state:
        return False
    state[_BURST] = True
    io_loop.asyncio_loop.call_soon(state.pop, _BURST, None)
    return True
