"""The process above the workers: starts them, starts them again, replaces them one by one, and ends them.

Theory of operation. No event loop: one selector waits for signals (by their wake-up socket) and for what the workers
report; all else are times to look again at. Each *place* has one worker that accepts on its sockets. The supervisor
keeps these sockets open itself, so that clients who wait to be accepted survive the worker: a successor takes them in.
A worker that leaves (`retired`) still serves whom it has; its place has a successor by then.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from math import inf
from types import FrameType
from typing import Final

from waterspout.httpserver._serving import say_failure
from waterspout.httpserver._settings import Order, Settings
from waterspout.httpserver._systemd import Notifier
from waterspout.httpserver._worker import Report, become_worker
from waterspout.log import gen_log

__all__ = ["Supervisor"]

#: A worker that lived for less (seconds) has failed to start, and its successor waits: first not at all, then a
#: second, then twice as long each time up to the last.
SHORT_LIFE: Final = 10.0
LONGEST_WAIT: Final = 30.0
#: Seconds beyond the drain's deadline until a worker that does not end is killed, and those after `Order.QUIT`.
KILL_AFTER: Final = 5.0
QUIT_TIME: Final = 2.0

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class State(Enum):
    """What the supervisor is at."""

    STARTING = "until all places have a worker that accepts"
    RUNNING = "serving"
    STOPPING = "the workers drain"
    FAILED = "the workers cannot start"


class Worker:
    """One child process."""

    def __init__(self, pid: int, control: socket.socket, place: Place) -> None:
        self.pid = pid
        self.control = control
        self.place = place
        self.began = self.heard = time.monotonic()
        self.ready = False
        self.kill_at = inf
        self.reason: str | None = None  # why it could not start, in its own words

    def how(self, code: int) -> str:
        """How it ended, with the exit status *code* (negative: the signal), or why it could not start."""
        if self.reason is not None:
            return f"could not start ({self.reason})"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return how if self.ready else f"{how} before it accepted"

    def tell(self, order: Order) -> None:
        try:
            self.control.send(order.value)
        except OSError:
            pass  # it is dead; it is reaped in a moment


class Place:
    """Sockets, and the worker that accepts on them."""

    def __init__(self, number: int, sockets: Sequence[socket.socket]) -> None:
        self.number = number
        self.sockets = sockets
        self.worker: Worker | None = None
        self.successor: Worker | None = None
        self.failures = 0
        self.start_at = 0.0


class Supervisor:
    """Runs *settings* in a worker on each of *places*; `run` returns when it has been told to stop."""

    def __init__(
        self,
        settings: Settings,
        places: Sequence[Sequence[socket.socket]],
        notifier: Notifier,
        on_ready: Callable[[], object],
    ) -> None:
        self.settings = settings
        self.places = [Place(number, sockets) for number, sockets in enumerate(places)]
        self.notifier = notifier
        self.on_ready = on_ready
        self.state = State.STARTING
        self.retired: set[Worker] = set()
        self.signals: deque[int] = deque()
        self.rolling: deque[Place] = deque()  # places whose worker is still to be replaced
        self.replacing: Place | None = None  # the one whose turn it is
        self.replace_until = inf  # when that has taken too long
        self.roll_again = False
        self.told_to_stop = 0
        self.next_alive = 0.0
        self.selector = selectors.DefaultSelector()
        self.wake, self.woken = socket.socketpair()

    # -- the loop

    def run(self) -> int:
        """Supervise; the exit status is 0, or 1 if the workers could not be started."""
        for end in (self.wake, self.woken):
            end.setblocking(False)
        self.selector.register(self.woken, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self.arrived) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(self.wake.fileno(), warn_on_full_buffer=False)
        if self.settings.tune_gc:
            gc.freeze()  # the children share these pages as long as no collection writes to them
        try:
            while self.look():
                for key, _ in self.selector.select(self.time_to_next()):
                    if key.data is None:
                        self.woken.recv(4096)
                    else:
                        self.hear(key.data)
                while self.signals:
                    self.act_on(self.signals.popleft())
                self.reap()
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            if self.settings.tune_gc:
                gc.unfreeze()
            self.selector.close()
            self.wake.close()
            self.woken.close()
        return int(self.state is State.FAILED)

    def arrived(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)

    def look(self) -> bool:
        """Do what is due; false when all is over."""
        now = time.monotonic()
        for place in self.places:
            if self.state in (State.STARTING, State.RUNNING) and place.worker is None and now >= place.start_at:
                place.worker = self.try_to_start(place)
        if now >= self.replace_until:
            self.replacing_takes_too_long()
        workers = self.workers()
        for worker in workers:
            if now >= worker.kill_at:
                gen_log.warning("worker %d (pid %d) does not end, killing it", worker.place.number, worker.pid)
                worker.kill_at = inf
                os.kill(worker.pid, signal.SIGKILL)
        self.say_alive(now)
        return bool(workers) or self.state in (State.STARTING, State.RUNNING)

    def workers(self) -> list[Worker]:
        """All that live."""
        placed = [worker for place in self.places for worker in (place.worker, place.successor) if worker]
        return placed + list(self.retired)

    def time_to_next(self) -> float | None:
        times = [self.replace_until, *(worker.kill_at for worker in self.workers())]
        if self.state in (State.STARTING, State.RUNNING):
            times += [place.start_at for place in self.places if place.worker is None]
        if self.notifier.watchdog is not None:
            times.append(self.next_alive)
        first = min(times, default=inf)
        return None if first == inf else max(0.0, first - time.monotonic())

    def say_alive(self, now: float) -> None:
        """For the service manager's watchdog: only while each worker has given a sign of life."""
        limit = self.notifier.watchdog
        if limit is None or now < self.next_alive:
            return
        self.next_alive = now + limit / 3
        if all(now - worker.heard < limit for worker in self.workers() if worker.ready):
            self.notifier.alive()

    # -- workers

    def try_to_start(self, place: Place) -> Worker | None:
        """A worker for *place*; None, and another try in a second, if the system has no process to spare."""
        try:
            return self.start(place)
        except OSError as error:
            gen_log.error("cannot start worker %d: %s; trying again", place.number, error)
            place.start_at = time.monotonic() + 1.0
            return None

    def start(self, place: Place) -> Worker:
        ours, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or each child would write what is buffered once more
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                self.forget_parents(ours, place)
                limit = self.notifier.watchdog
                become_worker(self.settings, place.number, place.sockets, theirs, None if limit is None else limit / 4)
        except OSError:
            ours.close()
            theirs.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        ours.setblocking(False)
        worker = Worker(pid, ours, place)
        self.selector.register(ours, selectors.EVENT_READ, worker)
        return worker

    def forget_parents(self, ours: socket.socket, own: Place) -> None:
        """In the child: close what belongs to the supervisor and to other workers alone."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        self.notifier.close()
        for end in (ours, self.wake, self.woken, *(worker.control for worker in self.workers())):
            end.close()
        for place in self.places:
            for sock in place.sockets:
                if sock not in own.sockets:
                    sock.close()

    def hear(self, worker: Worker) -> None:
        data = self.received(worker)
        if data:
            worker.heard = time.monotonic()
        while data:
            report, data = Report(data[:1]), data[1:]
            if report is Report.FAILED:
                text, _, data = data.partition(b"\0")
                worker.reason = text.decode("utf-8", "replace")
            elif report is Report.READY:
                self.is_ready(worker)
            elif report is Report.LEAVING and worker.place.worker is worker and self.state is not State.STOPPING:
                gen_log.info("worker %d (pid %d) was told to stop", worker.place.number, worker.pid)
                self.retire(worker, told=True)
                worker.place.worker, worker.place.successor = worker.place.successor, None

    def received(self, worker: Worker) -> bytes:
        """All that has come, so that no text is torn; who has ended, or will in a moment, is not watched further."""
        pieces = []
        try:
            while piece := worker.control.recv(4096):
                pieces.append(piece)
            self.selector.unregister(worker.control)
        except (BlockingIOError, ConnectionError):
            pass  # that was all
        return b"".join(pieces)

    def is_ready(self, worker: Worker) -> None:
        worker.ready = True
        place = worker.place
        if place.successor is worker:
            if place.worker is not None:
                self.retire(place.worker)
            place.worker, place.successor = worker, None
        if self.replacing is place:
            self.roll()
        if self.state is State.STARTING and all(p.worker is not None and p.worker.ready for p in self.places):
            self.state = State.RUNNING
            self.on_ready()

    def retire(self, worker: Worker, *, told: bool = False) -> None:
        if not told:
            worker.tell(Order.RETIRE)
        worker.kill_at = time.monotonic() + self.settings.drain_deadline + KILL_AFTER
        self.retired.add(worker)

    def reap(self) -> None:
        for worker in self.workers():
            try:
                pid, status = os.waitpid(worker.pid, os.WNOHANG)
            except ChildProcessError:  # reaped by somebody else in this process
                pid, status = worker.pid, 0
            if pid:
                self.ended(worker, os.waitstatus_to_exitcode(status))

    def ended(self, worker: Worker, code: int) -> None:
        if worker.control in self.selector.get_map():
            self.hear(worker)  # its last words may have come after the last look
        if worker.control in self.selector.get_map():
            self.selector.unregister(worker.control)
        worker.control.close()
        place = worker.place
        if worker in self.retired:
            self.retired.discard(worker)
        elif place.successor is worker:
            place.successor = None
            self.give_up_rolling(worker, code)
        elif place.worker is worker:
            place.worker = None
            if self.state is State.STARTING and not worker.ready:
                self.fail(worker, code)
            elif self.state in (State.STARTING, State.RUNNING):
                self.schedule(place, worker, code)

    def schedule(self, place: Place, worker: Worker, code: int) -> None:
        """A worker died: have it replaced, at once unless that has not helped before."""
        now = time.monotonic()
        place.failures = place.failures + 1 if now - worker.began < SHORT_LIFE else 0
        wait = 0.0 if place.failures < 2 else min(LONGEST_WAIT, 2.0 ** (place.failures - 2))
        place.start_at = now + wait
        when = "at once" if not wait else f"in {wait:g} s"
        gen_log.warning(
            "worker %d (pid %d) %s, starting another one %s", place.number, worker.pid, worker.how(code), when
        )
        if place.successor is not None:  # it is on its way already
            place.worker, place.successor = place.successor, None

    def fail(self, worker: Worker, code: int) -> None:
        """Nobody could be served yet, and nothing says that another try would do better."""
        if worker.reason is not None:  # said once: what keeps this one from starting is no better for the others
            say_failure(worker.reason)
        else:
            gen_log.error("worker %d (pid %d) %s: giving up", worker.place.number, worker.pid, worker.how(code))
        self.state = State.FAILED
        for other in self.workers():
            other.tell(Order.QUIT)
            other.kill_at = time.monotonic() + QUIT_TIME

    # -- signals

    def act_on(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self.stop(Order.INTERRUPT if number == signal.SIGINT else Order.TERMINATE)
        elif number == signal.SIGHUP and self.state is State.RUNNING:
            if self.replacing is not None:
                self.roll_again = True
                return
            gen_log.info("replacing %d workers one by one", len(self.places))
            self.notifier.reloading()
            self.rolling.extend(self.places)
            self.roll()

    def stop(self, order: Order) -> None:
        self.told_to_stop += 1
        if self.told_to_stop > 1:
            order = Order.QUIT
        if self.state is not State.FAILED:
            self.state = State.STOPPING
        self.rolling.clear()
        self.replacing = None
        self.replace_until = inf
        self.notifier.stopping()
        for place in self.places:  # ours, so that a worker's close is the last one
            for sock in place.sockets:
                sock.close()
        limit = QUIT_TIME if order is Order.QUIT else self.settings.drain_deadline + KILL_AFTER
        for worker in self.workers():
            worker.tell(order)
            worker.kill_at = min(worker.kill_at, time.monotonic() + limit)

    def roll(self) -> None:
        """The next place gets a successor; `is_ready` goes on when that accepts."""
        self.replacing = None
        self.replace_until = inf
        if self.rolling:
            self.replacing = place = self.rolling.popleft()
            self.replace_until = time.monotonic() + self.settings.start_deadline
            if place.worker is not None:  # else another one is on its way
                place.successor = self.try_to_start(place)
                if place.successor is None:
                    self.abandon_rolling()
        elif self.roll_again:
            self.roll_again = False
            self.signals.append(signal.SIGHUP)
        else:
            gen_log.info("all workers are replaced")
            self.notifier.ready()

    def replacing_takes_too_long(self) -> None:
        place = self.replacing
        assert place is not None
        late = place.successor
        gen_log.error(
            "the new worker %d%s does not accept after %g s (start_deadline): the old workers go on",
            place.number, "" if late is None else f" (pid {late.pid})", self.settings.start_deadline,
        )  # fmt: skip
        self.abandon_rolling()
        if late is not None:  # nobody waits for it any more; it serves nobody yet
            place.successor = None
            self.retired.add(late)
            late.tell(Order.QUIT)
            late.kill_at = time.monotonic() + QUIT_TIME

    def give_up_rolling(self, worker: Worker, code: int) -> None:
        if self.state is not State.RUNNING:
            return
        gen_log.error(
            "the new worker %d (pid %d) %s: the old workers go on", worker.place.number, worker.pid, worker.how(code),
        )  # fmt: skip
        self.abandon_rolling()

    def abandon_rolling(self) -> None:
        self.rolling.clear()
        self.replacing = None
        self.replace_until = inf
        self.notifier.ready()
