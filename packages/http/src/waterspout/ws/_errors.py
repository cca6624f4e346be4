"""Errors of the codec.

Exception
 +-- ClosedError            the caller sends on a connection that is no longer open
 +-- NegotiationError       the server's answer to our extension offer cannot be accepted (client only)
 +-- ProtocolViolation      internal: the peer broke the protocol; `Connection.receive` makes an event of it
"""

from __future__ import annotations

__all__ = ["ClosedError", "NegotiationError", "ProtocolViolation"]


class ClosedError(Exception):
    """A message or control frame cannot be sent: the closing handshake has begun, or the peer broke the protocol."""

    __module__ = "waterspout.ws"


class NegotiationError(Exception):
    """The server agreed to an extension that was not offered that way; the client has to fail the connection."""

    __module__ = "waterspout.ws"


class ProtocolViolation(Exception):
    """The peer did what it must not. `code` is the close code to answer with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
