"""WebSockets: `WebSocketHandler` for servers, `websocket_connect` for clients."""

from waterspout.websocket._broadcast import broadcast
from waterspout.websocket._handler import WebSocketHandler
from waterspout.websocket._protocol import WebSocketProtocol, WebSocketProtocol13
from waterspout.wsclient import WebSocketClientConnection, websocket_connect
from waterspout.wsconnection import Overflow, WebSocketClosedError, WebSocketError

__all__ = [
    "Overflow",
    "WebSocketClientConnection",
    "WebSocketClosedError",
    "WebSocketError",
    "WebSocketHandler",
    "WebSocketProtocol",
    "WebSocketProtocol13",
    "broadcast",
    "websocket_connect",
]
