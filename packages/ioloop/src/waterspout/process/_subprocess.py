"""`Subprocess`: `subprocess.Popen` with streams and a future for the end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from subprocess import CalledProcessError
from typing import Any, ClassVar, Literal

from waterspout.concurrent import Future, future_set_exception_unless_cancelled, future_set_result_unless_cancelled
from waterspout.ioloop import IOLoop
from waterspout.iostream import PipeIOStream
from waterspout.process._exit_watch import watch_exit

PipeName = Literal["stdin", "stdout", "stderr"]
PIPES: tuple[PipeName, ...] = ("stdin", "stdout", "stderr")


class Subprocess:
    """A child process; arguments are `subprocess.Popen`'s.

    ``stdin``, ``stdout`` and ``stderr`` may also be ``Subprocess.STREAM``: the attribute of that name is then a
    `PipeIOStream`, which the caller closes. The process's end is noticed on the loop that was current when it was made,
    and the process reaped, whether or not somebody waits for it.

    Raises what Popen raises; no pipe is left open then.
    """

    __module__ = "waterspout.process"

    STREAM: ClassVar[object] = object()  #: as ``subprocess.PIPE``, but what comes is a stream

    io_loop: IOLoop
    proc: subprocess.Popen[Any]
    pid: int
    returncode: int | None  #: None while it runs; negative: the signal that killed it
    stdin: Any
    stdout: Any
    stderr: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.io_loop = IOLoop.current()
        self.returncode = None
        self._exit_callbacks: list[Callable[[int], Any]] = []
        ours: dict[PipeName, int] = {}
        theirs: list[int] = []
        try:
            for name in PIPES:
                if kwargs.get(name) is Subprocess.STREAM:
                    reading, writing = os.pipe()
                    kwargs[name], ours[name] = (reading, writing) if name == "stdin" else (writing, reading)
                    theirs.append(kwargs[name])
            self.proc = subprocess.Popen(*args, **kwargs)
        except BaseException:
            for fd in ours.values():
                os.close(fd)
            raise
        finally:
            for fd in theirs:  # the child has its own copies
                os.close(fd)
        self.pid = self.proc.pid
        for name in PIPES:
            setattr(self, name, PipeIOStream(ours[name]) if name in ours else getattr(self.proc, name))
        watch_exit(self.io_loop, self.proc, self._ended)

    def set_exit_callback(self, callback: Callable[[int], Any]) -> None:
        """Call ``callback(returncode)`` on the loop when the process has ended, or in the next turn if it has."""
        if self.returncode is None:
            self._exit_callbacks.append(callback)
        else:
            self.io_loop.add_callback(callback, self.returncode)

    def wait_for_exit(self, raise_error: bool = True) -> Future[int]:
        """A future of the return code; `CalledProcessError` instead if that is not 0, unless ``raise_error`` is false.

        Cancelling the future leaves the process alone. Give it a time limit with `gen.with_timeout`.
        """
        future: Future[int] = self.io_loop.asyncio_loop.create_future()

        def ended(returncode: int) -> None:
            if returncode and raise_error:
                future_set_exception_unless_cancelled(future, CalledProcessError(returncode, self.proc.args))
            else:
                future_set_result_unless_cancelled(future, returncode)

        self.set_exit_callback(ended)
        return future

    @classmethod
    def initialize(cls) -> None:
        """Nothing has to be prepared: no SIGCHLD handler is used. Kept for programs that call it."""

    @classmethod
    def uninitialize(cls) -> None:
        """The opposite of `initialize`: nothing has to be undone."""

    def _ended(self) -> None:
        self.returncode = self.proc.returncode
        callbacks, self._exit_callbacks = self._exit_callbacks, []
        for callback in callbacks:
            self.io_loop.add_callback(callback, self.returncode)
