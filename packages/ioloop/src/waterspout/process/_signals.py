"""What a parent of forked processes waits with: a pipe that every signal writes to, so that none is missed."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType
from typing import Any

#: Seconds between two looks at the children where SIGCHLD belongs to a handler that is not Python's.
POLL_INTERVAL = 1.0


class ParentSignals:
    """Notes one signal and the end of children, from `open` to `close`.

    A blocking ``wait`` alone will not do: a signal that comes after the interpreter's last look at its flags and before
    the system call would only be handled when the call returns, which may be never. Every signal that Python handles
    puts a byte into the pipe instead, and the pipe stays readable until `wait` has emptied it.

    `open` raises ValueError in any thread but the main one: signals are the main thread's business.
    """

    def __init__(self, passed_on: signal.Signals) -> None:
        self.passed_on = passed_on
        self.arrived: list[int] = []
        self._restored: dict[signal.Signals, Any] = {}
        self._poll = False

    def open(self) -> None:
        """Take the signal if the application has no handler of its own for it, and the end of children."""
        if signal.getsignal(self.passed_on) is signal.SIG_DFL:
            self._restored[self.passed_on] = signal.signal(self.passed_on, self._note)
        ends = signal.getsignal(signal.SIGCHLD)
        if ends in (signal.SIG_DFL, signal.SIG_IGN):
            self._restored[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _ignore)
        self._poll = ends is None
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)

    def wait(self) -> None:
        """Return when a signal has arrived since the last `wait` returned, or may have."""
        select.select([self._reading], [], [], POLL_INTERVAL if self._poll else None)
        try:
            os.read(self._reading, 4096)
        except BlockingIOError:
            return  # the poll interval has passed

    def hold(self) -> set[int]:
        """Keep the noted signals from being delivered; returns what `release` needs."""
        return signal.pthread_sigmask(signal.SIG_BLOCK, set(self._restored))

    @staticmethod
    def release(held: set[int]) -> None:
        """Deliver again what `hold` kept back."""
        signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def close(self) -> None:
        """Give everything back as it was; in a child, too."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._restored.items():
            signal.signal(number, handler)
        self._restored.clear()
        os.close(self._reading)
        os.close(self._writing)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.arrived.append(signum)


def _ignore(signum: int, frame: FrameType | None) -> None:
    """The byte in the pipe says it all."""
