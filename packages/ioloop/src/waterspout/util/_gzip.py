"""Streaming gzip decompression with a limit on what comes out (RFC 1952).

zlib ends at the end of a gzip member. This walks from member to member, so that a stream of several
(section 2.2) is decompressed in full, and says so when a stream ends inside a member or goes on with
something that is no member.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from waterspout.util._compat import is_tornado_compat

if TYPE_CHECKING:
    import zlib

_MAGIC = b"\x1f\x8b"  # RFC 1952 section 2.3.1: ID1, ID2
_GZIP_WINDOW = 31  # zlib's 16 + MAX_WBITS: expect a gzip header and check the CRC and length
#: Bytes handed to zlib at once. What it leaves it copies, after every member: with all of a body at hand, time would
#: grow with the square of its members, which need no more than 20 bytes each.
_SLICE = 4096


class GzipDecompressor:
    """Decompresses a gzip stream piece by piece, in the manner of `zlib.decompressobj`.

    Feed `decompress` until there is no more input, each time giving `unconsumed_tail` back to it
    until that is empty; then call `flush`, which checks that the stream was complete.
    """

    __module__ = "waterspout.util"

    __slots__ = ("_member", "_start", "_tail", "_zlib")

    def __init__(self) -> None:
        # zlib is a shared library that most programs that import this module never need.
        import zlib

        self._zlib: Any = zlib
        self._member: zlib._Decompress | None = None
        self._start = b""  # the first byte of a member's magic number, until the second is there
        self._tail = b""

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that `decompress` has not used yet; give it to the next call, before other input."""
        return self._tail

    def decompress(self, value: bytes, max_length: int = 0) -> bytes:
        """What `value` adds to the output: at most `max_length` bytes.

        A call may return fewer bytes, or none, though `unconsumed_tail` is not empty. Raises
        zlib.error if the input is not gzip: a bad header or checksum, or data after the last member
        that is not another member.

        Raises ValueError if `max_length` is negative or missing: a few kilobytes of input can become
        gigabytes. Where Tornado's behaviour is the default it may be left out, with a
        DeprecationWarning, and there is no limit then.
        """
        if max_length < 0:
            raise ValueError(f"max_length must be non-negative, not {max_length}")
        if max_length:
            return self._advance(value, max_length)
        if not is_tornado_compat(None):
            raise ValueError("GzipDecompressor.decompress needs max_length: the output of gzip has no other bound")
        warnings.warn(
            "GzipDecompressor.decompress without max_length is deprecated",
            DeprecationWarning,
            stacklevel=2,
        )
        pieces = [self._advance(value, 0)]
        while self._tail:
            pieces.append(self._advance(self._tail, 0))
        return b"".join(pieces)

    def _advance(self, value: bytes, max_length: int) -> bytes:
        """Work through `value` up to its end, the limit, or bytes that are no member's, whichever is first."""
        self._tail = b""
        value, self._start = self._start + value, b""
        pieces: list[bytes] = []
        room = max_length
        position = 0
        while position < len(value):
            if self._member is None:
                magic = value[position : position + 2]
                if not _MAGIC.startswith(magic):
                    if pieces:
                        break  # what came before is good
                    raise self._zlib.error(f"expected a gzip member, got {magic!r}")
                if len(magic) < len(_MAGIC):
                    self._start = magic
                    return b"".join(pieces)
                self._member = self._zlib.decompressobj(_GZIP_WINDOW)
            member = self._member
            assert member is not None
            piece = value[position : position + _SLICE]
            output = member.decompress(piece, room)
            position += len(piece)
            if member.eof:
                position -= len(member.unused_data)
                self._member = None
            else:
                position -= len(member.unconsumed_tail)
            if output:
                pieces.append(output)
                if max_length:
                    room -= len(output)
                    if not room:
                        break
        self._tail = value[position:]
        return b"".join(pieces)

    def flush(self) -> bytes:
        """Check that the stream was complete; call it once, after the last `decompress`.

        Always returns b"": all output came from `decompress`. Raises ValueError if
        `unconsumed_tail` is not empty, zlib.error if the stream ends inside a member.
        """
        if self._tail:
            raise ValueError("unconsumed_tail must be passed to decompress before flush")
        if self._member is not None or self._start:
            raise self._zlib.error("incomplete or truncated gzip stream")
        return b""
