"""Who listens on a port already: looked up where the system tells (Linux, /proc), for the error that says so."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Final

#: The state of a listening socket in the kernel's tables.
_LISTENING: Final = "0A"

#: Seconds after which the search is given up: on a machine with very many descriptors the error should not wait for it.
_PATIENCE: Final = 0.2


def holder_of(port: int) -> str | None:
    """Who listens on *port*, as ``python app.py (pid 123)``, or ``this process``; None if that cannot be told.

    Best effort: other users' processes are not seen, and whatever is unexpected there is no error.
    """
    try:
        return _search({f"socket:[{inode}]" for inode in _listening(port)}, time.monotonic() + _PATIENCE)
    except (OSError, ValueError, LookupError):  # not Linux, or tables unlike those that are known
        return None


def _search(sockets: set[str], deadline: float) -> str | None:
    if not sockets:
        return None
    if _holds("self", sockets):
        return "this process"
    for process in filter(str.isdigit, os.listdir("/proc")):
        if time.monotonic() > deadline:
            break
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            if _holds(process, sockets):
                return f"{_command(process)} (pid {process})"
    return None


def _holds(process: str, sockets: set[str]) -> bool:
    for descriptor in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile; the others count
            if os.readlink(f"/proc/{process}/fd/{descriptor}") in sockets:
                return True
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
