"""A large file, or a part of one, as the rest of a response: by the kernel where nothing stands in between.

What the page cache holds the kernel copies from there to the socket (``sendfile``), or we do where it is little; what
would have to come from the disk is read in a thread, so that the loop never waits for it. No more than one block is
under way at a time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from waterspout.web._filecontent import FileChangedError
from waterspout.web._filereader import PIECE, OpenFile

if TYPE_CHECKING:
    from waterspout.web._handler import RequestHandler

__all__ = ["BLOCK", "send_file"]

#: Bytes that the kernel is given at a time; others have their turn in between.
BLOCK = 512 * 1024


async def send_file(handler: RequestHandler, path: str, start: int, stop: int) -> None:
    """Send the bytes of *path* from *start* up to *stop* as *handler*'s content; its headers are complete.

    Returns when all is in the kernel, or in the handler's buffer where it is little. Raises `FileChangedError` if the
    file turns out shorter, in which case the connection must be closed, and as `open_regular` does.
    """
    file = OpenFile(path)
    if stop - start <= PIECE:  # up to here, one copy is cheaper than the kernel's further system calls
        piece = file.read_cached(start, stop - start)
        if piece is not None and len(piece) == stop - start:
            handler.write(piece)
            return
    connection: Any = handler.request.connection
    if handler._transforms or handler.application.transforms or not hasattr(connection, "write_file"):
        async for piece in file.pieces(start, stop):
            handler.write(piece)
            await handler.flush()
        return
    handler.flush()  # the head; what follows waits for it
    position = start
    while position < stop:
        count = min(BLOCK, stop - position)
        if file.is_cached(position, count):
            try:
                await connection.write_file(file, position, count)
            except EOFError as error:
                raise FileChangedError(f"{path} became shorter than the {stop} bytes that were promised") from error
            position += count
            await asyncio.sleep(0)  # a client that takes all at once must not keep the loop from the others
        else:
            piece = await file.piece(position, stop)
            position += len(piece)
            handler.write(piece)
            await handler.flush()
