"""Starting the program again: what the process knows for it, the hooks, and the restart itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NoReturn
from weakref import WeakSet

from waterspout.autoreload._report import Report
from waterspout.autoreload._watcher import Watcher
from waterspout.ioloop import IOLoop
from waterspout.log import gen_log


class Process:
    """What there is once for a process that may restart itself."""

    def __init__(self) -> None:
        self.watcher = Watcher()
        self.files: set[str] = set()  # those that are watched besides the modules'
        self.hooks: list[Callable[[], Any]] = []
        self.loops: WeakSet[IOLoop] = WeakSet()  # that `start` was called on
        self.report: Report | None = None  # to the supervisor, if there is one
        self.folder = _current_folder()  # relative names on the command line start here


def _current_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return None


process = Process()


def add_reload_hook(fn: Callable[[], Any]) -> None:
    """Have ``fn()`` called just before the process restarts: to close what would otherwise stay open.

    For files and sockets this is not needed unless they are inheritable.
    """
    process.hooks.append(fn)


add_reload_hook.__module__ = "waterspout.autoreload"


def reload() -> NoReturn:
    """Run the hooks and start the program again, with the interpreter options and arguments it was started with."""
    for hook in process.hooks:
        try:
            hook()
        except Exception:  # the others, and the restart, are still wanted
            gen_log.error("Exception in reload hook %r", hook, exc_info=True)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if process.report is not None:
        process.report.ask_for_restart()
        os._exit(0)  # as an exec would: no clean-up but the hooks
    if process.folder is not None:
        os.chdir(process.folder)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm would outlive the exec, its handler would not
    command = [sys.executable, *sys.orig_argv[1:]]
    if sys.platform == "win32":
        # exec quotes nothing there, and the console would not wait for the new process.
        subprocess.Popen(command)
        os._exit(0)
    os.execv(sys.executable, command)
