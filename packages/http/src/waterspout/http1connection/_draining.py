"""Ending a connection without losing a request: what a draining server asks of each.

HTTP/1.1 has no way to say "no more" on a connection that is silent (RFC 9112, 9.5: a client may send a request while we
close). What can be done is done: each response says `Connection: close` - unless another request has arrived already,
which is served first; and a connection is closed as idle only if the kernel holds nothing of it.
"""

from __future__ import annotations

import select
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from waterspout.http1connection._phase import Phase

if TYPE_CHECKING:
    from waterspout.http1connection._server_connection import HTTP1ServerConnection

__all__ = ["another_has_come", "close_if_idle", "drain"]


def drain(connection: HTTP1ServerConnection) -> None:
    """Have *connection* end after what has been asked on it so far; it stays open while it is idle."""
    if connection.draining or connection.params.no_keep_alive:
        return
    connection.draining = True
    # In place of a question at each request of a server that is not draining.
    connection.params = replace(connection.params, no_keep_alive=True)
    connection._keep = False


def another_has_come(connection: HTTP1ServerConnection) -> bool:
    """Whether a draining *connection* must answer a further request after the present one, as it is here already."""
    request = connection.request
    if not connection.draining or request is None or not request.keep_alive:
        return False
    return bool(connection._reader.held or connection._pipelined) or _kernel_holds_input(connection.stream.socket)


def close_if_idle(connection: HTTP1ServerConnection) -> bool:
    """Close *connection* if it waits for a request and nothing of one has arrived, not even in the kernel."""
    if connection.phase is not Phase.IDLE or connection.is_busy():
        return False
    if _kernel_holds_input(connection.stream.socket):
        return False  # the loop will read it in its next turn
    connection.stream.close_after_flush()
    return True


def _kernel_holds_input(sock: socket.socket) -> bool:
    """Whether reading *sock* would give something, be it the end. Costs a system call; asked only while draining."""
    try:
        number = sock.fileno()
        if number < 0:
            return False
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([sock], [], [], 0)[0])
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
    except OSError:
        return False
