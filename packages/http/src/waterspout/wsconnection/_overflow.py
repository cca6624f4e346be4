"""What is done with messages for a peer that does not take them fast enough."""

from __future__ import annotations

import enum

__all__ = ["Overflow"]


class Overflow(enum.Enum):
    """The policy of a connection whose queue of output is above its high-water mark."""

    __module__ = "waterspout.wsconnection"

    #: The message is queued; what sending returns is done when the queue is empty again. Whoever awaits it is slowed
    #: down to the peer's pace, whoever does not can fill the memory.
    WAIT = "wait"
    #: The message is not sent; `WebSocketConnection.dropped` counts it. For news that will be out of date anyway.
    DROP = "drop"
    #: The message is not sent, and the connection is closed with code 1008.
    CLOSE = "close"
