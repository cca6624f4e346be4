"""A file into a stream, by the kernel where it can."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Protocol

from waterspout.iostream._errors import StreamClosedError

if TYPE_CHECKING:
    import asyncio

    from waterspout.iostream._socket import IOStream

#: Bytes of one ``sendfile``: a socket buffer takes less, a stream on loopback must not keep the loop for long.
BLOCK: Final = 1024 * 1024

#: Bytes that are read at once where the kernel cannot send the file (TLS; platforms without ``os.sendfile``).
CHUNK: Final = 64 * 1024


class HasFileno(Protocol):
    """A file that is open for reading."""

    def fileno(self) -> int: ...


def size_from(file: HasFileno, offset: int, count: int | None) -> int:
    """How many bytes to send: ``count``, or all from ``offset`` on.  ValueError if either is negative."""
    if offset < 0 or (count is not None and count < 0):
        raise ValueError(f"offset and count must not be negative: {offset}, {count}")
    return max(0, os.fstat(file.fileno()).st_size - offset) if count is None else count


async def send_by_kernel(stream: IOStream, file: HasFileno, offset: int, count: int) -> int:
    """``os.sendfile`` until all is sent; what is queued meanwhile waits."""
    while stream.pending:
        await stream.flushed()
    stream._hold_output()
    stream._total_write_index += count  # so that `pending` and `close_after_flush` know of it
    left = count
    try:
        while left:
            try:
                sent = os.sendfile(stream.fileno(), file.fileno(), offset, min(left, BLOCK))
            except (BlockingIOError, InterruptedError):
                await _room(stream)
                continue
            except OSError as error:
                stream.close(error)
                raise StreamClosedError(real_error=error) from error
            if not sent:
                raise EOFError(f"the file ended {left} bytes before the {count} that were to be sent")
            offset += sent
            left -= sent
            stream._sent += sent
            if sent == BLOCK and left:
                await _room(stream)  # let others have their turn
    finally:
        if not stream.closed():
            stream._sent += left
            stream._release_output()
    return count


async def _room(stream: IOStream) -> None:
    """Wait until the kernel has room for more; StreamClosedError if the stream is closed meanwhile."""
    loop: Any = stream.io_loop.selector_loop
    future: asyncio.Future[None] = stream.io_loop.asyncio_loop.create_future()
    entry = (stream._total_write_index, future)
    stream._wait_for_write(future)  # at an index that is not reached yet: only closing settles it before us
    stream._writer_on = True
    loop.add_writer(stream.fileno(), _settle, future)
    try:
        await future
    finally:
        if not stream.closed():
            stream._writer_on = False
            loop.remove_writer(stream.fileno())
            if stream._write_waiters:
                stream._write_waiters.remove(entry)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def send_by_reading(stream: IOStream, file: HasFileno, offset: int, count: int) -> int:
    """Read and write in pieces, never more than one of them in memory."""
    left = count
    while left:
        piece = os.pread(file.fileno(), min(left, CHUNK), offset)
        if not piece:
            raise EOFError(f"the file ended {left} bytes before the {count} that were to be sent")
        await stream.write(piece)
        offset += len(piece)
        left -= len(piece)
    return count
