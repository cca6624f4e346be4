"""Watching from inside a program: on its loop, or instead of ending."""

from __future__ import annotations

import asyncio
import os
import time
from itertools import islice

from waterspout.autoreload._restart import process, reload
from waterspout.autoreload._watcher import module_files
from waterspout.ioloop import IOLoop, PeriodicCallback
from waterspout.log import gen_log

#: Files that are looked at in one turn of the loop (about a millisecond), so that 10,000 do not hold up a server.
FILES_PER_TURN = 500

#: What `process.fork_processes` says once this process watches.
FORK_REFUSAL = (
    "autoreload cannot work together with several processes, because each would start the whole program again:"
    " set autoreload=False (debug=True turns it on), or serve from a single process"
)

#: Seconds between two looks of `wait`.
WAIT_INTERVAL = 0.3


def watch(filename: str) -> None:
    """Watch a file besides the modules' own, for example a template; it need not exist yet.

    A folder counts as changed when a file in it is made, renamed or deleted.
    """
    process.files.add(os.path.abspath(filename))


def start(check_time: int = 500, *, despite_errors: bool = False) -> None:
    """Watch all loaded modules' files from the current loop, every ``check_time`` milliseconds.

    When one has changed and can be loaded, the process starts again; while it has a syntax error, the process goes on
    as it is. ``despite_errors``: it starts again all the same, for a program that shows what is wrong with it. Not for
    use together with several processes (`process.fork_processes`).
    """
    io_loop = IOLoop.current()
    if io_loop in process.loops:
        return
    process.loops.add(io_loop)
    io_loop.fork_refusal = FORK_REFUSAL
    if len(process.loops) > 1:
        gen_log.warning("autoreload started more than once in the same process")
    process.watcher.despite_errors = despite_errors
    process.watcher.look(_all_files())  # what is edited from now on counts
    PeriodicCallback(check, check_time).start()


def wait() -> None:
    """Block until a watched file has changed and can be loaded, then start the program again; never returns.

    For scripts and tests, as their last statement: they run again whenever they are edited.
    """
    paths = _all_files()
    process.watcher.look(paths)
    while not process.watcher.changed(paths):
        time.sleep(WAIT_INTERVAL)
    reload()


start.__module__ = wait.__module__ = watch.__module__ = "waterspout.autoreload"


async def check() -> None:
    """One look at all files; restarts the process if one has changed."""
    paths = _all_files()
    if process.report is not None:
        process.report.watch(paths)
    remaining = iter(paths)
    while some := list(islice(remaining, FILES_PER_TURN)):
        for path in process.watcher.changed(some):
            gen_log.info("%s modified; restarting server", path)
            reload()
        await asyncio.sleep(0)


def _all_files() -> set[str]:
    return process.files.union(module_files())
