"""PipeIOStream: a stream on a pipe, or on any other descriptor that ``os.readv`` and ``os.writev`` take.

What a program is started with in a pipe's place, a regular file or ``/dev/null``, is always ready; epoll refuses to
watch it.  The loop's next turn does so then.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from waterspout.iostream._base import BaseIOStream
from waterspout.iostream._core import IOV_MAX, PUSHING

if TYPE_CHECKING:
    import asyncio

    from waterspout.iostream._core import Buffer


class PipeIOStream(BaseIOStream):
    """A stream on a pipe's file descriptor: ``PipeIOStream(fd, ...)``, further keywords as for `BaseIOStream`.

    The stream makes it non-blocking, owns and closes it.  An end of a pipe can only read or only write.  POSIX only.

    Regular files and ``/dev/null`` are read and written as well: standard input and output may be any of them.
    """

    __module__ = "waterspout.iostream"

    __slots__ = ("_ready", "fd")

    fd: int

    def __init__(self, fd: int, *args: Any, **kwargs: Any) -> None:
        self.fd = fd
        self._ready: asyncio.Handle | None = None  # the next look at a descriptor that cannot be watched
        os.set_blocking(fd, False)
        super().__init__(*args, **kwargs)

    def fileno(self) -> int:
        return self.fd

    def close_fd(self) -> None:
        os.close(self.fd)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        try:
            return os.readv(self.fd, [buf])
        except BlockingIOError:
            return None

    def write_to_fd(self, data: memoryview) -> int:
        return os.write(self.fd, data)

    def _write_some(self, out: list[Buffer]) -> int:
        if len(out) < 2 or type(self).write_to_fd is not PipeIOStream.write_to_fd:
            return super()._write_some(out)
        return os.writev(self.fd, out[:IOV_MAX])

    def _listen(self, reading: int) -> None:
        try:
            super()._listen(reading)
        except PermissionError:
            if self._ready is not None:
                self._ready.cancel()
            self._ready = self._loop.call_soon(self._always_ready, reading)

    def _always_ready(self, reading: int) -> None:
        if self._reading == reading:
            if reading == PUSHING:
                self._push_readable()
            else:
                self._pull_readable()
        if self._reading == reading:
            self._ready = self._loop.call_soon(self._always_ready, reading)

    def _watch_for_close(self) -> bool:
        from fcntl import F_GETFL, fcntl  # POSIX only, as pipes are

        if fcntl(self.fd, F_GETFL) & os.O_ACCMODE != os.O_WRONLY:
            return super()._watch_for_close()
        if self._ready is None:  # a pipe's writing end says "readable" when nobody is there who reads
            self.close(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))
        return False
