"""A worker process as it sees itself: serves, and talks with its supervisor over a socket pair.

The supervisor sends orders (`Order`), a byte each; the end of the stream means that it is gone, and nobody will start
another worker. The worker sends a `Report`, a byte each; what follows `Report.FAILED` is text, up to a NUL.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from enum import Enum
from typing import Final, NoReturn

from waterspout.httpserver._serving import Serving, say_failure
from waterspout.httpserver._settings import Order, Settings
from waterspout.log import app_log, set_worker

__all__ = ["Report", "become_worker"]


#: Bytes of the text that goes with `Report.FAILED`: the supervisor takes all that there is in one go.
LONGEST_REASON: Final = 2000


class Report(Enum):
    """What a worker tells its supervisor."""

    READY = b"R"  # it accepts
    LEAVING = b"L"  # it was told to stop by somebody else, and needs a successor
    FAILED = b"F"  # it cannot start, for a reason that explains itself: the others will have the same
    ALIVE = b"."


class _Worker:
    def __init__(
        self, settings: Settings, sockets: Sequence[socket.socket], control: socket.socket, beat: float | None
    ):
        self.control = control
        self.beat = beat
        self.ordered = False
        self.serving = Serving(
            settings,
            sockets,
            on_ready=lambda: self.report(Report.READY),
            on_drain=self.drain_begins,
            on_failure=self.failed,
        )
        self.loop: asyncio.AbstractEventLoop | None = None

    def prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.control.setblocking(False)
        loop.add_reader(self.control.fileno(), self.told)
        loop.add_signal_handler(signal.SIGTERM, self.terminated)
        if self.beat is not None:
            self.alive(self.beat)

    def told(self) -> None:
        try:
            data = self.control.recv(64)
        except BlockingIOError:
            return
        if not data and self.loop is not None:
            self.loop.remove_reader(self.control.fileno())
        self.ordered = True
        for value in data or Order.TERMINATE.value:
            self.serving.order(Order(bytes((value,))))

    def terminated(self) -> None:
        """SIGTERM to this process alone, by an operator or the system."""
        self.serving.order(Order.RETIRE)

    def drain_begins(self, order: Order) -> None:
        if not self.ordered:
            self.report(Report.LEAVING)

    def alive(self, interval: float) -> None:
        assert self.loop is not None
        self.report(Report.ALIVE)
        self.loop.call_later(interval, self.alive, interval)

    def failed(self, why: str) -> None:
        text = why.replace("\0", "?").encode("utf-8", "backslashreplace")[:LONGEST_REASON]
        if not self.report(Report.FAILED, text + b"\0"):
            say_failure(why)

    def report(self, report: Report, text: bytes = b"") -> bool:
        try:
            self.control.send(report.value + text)
            return True
        except OSError:
            return False  # it is gone, or does not listen: the reader hears of the former, and the latter reads later


def become_worker(
    settings: Settings, number: int, sockets: Sequence[socket.socket], control: socket.socket, beat: float | None
) -> NoReturn:
    """Turn this freshly forked process into the worker of place *number*; it ends here. *beat* is the interval of signs
    of life (seconds), None for none."""
    status = 1
    try:
        if settings.workers > 1:
            set_worker(number)
        # The terminal's signals are the supervisor's business.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        worker = _Worker(settings, sockets, control, beat)
        status = worker.serving.run(worker.prepare)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        app_log.error("The worker %d has failed", os.getpid(), exc_info=True)
    finally:
        # Not sys.exit: what the parent's own code has on its stack is not ours to clean up.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                status = status or 1  # closed, or nobody reads it
        logging.shutdown()
        os._exit(status)
