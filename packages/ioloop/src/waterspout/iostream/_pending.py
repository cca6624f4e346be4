"""PendingRead: the Future of a read whose data is not there yet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator


class Interruptible(Protocol):
    """The stream, as far as its reads know it."""

    def _read_interrupted(self, read: PendingRead) -> None: ...


class PendingRead(asyncio.Future[Any]):
    """A Future that tells its stream when the coroutine that awaits it is interrupted.

    Between the turn in which the data arrives and the one in which the task runs again, the task can be cancelled: then
    the result of an ordinary Future is lost, and with it a piece of the stream.  Here the stream gets it back.  (Half a
    microsecond dearer than the C Future, paid only by reads that really wait.)
    """

    __slots__ = ("buffer", "stream")

    stream: Interruptible
    buffer: bytearray | memoryview | None  #: what a ``read_into`` fills

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            self._asyncio_future_blocking = True
            try:
                yield self
            except BaseException:
                self.stream._read_interrupted(self)
                raise
        return self.result()

    __iter__ = __await__
