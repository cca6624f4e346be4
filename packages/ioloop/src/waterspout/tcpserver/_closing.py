"""Closing a listening socket without losing the clients that wait on it.

A client whose handshake the kernel has completed believes to be connected, and may have sent its request, before
anybody accepts it; closing the listening socket resets it. So what waits is accepted first. Between the last accept and
the close another one may complete: on Linux a filter on the socket drops opening segments from then on (the client
tries again after a second, and then finds the port closed, which is an honest answer), while handshakes that are under
way may still complete.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

#: Seconds for handshakes that are under way when a server stops: more than the round trip of most clients.
HANDSHAKE_TIME: Final = 0.1

_SO_ATTACH_FILTER: Final = 26
#: Classic BPF over the TCP header, for `struct sock_filter` (code, jump if true, jump if false, operand):
#: load the byte of flags; if SYN is set without ACK drop the segment, else pass it.
_DROP_OPENING_SEGMENTS: Final = (
    (0x30, 0, 0, 13),  # ldb [13]
    (0x54, 0, 0, 0x12),  # and #SYN|ACK
    (0x15, 0, 1, 0x02),  # jeq #SYN
    (0x06, 0, 0, 0),  # ret #0
    (0x06, 0, 0, 0xFFFFFFFF),  # ret #-1
)


def refuse_new_handshakes(sock: socket.socket) -> bool:
    """Have the kernel complete no further handshake on the listening *sock*; whether it can.

    It holds for all processes that share the socket, for good.
    """
    if sock.family == getattr(socket, "AF_UNIX", None):
        return _unlink(sock)
    if not sys.platform.startswith("linux"):
        return False
    import ctypes
    import struct

    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_OPENING_SEGMENTS)
    buffer = ctypes.create_string_buffer(program, len(program))
    try:
        sock.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", len(_DROP_OPENING_SEGMENTS), ctypes.addressof(buffer)),
        )
    except OSError:  # a kernel without socket filters: as on other platforms
        return False
    return True


def _unlink(sock: socket.socket) -> bool:
    """Take the path of a UNIX socket away, if it still is this socket's."""
    path = sock.getsockname()
    if not path or path[0] in ("\0", 0):  # abstract: there is nothing to take away
        return False
    with suppress(OSError):
        os.unlink(path)
        return True
    return False


def accept_waiting(sock: socket.socket, handle: Callable[[socket.socket, Any], object]) -> int:
    """Accept what waits on *sock* now and give each connection to *handle*; returns how many there were."""
    count = 0
    while True:
        try:
            connection, address = sock.accept()
        except (BlockingIOError, InterruptedError):
            return count
        except OSError as error:
            if error.errno in (errno.ECONNABORTED, errno.EPROTO):
                continue  # this client is gone already
            return count
        count += 1
        handle(connection, address)
