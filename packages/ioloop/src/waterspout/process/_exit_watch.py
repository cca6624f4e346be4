"""Learning that a child process has ended, without a signal handler and without waiting for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from waterspout.ioloop import IOLoop


class PidFile:
    """A file descriptor that becomes readable when a process ends (Linux)."""

    __slots__ = ("_fd",)

    def __init__(self, pid: int) -> None:
        self._fd = -1
        self._fd = os.pidfd_open(pid)

    def fileno(self) -> int:
        """The descriptor; -1 when closed."""
        return self._fd

    def close(self) -> None:
        """Close it; may be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()  # the loop was closed before the process ended


def watch_exit(io_loop: IOLoop, proc: subprocess.Popen[Any], callback: Callable[[], None]) -> None:
    """Call ``callback()`` on the loop when ``proc`` has ended and was reaped; its ``returncode`` is set then."""
    if sys.platform == "linux":
        try:
            pid_file = PidFile(proc.pid)
        except OSError:
            pass  # an old kernel, a sandbox that forbids it, no file descriptor left: a thread can do it, too
        else:
            _watch_file(io_loop, proc, pid_file, callback)
            return
    thread = threading.Thread(
        target=_wait_in_thread, args=(io_loop, proc, callback), name=f"waterspout wait for {proc.pid}", daemon=True
    )
    thread.start()


def _watch_file(io_loop: IOLoop, proc: subprocess.Popen[Any], pid_file: PidFile, callback: Callable[[], None]) -> None:
    def ended(_file: PidFile, _events: int) -> None:
        io_loop.remove_handler(pid_file)
        pid_file.close()
        proc.wait()  # at once: it has ended
        callback()

    io_loop.add_handler(pid_file, ended, IOLoop.READ)


def _wait_in_thread(io_loop: IOLoop, proc: subprocess.Popen[Any], callback: Callable[[], None]) -> None:
    proc.wait()
    io_loop.add_callback(callback)
