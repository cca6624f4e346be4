"""Ports that nobody uses."""

from __future__ import annotations

import socket

from waterspout.netutil import bind_sockets


def bind_unused_port(reuse_port: bool = False, address: str = "127.0.0.1") -> tuple[socket.socket, int]:
    """A listening socket on a port that the system chose, and the port's number. The caller closes it.

    ``reuse_port``: with SO_REUSEPORT, so that others may bind to the same port.
    """
    sock = bind_sockets(0, address, family=socket.AF_INET, reuse_port=reuse_port)[0]
    return sock, sock.getsockname()[1]


bind_unused_port.__module__ = "waterspout.asynctest"
