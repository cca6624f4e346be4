"""The sockets of a server with several processes.

On Linux each worker gets a socket of its own on the same port (SO_REUSEPORT), so that the kernel spreads connections;
of one shared socket each worker is woken for each connection, and the first takes all that wait. All are made by the
supervisor, which keeps them while workers come and go: a socket that a worker made would take the clients that wait on
it along when it ends. Elsewhere, for UNIX sockets and for those that were given to us, all workers share.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from waterspout.netutil import bind_sockets, bind_unix_socket

__all__ = ["bind_places"]


def bind_places(
    workers: int,
    port: int | None,
    address: str | None,
    unix_socket: str | None,
    unix_socket_mode: int = 0o600,
    *,
    reuse_port: bool | None = None,
    backlog: int = 4096,
) -> list[Sequence[socket.socket]]:
    """For each worker the sockets that it accepts on. Raises OSError, whose message names the port or path."""
    shared: list[socket.socket] = []
    places: list[list[socket.socket]] = [[] for _ in range(workers)]
    try:
        if unix_socket is not None:
            shared.append(bind_unix_socket(unix_socket, unix_socket_mode, backlog))
        if port is not None:
            if reuse_port is None:
                reuse_port = sys.platform.startswith("linux") and workers > 1
            first = bind_sockets(port, address, backlog=backlog)
            if not reuse_port:
                shared += first
            else:
                # The first bind was without SO_REUSEPORT: it fails if somebody else has the port, which the others
                # would then share with us, without a word.
                names = [sock.getsockname() for sock in first]
                families = [sock.family for sock in first]
                for sock in first:
                    sock.close()
                for place in places:
                    for family, name in zip(families, names, strict=True):
                        place += bind_sockets(name[1], name[0], family, backlog, reuse_port=True)
    except BaseException:
        for sock in [*shared, *(sock for place in places for sock in place)]:
            sock.close()
        raise
    return [[*place, *shared] for place in places]
