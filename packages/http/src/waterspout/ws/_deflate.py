"""permessage-deflate (RFC 7692): one connection's contexts for both directions."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final

from waterspout.ws._close_codes import CloseCode
from waterspout.ws._errors import ProtocolViolation

__all__ = ["DeflateOptions", "PerMessageDeflate"]

#: What every flushed message ends with, and is sent without (7.2.1).
_TAIL: Final = b"\x00\x00\xff\xff"
#: An empty final block: a stream that is between two blocks ends with it and says so.
_FINAL_BLOCK: Final = b"\x01\x00\x00\xff\xff"
#: One text for all that can be wrong with a stream: what zlib says depends on the pieces in which it comes.
_MALFORMED: Final = "malformed compressed message"
#: zlib compresses raw streams with windows from 9 bits on only.
MIN_WINDOW_BITS: Final = 9
MAX_WINDOW_BITS: Final = 15


@dataclass(frozen=True, slots=True)
class DeflateOptions:
    """What to ask for, or agree to. Raises ValueError for numbers out of range.

    Window sizes are powers of two, 9-15: a connection keeps about ``2 ** (bits + 2) + 2 ** (mem_level + 9)`` bytes to
    compress and ``2 ** bits`` to decompress. Without context takeover that is taken per message only, and compresses
    worse. `level` (-1 to 9), `mem_level` (1-9) and `threshold` (shorter messages are not compressed) are our own
    choice.
    """

    __module__ = "waterspout.ws"

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = MAX_WINDOW_BITS
    client_max_window_bits: int = MAX_WINDOW_BITS
    level: int = -1
    mem_level: int = 8
    threshold: int = 1

    def __post_init__(self) -> None:
        for name, low, high in (
            ("server_max_window_bits", MIN_WINDOW_BITS, MAX_WINDOW_BITS),
            ("client_max_window_bits", MIN_WINDOW_BITS, MAX_WINDOW_BITS),
            ("level", -1, 9),
            ("mem_level", 1, 9),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}={value} is not within {low}-{high}")


class PerMessageDeflate:
    """The agreed extension as one end of one connection uses it. Not to be shared between connections."""

    __module__ = "waterspout.ws"
    __slots__ = ("_compressor", "_inflater", "_level", "_mem_level", "inflate_bits", "deflate_bits",
                 "inflate_takeover", "deflate_takeover", "threshold")  # fmt: skip

    deflate_bits: int
    deflate_takeover: bool
    inflate_bits: int
    inflate_takeover: bool
    threshold: int

    def __init__(
        self,
        *,
        deflate_bits: int = MAX_WINDOW_BITS,
        deflate_takeover: bool = True,
        inflate_bits: int = MAX_WINDOW_BITS,
        inflate_takeover: bool = True,
        options: DeflateOptions | None = None,
    ) -> None:
        """*deflate_...* is what we send with, *inflate_...* what the peer sends with."""
        if options is None:
            options = DeflateOptions()
        self.deflate_bits = deflate_bits
        self.deflate_takeover = deflate_takeover
        self.inflate_bits = inflate_bits
        self.inflate_takeover = inflate_takeover
        self.threshold = max(1, options.threshold)
        self._level = options.level
        self._mem_level = options.mem_level
        # Made with the first message: most connections that agree on compression carry few.
        self._compressor: Any = None
        self._inflater: Any = None

    @property
    def deflate_parameters(self) -> tuple[int, int, int]:
        """Window bits, level and memory level: where they are the same, so are messages that need no context."""
        return self.deflate_bits, self._level, self._mem_level

    def compress(self, payload: bytes) -> bytes:
        """The payload of the whole message *payload*, which must not be empty, as it is sent with RSV1 set."""
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(self._level, zlib.DEFLATED, -self.deflate_bits, self._mem_level)
            if self.deflate_takeover:
                self._compressor = compressor
        compressed = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return bytes(compressed[: -len(_TAIL)])

    def decompress(self, data: bytes, last: bool, max_size: int) -> bytes:
        """What *data*, the next piece of a compressed message, adds to it; *last* says that the message ends with it.

        Raises `ProtocolViolation`: 1009 as soon as more than *max_size* bytes would come out, 1007 for data that is
        no deflate stream, goes on after its final block, or stops inside a block.
        """
        inflater = self._inflater
        if inflater is None:
            self._inflater = inflater = zlib.decompressobj(-max(self.inflate_bits, MIN_WINDOW_BITS))
        try:
            inflated: bytes = inflater.decompress(data, max_size + 1)
            if last and not inflater.eof and len(inflated) <= max_size:
                inflated += inflater.decompress(_TAIL, max_size + 1 - len(inflated))
                self._check_between_blocks(inflater)
        except zlib.error as error:
            raise ProtocolViolation(CloseCode.INVALID_PAYLOAD, _MALFORMED) from error
        if len(inflated) > max_size:
            raise ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, "decompressed message is too big")
        # A sender may end a message with a final block, and one zero byte for the next block's header (7.2.3.4).
        if inflater.eof and inflater.unused_data not in (b"", b"\x00"):
            raise ProtocolViolation(CloseCode.INVALID_PAYLOAD, _MALFORMED)
        if last and (inflater.eof or not self.inflate_takeover):
            self._inflater = None
        return inflated

    def _check_between_blocks(self, inflater: Any) -> None:
        # Whether the tail closed a block or was swallowed by an unfinished one, zlib does not tell; an empty final
        # block does. The context lives on in the original (copying takes 0.4 microseconds).
        probe = inflater.copy() if self.inflate_takeover else inflater
        if probe.decompress(_FINAL_BLOCK, 1) or not probe.eof:
            raise ProtocolViolation(CloseCode.INVALID_PAYLOAD, _MALFORMED)
