"""The service manager's side of a server: sockets that it has opened, and what it wants to hear (sd_listen_fds(3),
sd_notify(3)). Plain environment variables and one datagram socket; nothing happens where they are not set."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

from waterspout.log import gen_log

__all__ = ["Notifier", "activated_sockets"]

FIRST_FD: Final = 3  # SD_LISTEN_FDS_START


def activated_sockets(environ: MutableMapping[str, str] | None = None) -> list[tuple[str, socket.socket]]:
    """The listening sockets that systemd (or another manager that speaks its protocol) has passed to this process.

    As pairs of name (``FileDescriptorName=`` of the socket unit, ``"unknown"`` without one) and socket, non-blocking
    and not inherited by programs that are started. Empty without ``LISTEN_FDS``, or where that is for another process
    (``LISTEN_PID``). The variables are removed, so that children do not take the sockets for theirs; a second call
    finds none.

    Raises ValueError for variables that make no sense, OSError for a descriptor that is no listening stream socket.
    """
    environ = os.environ if environ is None else environ
    count, pid = environ.get("LISTEN_FDS"), environ.get("LISTEN_PID")
    names = environ.get("LISTEN_FDNAMES", "")
    if count is None or pid is None or pid != str(os.getpid()):
        return []
    for variable in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        environ.pop(variable, None)
    if not (count.isascii() and count.isdigit()):
        raise ValueError(f"LISTEN_FDS is {count!r}: it should be the number of sockets passed")
    labels = names.split(":") if names else []
    return [(labels[n] if n < len(labels) else "unknown", _adopt(FIRST_FD + n)) for n in range(int(count))]


activated_sockets.__module__ = "waterspout.httpserver"


def _adopt(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise OSError(error.errno, f"descriptor {fd}, passed by LISTEN_FDS, is no socket: {error.strerror}") from error
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise OSError(f"descriptor {fd}, passed by LISTEN_FDS, is not a listening stream socket: see ListenStream=")
    sock.setblocking(False)
    return sock


class Notifier:
    """Tells the service manager how the server is doing. Does nothing where ``NOTIFY_SOCKET`` is not set.

    `watchdog` is the number of seconds within which the manager wants to hear `alive`, None if it does not.
    """

    __module__ = "waterspout.httpserver"

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        """Takes ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID`` out of *environ*: they are for this process."""
        environ = os.environ if environ is None else environ
        self._address = environ.pop("NOTIFY_SOCKET", None)
        interval = environ.pop("WATCHDOG_USEC", None)
        pid = environ.pop("WATCHDOG_PID", None)
        self.watchdog: float | None = None
        if self._address is not None and interval and interval.isdecimal() and pid in (None, str(os.getpid())):
            self.watchdog = int(interval) / 1e6
        self._socket: socket.socket | None = None

    @property
    def active(self) -> bool:
        """Whether anybody listens."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """The server accepts; *status* is shown by ``systemctl status``."""
        self._send("READY=1", *([f"STATUS={status}"] if status else ()))

    def stopping(self) -> None:
        """The server has begun to stop."""
        self._send("STOPPING=1")

    def reloading(self) -> None:
        """The workers are being replaced; say `ready` when they are."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def alive(self) -> None:
        """The server is not stuck."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Free the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                self._socket.setblocking(False)
            self._socket.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            gen_log.warning("Cannot tell the service manager %s at %s: %s", lines[0], self._address, error)
