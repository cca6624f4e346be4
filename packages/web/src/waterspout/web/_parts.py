"""The parts of a ``multipart/form-data`` body, one after the other, while it arrives.

No more of the body is in memory than one piece as it came from the connection, and what a part's reader asks for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO, Any

from waterspout.httputil import HTTPHeaders, HTTPInputError, MultipartStream, PartData, PartEnd, PartHead

__all__ = ["Part", "Parts"]

#: Bytes of a part that `Part.read` returns, and that `Part.spool` keeps in memory, where nothing else is said.
IN_MEMORY = 1024 * 1024
#: Bytes that are gathered before a thread writes them to the disk.
_BATCH = 1024 * 1024


class Parts:
    """An asynchronous iterator of `Part` objects over the pieces that *read* gives (empty at the end).

    What of a part was not read is skipped when the next one is asked for. Raises `HTTPInputError`, which a handler
    need not catch (400, 413), for a malformed body and one beyond the limits of *stream*.
    """

    __slots__ = ("_current", "_ended", "_events", "_read", "_stream")

    def __init__(self, read: Callable[[], Awaitable[bytes]], stream: MultipartStream) -> None:
        self._read = read
        self._stream = stream
        self._events: deque[PartHead | PartData | PartEnd] = deque()
        self._current: Part | None = None
        self._ended = False

    def __aiter__(self) -> Parts:
        return self

    async def __anext__(self) -> Part:
        if self._current is not None:
            await self._current.skip()
            self._current = None
        head = await self.next_event()
        if head is None:
            raise StopAsyncIteration
        assert isinstance(head, PartHead)
        self._current = part = Part(head, self)
        return part

    async def next_event(self) -> PartHead | PartData | PartEnd | None:
        """The next event of the body; None at its end."""
        while not self._events:
            if self._ended:
                return None
            data = await self._read()
            if data:
                self._events.extend(self._stream.receive(data))
            else:
                self._ended = True
                self._stream.receive_eof()
        return self._events.popleft()


class Part:
    """A field or file of a form whose content is still on its way.

    Read it once, in one way: ``async for piece in part``, `read`, `text`, `spool` or `save`. `filename` is what the
    client says, fit for display only (see `waterspout.httputil.safe_filename`); None for a field that is no file.
    """

    __module__ = "waterspout.web"
    __slots__ = ("_ended", "_parts", "content_type", "filename", "headers", "name", "size")

    name: str
    filename: str | None
    content_type: str
    headers: HTTPHeaders
    #: Bytes read so far.
    size: int

    def __init__(self, head: PartHead, parts: Parts) -> None:
        self.name, self.filename = head.name, head.filename
        self.content_type, self.headers = head.content_type, head.headers
        self.size = 0
        self._parts = parts
        self._ended = False

    def __repr__(self) -> str:
        return f"<Part {self.name!r} filename={self.filename!r} {self.size} bytes read>"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._ended:
            event = await self._parts.next_event()
            if isinstance(event, PartData):
                self.size += len(event.data)
                yield event.data
            else:
                self._ended = True

    async def read(self, max_size: int = IN_MEMORY) -> bytes:
        """The content. Raises `HTTPInputError` (413) for more than *max_size* bytes, before they are in memory."""
        pieces = []
        async for piece in self:
            if self.size > max_size:
                raise HTTPInputError(f"the part {self.name!r} has more than {max_size} bytes", 413)
            pieces.append(piece)
        return b"".join(pieces)

    async def text(self, max_size: int = IN_MEMORY) -> str:
        """`read` as text; `HTTPInputError` (400) if it is not UTF-8."""
        try:
            return (await self.read(max_size)).decode("utf-8")
        except UnicodeDecodeError:
            raise HTTPInputError(f"the part {self.name!r} is not UTF-8") from None

    async def spool(self, max_memory: int = IN_MEMORY, folder: str | None = None) -> IO[bytes]:
        """The content in a file without a name, at its start, to be closed by the caller: it is gone then.

        Up to *max_memory* bytes stay in memory, more go to the disk, into *folder* (default: that of `tempfile`).
        """
        import tempfile  # and with it shutil, bz2, lzma: only where uploads are spooled

        file: Any = tempfile.SpooledTemporaryFile(max_size=max_memory, dir=folder)  # the caller's
        try:
            await self._copy(file, max_memory)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        result: IO[bytes] = file
        return result

    async def save(self, path: str) -> int:
        """Write the content to a new file at *path*, and return how many bytes it has.

        Raises FileExistsError if there is one: names come from strangers. What is incomplete is left where it is.
        """
        loop = asyncio.get_running_loop()
        file = await loop.run_in_executor(None, open, path, "xb")
        try:
            await self._copy(file, 0)
        finally:
            await loop.run_in_executor(None, file.close)
        return self.size

    async def skip(self) -> None:
        """Read the rest and throw it away."""
        async for _ in self:
            pass

    async def _copy(self, file: IO[bytes], in_memory: int) -> None:
        """Write the content: up to *in_memory* bytes at once, the rest in a thread, a batch at a time."""
        loop = asyncio.get_running_loop()
        batch: list[bytes] = []
        size = 0
        async for piece in self:
            if self.size <= in_memory:
                file.write(piece)
                continue
            batch.append(piece)
            size += len(piece)
            if size >= _BATCH:
                await loop.run_in_executor(None, file.writelines, batch)
                batch, size = [], 0
        if batch:
            await loop.run_in_executor(None, file.writelines, batch)
