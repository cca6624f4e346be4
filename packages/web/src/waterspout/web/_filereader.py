"""Reading a file for a response without holding up the loop.

What the page cache holds is read at once: that takes microseconds. What would have to come from the disk is read in a
thread. Linux tells the two apart (``RWF_NOWAIT``); elsewhere, and on file systems that cannot tell, all is read in a
thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from waterspout.web._filecontent import FileChangedError, open_regular

__all__ = ["PIECE", "OpenFile", "read_cached"]

#: Bytes that are read, and then sent, at a time: with less, turns of the loop cost more than copying.
PIECE = 256 * 1024

_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)


def read_cached(descriptor: int, position: int, count: int) -> bytearray | None:
    """What the page cache has of these bytes of an open file, from *position* on; None if the disk has to be asked."""
    if not _NOWAIT:
        return None
    buffer = bytearray(count)
    try:
        found = os.preadv(descriptor, (buffer,), position, _NOWAIT)
    except OSError:  # not in the cache; or the file system cannot say
        return None
    if not found:
        return None
    del buffer[found:]
    return buffer


class OpenFile:
    """A regular file that is open for reading. Raises as `open_regular` does.

    It is closed when nobody holds it any more, and not before: a thread that is still reading for a request that was
    cancelled must not find another file under its descriptor.
    """

    __slots__ = ("_descriptor", "_path", "size")

    _descriptor: int

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = open_regular(path)
        #: Bytes at the time of opening.
        self.size = os.fstat(self._descriptor).st_size

    def __del__(self) -> None:
        try:
            os.close(self._descriptor)
        except AttributeError:  # it was never opened
            return

    def fileno(self) -> int:
        """The descriptor, for as long as this object is held."""
        return self._descriptor

    def read(self, position: int, count: int) -> bytes:
        """*count* bytes from *position* on, or what there is; waits for the disk."""
        return os.pread(self._descriptor, count, position)

    def read_cached(self, position: int, count: int) -> bytes | None:
        """What the page cache has of these bytes, from *position* on; None if the disk, or nobody, has to be asked."""
        found = read_cached(self._descriptor, position, count)
        return None if found is None else bytes(found)

    def is_cached(self, position: int, count: int) -> bool:
        """Whether the page cache seems to have these bytes, so that the kernel can send them without the disk.

        Both ends are looked at: what the kernel reads ahead lies between them.
        """
        if not _NOWAIT or not count:
            return False
        probe = bytearray(1)
        try:
            return all(os.preadv(self._descriptor, (probe,), at, _NOWAIT) for at in (position, position + count - 1))
        except OSError:  # not in the cache; or the file system cannot say
            return False

    async def pieces(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from *start* up to *stop*, in pieces.

        Raises `FileChangedError` if there are fewer: a body that is too short must not look complete.
        """
        position = start
        while position < stop:
            piece = self.read_cached(position, min(PIECE, stop - position))
            if piece is None:
                piece = await self.piece(position, stop)
            position += len(piece)
            yield piece

    async def piece(self, position: int, stop: int) -> bytes:
        """The next bytes from *position* on, not beyond *stop*, read in a thread. Raises as `pieces` does."""
        count = min(PIECE, stop - position)
        piece = await asyncio.get_running_loop().run_in_executor(None, self.read, position, count)
        if not piece:
            raise FileChangedError(f"{self._path} has {position} bytes, {stop} were promised")
        return piece
