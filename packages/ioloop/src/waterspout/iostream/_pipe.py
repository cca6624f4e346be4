"""PipeIOStream: a stream on a pipe, or on any other descriptor that ``os.readv`` and ``os.writev`` take."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from waterspout.iostream._base import BaseIOStream
from waterspout.iostream._core import IOV_MAX

if TYPE_CHECKING:
    from waterspout.iostream._core import Buffer


class PipeIOStream(BaseIOStream):
    """A stream on a pipe's file descriptor: ``PipeIOStream(fd, ...)``, further keywords as for `BaseIOStream`.

    The stream makes it non-blocking, owns and closes it.  An end of a pipe can only read or only write.  POSIX only.
    """

    __module__ = "waterspout.iostream"

    __slots__ = ("fd",)

    fd: int

    def __init__(self, fd: int, *args: Any, **kwargs: Any) -> None:
        self.fd = fd
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
