"""Streams in ``async for``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.iostream._errors import StreamClosedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from waterspout.iostream._base import BaseIOStream


async def chunks(stream: BaseIOStream, size: int) -> AsyncIterator[bytes]:
    """What arrives, as it arrives, until the stream ends; StreamClosedError if an error ends it."""
    while True:
        try:
            chunk = await stream.read_bytes(size, partial=True)
        except StreamClosedError:
            if stream.error is not None:
                raise
            return
        yield chunk


async def lines(stream: BaseIOStream, delimiter: bytes, max_bytes: int | None) -> AsyncIterator[bytes]:
    """Lines with their delimiter, and what stands after the last one; StreamClosedError if an error ends the stream."""
    while True:
        try:
            line = await stream.read_until(delimiter, max_bytes)
        except StreamClosedError:
            if stream.error is not None:
                raise
            break
        yield line
    rest = await stream.read_until_close()
    if rest:
        yield rest
