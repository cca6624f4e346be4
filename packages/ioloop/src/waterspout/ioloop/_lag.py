"""`LagMonitor`: who kept the loop from running?

Theory of operation. A timer on the loop notes the time, several times within the threshold. A thread compares: when
the note is too old, some callback is running for too long, and the thread looks at what the loop's thread is
executing at that very moment. Nothing is added to the callbacks themselves, so a monitor costs a few timers and
thread wake-ups a second.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType

from waterspout.ioloop._loop import IOLoop
from waterspout.log import app_log

#: How often within one threshold the loop notes the time and the thread looks.
NOTES = 4

#: Modules whose frames are the machinery that called the blocking callback, and not the callback.
MACHINERY = ("asyncio.", "waterspout.ioloop.", "selectors")


class Lag:
    """One time that the loop was held up."""

    __module__ = "waterspout.ioloop"
    __slots__ = ("callback", "seconds", "stack")

    seconds: float  #: how long no other callback could run
    callback: str  #: the function that the loop had called, as ``module.qualified_name (file:line)``
    stack: str  #: where it was when the threshold had passed, formatted as in a traceback

    def __init__(self, seconds: float, callback: str, stack: str) -> None:
        self.seconds = seconds
        self.callback = callback
        self.stack = stack

    def __repr__(self) -> str:
        return f"<Lag of {self.seconds:.3f} s by {self.callback}>"


class LagMonitor:
    """Watch ``io_loop``, from `start` to `stop`, for callbacks that run longer than ``threshold`` seconds.

    Each is reported once, when it is over, on the loop: ``report(lag)`` is called, or without one a warning is logged
    on ``app_log``. `count` and `worst` say how often it happened and what was the longest.

    ValueError if ``threshold`` is not positive.
    """

    __module__ = "waterspout.ioloop"

    io_loop: IOLoop
    threshold: float  #: seconds
    count: int
    worst: Lag | None

    def __init__(self, io_loop: IOLoop, threshold: float = 0.1, report: Callable[[Lag], object] | None = None) -> None:
        if not threshold > 0:
            raise ValueError(f"the threshold of a LagMonitor must be positive, not {threshold!r}")
        self.io_loop = io_loop
        self.threshold = threshold
        self.count = 0
        self.worst = None
        self._report = report or _log_lag
        self._noted = 0.0
        self._seen: tuple[str, str] | None = None  # callback and stack of the lag that goes on now
        self._timer: asyncio.Handle | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start watching; to be called on the loop's thread. Nothing happens if it watches already."""
        if self._timer is not None:
            return
        self._ended = threading.Event()
        self._noted = self.io_loop.asyncio_loop.time()
        self._timer = self.io_loop.asyncio_loop.call_soon(self._first_note)

    def stop(self) -> None:
        """Stop watching and end the thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._seen = None

    def _first_note(self) -> None:
        # Not before the loop runs: a loop that is not started yet is not held up.
        self._noted = self.io_loop.asyncio_loop.time()
        self._thread = threading.Thread(
            target=self._look, args=(threading.get_ident(), self._ended), name="waterspout lag monitor", daemon=True
        )
        self._thread.start()
        self._schedule()

    def _schedule(self) -> None:
        self._timer = self.io_loop.asyncio_loop.call_later(self.threshold / NOTES, self._note)

    def _note(self) -> None:
        now = self.io_loop.asyncio_loop.time()
        seen, self._seen = self._seen, None
        # The callback began after the last note, at most one interval later: what has passed since is its time, nearly.
        seconds, self._noted = now - self._noted, now
        self._schedule()
        if seen is None:
            return
        lag = Lag(seconds, *seen)
        self.count += 1
        if self.worst is None or lag.seconds > self.worst.seconds:
            self.worst = lag
        try:
            self._report(lag)
        except Exception:
            app_log.error("Exception in the report of a LagMonitor: %r", self._report, exc_info=True)

    def _look(self, loop_thread: int, ended: threading.Event) -> None:
        clock = self.io_loop.asyncio_loop.time
        while not ended.wait(self.threshold / NOTES):
            noted = self._noted
            if self._seen is None and clock() - noted > self.threshold:
                frame = sys._current_frames().get(loop_thread)
                # The loop may have gone on between the two lines above.
                if frame is not None and noted == self._noted:
                    self._seen = _describe(frame)


def _describe(frame: FrameType) -> tuple[str, str]:
    """The callback that the loop called, and the stack from there inwards."""
    stack = [(each, number) for each, number in traceback.walk_stack(frame)]
    own = []
    for each, number in stack:
        if each.f_globals.get("__name__", "").startswith(MACHINERY):
            break
        own.append((each, number))
    own = own or stack[:1]
    outermost = own[-1][0]
    code = outermost.f_code
    name = f"{outermost.f_globals.get('__name__', '?')}.{code.co_qualname}"
    summary = traceback.StackSummary.extract(iter(reversed(own)))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})", "".join(summary.format())


def _log_lag(lag: Lag) -> None:
    app_log.warning("the loop was held up for %.3f s by %s\n%s", lag.seconds, lag.callback, lag.stack.rstrip())
