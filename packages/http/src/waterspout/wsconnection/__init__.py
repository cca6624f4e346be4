"""WebSocket connections over an `IOStream`: the codec of `waterspout.ws` with pings, closing and back-pressure."""

from waterspout.wsconnection._clock import first_burst
from waterspout.wsconnection._connection import WebSocketConnection
from waterspout.wsconnection._errors import WebSocketClosedError, WebSocketError
from waterspout.wsconnection._options import compression_options
from waterspout.wsconnection._overflow import Overflow
from waterspout.wsconnection._owner import WebSocketOwner

__all__ = [
    "Overflow",
    "WebSocketClosedError",
    "WebSocketConnection",
    "WebSocketError",
    "WebSocketOwner",
    "compression_options",
    "first_burst",
]
