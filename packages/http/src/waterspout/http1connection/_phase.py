"""What a server connection is waiting for."""

from __future__ import annotations

from enum import Enum

__all__ = ["Phase"]


class Phase(Enum):
    """What a server connection is waiting for."""

    __module__ = "waterspout.http1connection"

    IDLE = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    ANSWERING = "the application's answer"
    LINGERING = "the peer to see our last answer and close"
    CLOSED = "nothing: closed or handed over"
