"""UNIX domain sockets: where an address may be a path."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Final

_DEFAULT_BACKLOG: Final = 4096
_PREFIX: Final = "unix:"


def unix_path(address: str | None) -> str | None:
    """The path in ``"unix:/path"`` (``"unix:@name"``: a Linux abstract name), None for any other address."""
    if address is None or not address.startswith(_PREFIX):
        return None
    path = address[len(_PREFIX) :]
    if not path:
        raise ValueError("the address 'unix:' lacks its path")
    return "\0" + path[1:] if path.startswith("@") else path


def bind_unix_socket(file: str | bytes, mode: int = 0o600, backlog: int = _DEFAULT_BACKLOG) -> socket.socket:
    r"""Make a non-blocking UNIX socket that listens at the path ``file`` with the permissions ``mode``.

    A socket that is left there is replaced.  Anything else at the path is left alone: ValueError (OT3); a symbolic link
    is not followed.  The permissions hold before anybody can connect.  A name that begins with ``\0`` is in Linux's
    abstract namespace: no file, no permissions.  OSError names the path.
    """
    name = os.fsencode(file)
    abstract = name.startswith(b"\0")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if not abstract:
            _remove_stale(name)
        try:
            # chmod after bind and before listen: nobody can connect between.  Not umask: it is the whole process's.
            sock.bind(name)
            if not abstract:
                os.chmod(name, mode)
            sock.listen(backlog)
        except OSError as error:
            number = error.errno or errno.EINVAL
            raise OSError(number, f"cannot listen on the UNIX socket {file!r}: {error.strerror or error}") from error
    except BaseException:
        sock.close()
        raise
    return sock


bind_unix_socket.__module__ = "waterspout.netutil"


def _remove_stale(name: bytes) -> None:
    try:
        found = os.lstat(name)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ValueError(f"File {os.fsdecode(name)!r} exists and is not a socket: choose another path or remove it")
    os.remove(name)
