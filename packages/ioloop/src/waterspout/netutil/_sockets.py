"""bind_sockets: listening TCP sockets for a port on all addresses of an interface."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import TYPE_CHECKING, Final

from waterspout.netutil._unix import bind_unix_socket, unix_path

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Connections that may wait to be accepted.  Linux' default of ``net.core.somaxconn``, which bounds it; with 128 a
#: burst of clients loses SYNs, a second each.
DEFAULT_BACKLOG: Final = 4096

#: Attempts to find a port that is free in IPv4 and IPv6 when any port will do.
_ANY_PORT_ATTEMPTS: Final = 10


def bind_sockets(
    port: int | str,
    address: str | None = None,
    family: socket.AddressFamily = socket.AF_UNSPEC,
    backlog: int = DEFAULT_BACKLOG,
    flags: int | None = None,
    reuse_port: bool = False,
) -> list[socket.socket]:
    """Make non-blocking sockets that listen on ``port``: one for each address that ``address`` means.

    ``address`` is an IP address, a host name (all its addresses are bound) or ``None`` or ``""`` for all interfaces, by
    IPv4 and, where it is there, IPv6; ``family`` restricts it to one of them.  ``"unix:/path"`` makes a UNIX socket and
    ignores the port.  With port 0 the system chooses one, the same for all sockets.  ``flags`` goes to ``getaddrinfo``
    (default ``AI_PASSIVE``).  ``reuse_port`` lets several processes bind the port; ValueError where the platform lacks
    it.  A port may be text, as the environment has it: ``"8888"``, or a service's name.

    ValueError for a port that is none (0 to 65535): the system's tables would make another one of it.
    OSError with the system's ``errno`` and a message that names address and port (``port 8888 is in use``), and where
    the system tells (Linux) the process that holds it.
    """
    path = unix_path(address)
    if path is not None:
        return [bind_unix_socket(path, backlog=backlog)]
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("reuse_port=True: this platform has no SO_REUSEPORT")
    if isinstance(port, str) and (port == "" or port.lstrip("+-").isdecimal()):
        if not (port.isascii() and port.isdigit()):
            raise ValueError(f"{port!r} is no port (0-65535)")
        port = int(port)
    if isinstance(port, int) and not 0 <= port <= 65535:
        raise ValueError(f"{port} is no port (0-65535)")
    if address == "":
        address = None
    if address is None and not socket.has_ipv6 and family == socket.AF_UNSPEC:
        family = socket.AF_INET
    try:
        found = socket.getaddrinfo(
            address, port, family, socket.SOCK_STREAM, 0, socket.AI_PASSIVE if flags is None else flags
        )
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"cannot resolve {address!r} to listen on: {error.strerror}") from error
    number = int(found[0][4][1])
    # The same address can come twice; IPv4 first, as a port chosen for it is then asked for in IPv6.
    places = sorted({(entry[0], entry[4]) for entry in found}, key=lambda place: (place[0] != socket.AF_INET, place[1]))
    attempts = _ANY_PORT_ATTEMPTS if number == 0 and len(places) > 1 else 1
    while True:
        attempts -= 1
        try:
            return _bind_all(places, number, backlog, reuse_port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not attempts:
                raise


bind_sockets.__module__ = "waterspout.netutil"


def _bind_all(
    places: Sequence[tuple[socket.AddressFamily, tuple[object, ...]]], port: int, backlog: int, reuse_port: bool
) -> list[socket.socket]:
    """One socket for each place, or none at all."""
    bound: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, where in places:
            host = str(where[0])
            chosen = port or (bound[0].getsockname()[1] if bound else 0)
            try:
                bound.append(_bind_one(family, (host, chosen, *where[2:]), backlog, reuse_port))
            except OSError as error:
                if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) and family == socket.AF_INET6:
                    missing = error  # IPv6 is compiled in and switched off, or an interface lacks it
                    continue
                raise
        if not bound and missing is not None:
            raise missing
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    return bound


def _bind_one(family: socket.AddressFamily, where: tuple[object, ...], backlog: int, reuse_port: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # there it would let two processes take the same port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
        sock.setblocking(False)
        sock.bind(where)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, _why(error, str(where[0]), where[1])) from error
    except BaseException:
        sock.close()
        raise
    return sock


def _why(error: OSError, host: str, port: object) -> str:
    if error.errno == errno.EADDRINUSE:
        from waterspout.netutil._holder import holder_of  # only where there is something to tell

        holder = holder_of(int(str(port))) or "another process"
        done = "choose another port" if holder == "this process" else "stop it or choose another port"
        return f"port {port} is in use (on {host}): {holder} listens there, {done}"
    if error.errno == errno.EACCES and sys.platform != "win32":
        return f"no permission to listen on port {port} (on {host}): ports below 1024 need a privilege"
    return f"cannot listen on port {port} of {host}: {error.strerror}"
