"""`fork_processes`: one parent that looks after several equal children."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from waterspout.ioloop import IOLoop
from waterspout.log import gen_log
from waterspout.process._cpus import cpu_count
from waterspout.process._signals import ParentSignals

#: How often children are restarted altogether if the caller does not say.
DEFAULT_MAX_RESTARTS = 100


class _Worker:
    """What this process is; there is one of it, as there is one process."""

    __slots__ = ("task_id",)

    def __init__(self) -> None:
        self.task_id: int | None = None


_worker = _Worker()


def task_id() -> int | None:
    """The number that `fork_processes` gave this process, from 0; None in the parent or without a fork."""
    return _worker.task_id


def fork_processes(num_processes: int | None, max_restarts: int | None = None) -> int:
    """Fork this process; returns in each child, with its number from 0 to ``num_processes - 1``.

    None, 0 and less mean one child for each processor. The parent stays inside: it starts a child again, under its
    number, when it died of a signal or with a status other than 0, up to ``max_restarts`` times altogether (100), and
    exits with status 0 when all children have ended well. SIGTERM is passed on to the children.

    Call it before anything is done with an event loop: children that share one take each other's events. RuntimeError
    if a loop is running, was started or has handlers, if autoreload watches, and when the restarts are used up.
    """
    _refuse_shared_loop()
    if num_processes is None or num_processes <= 0:
        num_processes = cpu_count()
    if max_restarts is None:
        max_restarts = DEFAULT_MAX_RESTARTS
    gen_log.info("Starting %d processes", num_processes)
    sys.stdout.flush()  # or each child would write what is buffered once more
    sys.stderr.flush()
    parent = _Parent()
    with parent.signals():
        for number in range(num_processes):
            if parent.fork(number):
                return number
        restarted = parent.supervise(max_restarts)
    if restarted is not None:
        return restarted
    parent.exit()


fork_processes.__module__ = task_id.__module__ = "waterspout.process"


class _Parent:
    """The side of the fork that stays: its children by process id, and the signal that ended it."""

    def __init__(self) -> None:
        self.children: dict[int, int] = {}
        self.ended_by: int | None = None
        self._signals: ParentSignals | None = None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Note SIGTERM, unless the application has a handler of its own for it, while this lasts."""
        signals = ParentSignals(signal.SIGTERM)
        try:
            signals.open()
        except ValueError:  # not the main thread: signals are none of our business
            yield
            return
        self._signals = signals
        try:
            yield
        finally:
            if self._signals is not None:
                self._signals.close()

    def fork(self, number: int) -> bool:
        """Start child ``number``, unless the parent is about to end; true in the child."""
        self._pass_on()
        if self.ended_by is not None:
            return False
        # A signal to the new child must not meet the parent's handler in it.
        held = None if self._signals is None else self._signals.hold()
        try:
            pid = os.fork()
            if pid:
                self.children[pid] = number
                return False
            if self._signals is not None:
                self._signals.close()
                self._signals = None
        finally:
            if held is not None:
                ParentSignals.release(held)
        _worker.task_id = number
        _drop_shared_loop()
        return True

    def supervise(self, max_restarts: int) -> int | None:
        """Wait for the children and restart them; None when all have ended, a number in a restarted child."""
        restarts = 0
        while self.children:
            pid, status = self._wait()
            if pid not in self.children:
                continue  # a child of somebody else in this process
            number = self.children.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:
                gen_log.info("child %d (pid %d) exited normally", number, pid)
                continue
            if self.ended_by is not None:
                continue
            if code < 0:
                gen_log.warning("child %d (pid %d) killed by signal %d, restarting", number, pid, -code)
            else:
                gen_log.warning("child %d (pid %d) exited with status %d, restarting", number, pid, code)
            restarts += 1
            if restarts > max_restarts:
                self._tell_children(signal.SIGTERM)
                raise RuntimeError(f"Too many child restarts, giving up: child {number} ended with {code} at last")
            if self.fork(number):
                return number
        return None

    def exit(self) -> NoReturn:
        """End the parent: as the signal that it passed on would have, else with status 0."""
        if self.ended_by is not None:
            signal.signal(self.ended_by, signal.SIG_DFL)
            os.kill(os.getpid(), self.ended_by)
        sys.exit(0)

    def _wait(self) -> tuple[int, int]:
        """The next child that ended and its status, passing on signals meanwhile."""
        if self._signals is None:
            return os.wait()
        while True:
            self._pass_on()
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                return pid, status
            self._signals.wait()

    def _pass_on(self) -> None:
        """Send the children what has arrived; not from a handler, where the list of them may be behind."""
        while self._signals is not None and self._signals.arrived:
            self.ended_by = self._signals.arrived.pop(0)
            self._tell_children(self.ended_by)

    def _tell_children(self, number: int) -> None:
        for pid in self.children:
            os.kill(pid, number)


def _refuse_shared_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass  # as it should be
    else:
        raise RuntimeError(
            "fork_processes was called while an event loop is running: its children would share the loop."
            " Fork first, then start the loop in each child (asyncio.run, IOLoop.run)"
        )
    io_loop = IOLoop.current(instance=False)
    if io_loop is not None and (io_loop.started or io_loop.handlers):
        state = "was started before" if io_loop.started else f"has handlers for {len(io_loop.handlers)} file(s)"
        raise RuntimeError(
            f"fork_processes must be called before an event loop is used, and {io_loop!r} {state}."
            " Fork first, or close that loop"
        )
    if io_loop is not None and io_loop.fork_refusal is not None:
        raise RuntimeError(io_loop.fork_refusal)


def _drop_shared_loop() -> None:
    """In a child: close the loop that the parent made (but did not use), so that the child gets its own."""
    io_loop = IOLoop.current(instance=False)
    if io_loop is not None:
        io_loop.close()
        asyncio.set_event_loop(None)
