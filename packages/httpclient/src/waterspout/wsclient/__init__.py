"""WebSockets for scripts and services: `websocket_connect`."""

from waterspout.wsclient._client import WebSocketClientConnection
from waterspout.wsclient._connect import websocket_connect

__all__ = ["WebSocketClientConnection", "websocket_connect"]
