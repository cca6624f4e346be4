"""``multipart/byteranges``: several parts of one file in one answer (RFC 9110, 14.6)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence

from waterspout.httputil import content_range

__all__ = ["multipart_length", "multipart_pieces", "new_boundary"]

Ranges = Sequence[tuple[int, int]]


def new_boundary() -> str:
    """A delimiter that the file's content cannot be expected to hold."""
    return secrets.token_hex(16)


def multipart_length(ranges: Ranges, size: int, content_type: str, boundary: str) -> int:
    """Bytes of the whole body."""
    heads = sum(len(_part_head(part, size, content_type, boundary)) for part in ranges)
    return heads + sum(stop - start for start, stop in ranges) + len(_end(boundary))


def multipart_pieces(
    ranges: Ranges, size: int, content_type: str, boundary: str, read: Callable[[int, int], Iterable[bytes]]
) -> Iterator[bytes]:
    """The body, piece by piece; *read* gives the bytes of one range."""
    for part in ranges:
        yield _part_head(part, size, content_type, boundary)
        yield from read(*part)
    yield _end(boundary)


def _part_head(part: tuple[int, int], size: int, content_type: str, boundary: str) -> bytes:
    fields = f"Content-Type: {content_type}\r\nContent-Range: {content_range(*part, size)}\r\n"
    return f"\r\n--{boundary}\r\n{fields}\r\n".encode("latin-1")


def _end(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()
