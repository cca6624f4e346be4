"""Errors of WebSockets that are shared by handler and client.

Exception
 +-- WebSocketError
      +-- WebSocketClosedError   a message is sent on a connection that is closed, or closing
"""

from __future__ import annotations

__all__ = ["WebSocketClosedError", "WebSocketError"]


class WebSocketError(Exception):
    """Something went wrong with a WebSocket."""

    __module__ = "waterspout.wsconnection"


class WebSocketClosedError(WebSocketError):
    """Nothing can be sent any more: the connection is closed, or the closing handshake has begun."""

    __module__ = "waterspout.wsconnection"
