"""A request's body for a handler that reads it itself, at its own pace."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import AsyncIterator
from math import inf

from waterspout.httputil import HTTPInputError
from waterspout.iostream import StreamClosedError

__all__ = ["BodyReader"]


class BodyReader:
    """Hands on the pieces of one body; the connection reads no further while one is waiting to be read.

    *max_size* is a limit for a body that may be below the server's. The delegate calls `data_received`, `end` and
    `lost`; the handler reads.
    """

    __slots__ = ("_ended", "_left", "_lost", "_pieces", "_reader", "_taken")

    def __init__(self, max_size: int | None = None) -> None:
        self._left = inf if max_size is None else max_size
        self._pieces: deque[bytes] = deque()
        self._taken: Future[None] | None = None
        self._reader: Future[None] | None = None
        self._ended = False
        self._lost = False

    def data_received(self, piece: bytes) -> Future[None]:
        """Take a piece; the Future is done when it has been read. `HTTPInputError` (413) beyond the limit."""
        self._left -= len(piece)
        if self._left < 0:
            raise HTTPInputError("the body is longer than it may be here", 413)
        self._pieces.append(piece)
        self._wake()
        if self._taken is None or self._taken.done():
            self._taken = asyncio.get_running_loop().create_future()
        return self._taken

    def end(self) -> None:
        """The body is whole."""
        self._ended = True
        self._wake()

    def lost(self) -> None:
        """The client left, or was refused, before the body was whole."""
        self._lost = not self._ended
        self._let_flow()
        self._wake()

    async def read(self) -> bytes:
        """The next piece, in the size in which it came; empty at the end.

        Raises `StreamClosedError` if the client leaves, RuntimeError if somebody is reading already.
        """
        while not self._pieces:
            if self._lost:
                raise StreamClosedError()
            if self._ended:
                return b""
            if self._reader is not None:
                raise RuntimeError("the body is being read already")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        piece = self._pieces.popleft()
        if not self._pieces:
            self._let_flow()
        return piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read():
            yield piece

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _let_flow(self) -> None:
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
