"""Who listens on a port already: looked up where the system tells (Linux, /proc), for the error that says so."""

from __future__ import annotations

import contextlib
import os
from typing import Final

#: The state of a listening socket in the kernel's tables.
_LISTENING: Final = "0A"

#: Descriptors that are looked at, some 5 microseconds each: the error should not wait for a machine full of them.
_MOST: Final = 50_000


def holder_of(port: int) -> str | None:
    """Who listens on *port*, as ``python app.py (pid 123)``, or ``this process``; None if that cannot be told.

    Best effort: other users' processes are not seen, and whatever is unexpected there is no error.
    """
    try:
        return _search({f"socket:[{inode}]" for inode in _listening(port)})
    except (OSError, ValueError, LookupError):  # not Linux, or tables unlike those that are known
        return None


def _search(sockets: set[str]) -> str | None:
    if not sockets:
        return None
    left = _MOST
    for process in ("self", *filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            descriptors = os.listdir(f"/proc/{process}/fd")
            left -= len(descriptors)
            if left < 0:
                return None
            if any(_is_one_of(sockets, f"/proc/{process}/fd/{descriptor}") for descriptor in descriptors):
                return "this process" if process == "self" else f"{_command(process)} (pid {process})"
    return None


def _is_one_of(sockets: set[str], path: str) -> bool:
    try:
        return os.readlink(path) in sockets
    except FileNotFoundError:  # closed meanwhile; the others count
        return False


def _listening(port: int) -> set[str]:
    """The inodes of the sockets that listen on *port*; columns as proc(5) has them."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table, encoding="ascii") as file:  # there may be no IPv6
            next(file, None)  # the heading
            for line in file:
                columns = line.split()
                if columns[3] != _LISTENING:
                    break  # those that listen come first, and connections may be many
                if int(columns[1].rpartition(":")[2], 16) == port:
                    inodes.add(columns[9])
    return inodes


def _command(process: str) -> str:
    """The program and what it runs; no other arguments: a log is no place for what they may tell."""
    with open(f"/proc/{process}/cmdline", "rb") as file:
        program, *arguments = file.read().rstrip(b"\0").split(b"\0")
    runs = arguments[: 2 if arguments[:1] == [b"-m"] else 1]
    if runs and runs[0].startswith(b"-") and runs[0] != b"-m":
        runs = []
    text = b" ".join([os.path.basename(program), *runs]).decode("utf-8", "replace")
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= 80 else shown[:77] + "..."
