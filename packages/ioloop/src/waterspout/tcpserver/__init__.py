"""TCPServer: a server for stream sockets, with TLS and forking."""

from waterspout.tcpserver._server import TCPServer

__all__ = ["TCPServer"]
