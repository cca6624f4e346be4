"""Who we are, and how far the closing handshake has come (RFC 6455, 7.1).

OPEN --we sent Close--> CLOSING --Close came, or the peer broke the protocol--> CLOSED
OPEN --Close came--> PEER_CLOSED --we sent Close--> CLOSED
OPEN --the peer broke the protocol--> FAILED --we sent Close--> CLOSED
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["Role", "State"]


class Role(enum.Enum):
    """Which end of the connection this is. Clients mask what they send, servers do not (RFC 6455, 5.1)."""

    CLIENT = "client"
    SERVER = "server"


class State(enum.Enum):
    """How far the closing handshake has come. Messages can be sent while it is `OPEN` only."""

    OPEN = enum.auto()
    #: Our Close frame is sent; the peer's is awaited, and messages may still come before it.
    CLOSING = enum.auto()
    #: The peer's Close frame has come; ours is due.
    PEER_CLOSED = enum.auto()
    #: The peer broke the protocol; a Close frame that says so is due. Nothing more is read.
    FAILED = enum.auto()
    #: Nothing more is to be sent or read. The server closes the TCP connection now (7.1.1).
    CLOSED = enum.auto()


class Happening(enum.Enum):
    """What moves a connection from one `State` to the next."""

    CLOSE_SENT = enum.auto()
    CLOSE_RECEIVED = enum.auto()
    PROTOCOL_BROKEN = enum.auto()


TRANSITIONS: Final = {
    (State.OPEN, Happening.CLOSE_SENT): State.CLOSING,
    (State.OPEN, Happening.CLOSE_RECEIVED): State.PEER_CLOSED,
    (State.OPEN, Happening.PROTOCOL_BROKEN): State.FAILED,
    (State.CLOSING, Happening.CLOSE_RECEIVED): State.CLOSED,
    (State.CLOSING, Happening.PROTOCOL_BROKEN): State.CLOSED,
    (State.PEER_CLOSED, Happening.CLOSE_SENT): State.CLOSED,
    (State.FAILED, Happening.CLOSE_SENT): State.CLOSED,
}

for _public in (Role, State):
    _public.__module__ = "waterspout.ws"
del _public
