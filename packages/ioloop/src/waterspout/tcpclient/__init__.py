"""TCPClient: connections to servers, by name."""

from waterspout.tcpclient._client import TCPClient

__all__ = ["TCPClient"]
