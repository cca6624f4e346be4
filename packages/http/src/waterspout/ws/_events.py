"""What `Connection.receive` gives.

The classes are slotted and not frozen on purpose: the receiving path makes them without calling a Python function,
and assigning to a frozen instance would take one. Treat them as values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["BinaryMessage", "Close", "Event", "Ping", "Pong", "ProtocolError", "TextMessage"]


@dataclass(slots=True)
class TextMessage:
    """A whole text message."""

    __module__ = "waterspout.ws"

    data: str


@dataclass(slots=True)
class BinaryMessage:
    """A whole binary message."""

    __module__ = "waterspout.ws"

    data: bytes


@dataclass(slots=True)
class Ping:
    """A Ping frame. While the connection is open, answer with `Connection.pong(data)`; only the latest needs it."""

    __module__ = "waterspout.ws"

    data: bytes


@dataclass(slots=True)
class Pong:
    """A Pong frame: an answer to `Connection.ping`, or unasked."""

    __module__ = "waterspout.ws"

    data: bytes


@dataclass(slots=True)
class Close:
    """The peer's Close frame; `code` is None where it has none. The last event.

    If `Connection.state` is ``PEER_CLOSED``, send what `Connection.close(code)` gives; then close (server) or wait
    for the server to close (client).
    """

    __module__ = "waterspout.ws"

    code: int | None
    reason: str


@dataclass(slots=True)
class ProtocolError:
    """The peer broke the protocol or passed a limit. The last event; what comes after is not read.

    If `Connection.state` is ``FAILED``, send what `Connection.close(code, reason)` gives; then close in any case.
    """

    __module__ = "waterspout.ws"

    code: int
    reason: str


Event: TypeAlias = TextMessage | BinaryMessage | Ping | Pong | Close | ProtocolError
