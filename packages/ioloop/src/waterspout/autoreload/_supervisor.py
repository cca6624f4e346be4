"""The supervising side of ``python -m waterspout.autoreload``: run the program in a child process, again and again.

A process of its own for each run: whatever the program does to itself (threads, signals, memory, a crash), the next run
starts clean, with no file left open.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from waterspout.autoreload._report import ENVIRONMENT_VARIABLE, read_report
from waterspout.autoreload._start import WAIT_INTERVAL
from waterspout.autoreload._watcher import Watcher
from waterspout.log import gen_log

#: What a shell adds to the number of a signal to give the exit status of the program that it killed.
FIRST_SIGNAL = 128


def supervise(until_success: bool) -> int:
    """Run this process's own command line in a child, until told to end; returns the status to exit with.

    ``until_success``: also end when the program has ended with status 0.
    """
    watcher = Watcher()
    files: list[str] = []
    with tempfile.TemporaryDirectory(prefix="waterspout-autoreload-") as folder:
        report = os.path.join(folder, "files")
        run = _Run(report)
        with run.passing_on_signals():
            while True:
                watcher.look(files)
                status = run.once()
                files, ended, run.environment = read_report(report)
                if run.ended_by is not None:
                    return status
                if run.environment is not None:
                    continue
                # A program that leaves by os._exit leaves everything that is around it, us as well; one that was
                # killed or has crashed is worth another try.
                left = not ended and status < FIRST_SIGNAL
                if left or (until_success and status == 0):
                    return status
                watcher.look(files)
                level = logging.WARNING if status else logging.INFO
                gen_log.log(level, "%s; waiting for a file to change", _describe(status))
                while not (changed := watcher.changed(files)):
                    time.sleep(WAIT_INTERVAL)
                    if run.ended_by is not None:
                        return FIRST_SIGNAL + run.ended_by
                gen_log.info("%s modified; restarting", changed[0])


class _Run:
    """The child processes, one after the other, and the signal that was to end them."""

    def __init__(self, report: str) -> None:
        self.report = report
        self.environment: dict[str, str] | None = None  # of the next run, if the last one left one
        self.child: subprocess.Popen[bytes] | None = None
        self.ended_by: int | None = None

    def once(self) -> int:
        """Run the program once; its exit status as a shell would give it."""
        environment = {**(self.environment or os.environ), ENVIRONMENT_VARIABLE: self.report}
        self.child = subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env=environment)
        try:
            if self.ended_by is not None:  # the signal came before there was a child
                self.child.terminate()
            status = self.child.wait()
        finally:
            self.child = None
        return FIRST_SIGNAL - status if status < 0 else status

    @contextmanager
    def passing_on_signals(self) -> Iterator[None]:
        """While this lasts, SIGTERM and SIGINT are for the program, and end the supervisor after it."""

        def pass_on(number: int, frame: FrameType | None) -> None:
            self.ended_by = number
            from_terminal = number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty()
            if self.child is not None and not from_terminal:  # a terminal signals both of us
                self.child.send_signal(number)

        before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _describe(status: int) -> str:
    if status == 0:
        return "Script exited normally"
    if status > FIRST_SIGNAL:
        return f"Script was killed by signal {status - FIRST_SIGNAL}"
    return f"Script exited with status {status}"
