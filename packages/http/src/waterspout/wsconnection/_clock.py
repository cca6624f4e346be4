"""The wheels of deadlines that a loop's connections share."""

from __future__ import annotations

from typing import Final

from waterspout.ioloop import Deadlines, IOLoop

__all__ = ["deadlines_for"]

#: Ticks that fit into the shortest of a connection's times: what comes late is late by less than a quarter.
_TICKS: Final = 4
_FINEST: Final = 1 / 256
#: Where a loop carries its wheels, by their resolution.
_ATTRIBUTE: Final = "_websocket_deadlines"


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
