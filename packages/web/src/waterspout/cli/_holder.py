"""Who listens on a port already: looked up where the system tells (Linux, /proc)."""

from __future__ import annotations

import contextlib
import os

__all__ = ["holder_of"]

LISTENING = "0A"


def holder_of(port: int) -> str | None:
    """The process that listens on *port*, as ``python app.py (pid 123)``; None if that cannot be told."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    if not sockets:
        return None
    try:
        processes = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return None
    for process in processes:
        try:
            if _holds(process, sockets):
                return f"{_command(process)} (pid {process})"
        except OSError:  # it has ended, or is somebody else's
            continue
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
        try:
            with open(table) as file:
                lines = file.read().splitlines()[1:]
        except OSError:  # not Linux, or no IPv6
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    return inodes


def _command(process: str) -> str:
    with open(f"/proc/{process}/cmdline", "rb") as file:
        words = file.read().rstrip(b"\0").split(b"\0")
    words[0] = os.path.basename(words[0])
    text = b" ".join(words).decode("utf-8", "replace")
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= 80 else shown[:77] + "..."
