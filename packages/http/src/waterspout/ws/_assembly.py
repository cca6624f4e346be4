"""A message that comes in more than one piece: fragments, parts of a frame, compressed data.

Text is checked as it arrives, to the byte (RFC 6455, 8.1), and sizes before anything is kept. What is kept grows with
the bytes of the message, not with the number of its pieces.
"""

from __future__ import annotations

import codecs
import io

from waterspout.ws._close_codes import CloseCode
from waterspout.ws._deflate import PerMessageDeflate
from waterspout.ws._errors import ProtocolViolation
from waterspout.ws._events import BinaryMessage, TextMessage

__all__ = ["Assembly"]

_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class Assembly:
    """Collects one message. *inflate* is the extension if the message is compressed, None otherwise."""

    __slots__ = ("_bytes", "_decoder", "_max_size", "_text", "fragments", "inflate", "size")

    def __init__(self, is_text: bool, inflate: PerMessageDeflate | None, max_size: int) -> None:
        self._text = io.StringIO() if is_text else None
        self._decoder = _utf8_decoder() if is_text else None
        self._bytes = bytearray()
        self.inflate = inflate
        self._max_size = max_size
        #: Bytes of the message so far, decompressed.
        self.size = 0
        #: Frames of the message so far.
        self.fragments = 0

    def add(self, piece: bytes, last: bool) -> TextMessage | BinaryMessage | None:
        """Take the next unmasked *piece*; the message if it is the *last*. Raises `ProtocolViolation`."""
        if self.inflate is not None:
            piece = self.inflate.decompress(piece, last, self._max_size - self.size)
        whole = last and self.size == 0
        self.size += len(piece)
        if self._decoder is None or self._text is None:
            if whole:
                return BinaryMessage(piece)
            self._bytes += piece
            return BinaryMessage(bytes(self._bytes)) if last else None
        try:
            if whole:
                return TextMessage(piece.decode())
            self._text.write(self._decoder.decode(piece, last))
        except UnicodeDecodeError as error:
            raise ProtocolViolation(CloseCode.INVALID_PAYLOAD, "text message is not UTF-8") from error
        if last:
            return TextMessage(self._text.getvalue())
        pending = self._decoder.getstate()[0]
        if pending[:1] == b"\xed" and pending[1:] >= b"\xa0":  # a surrogate; the decoder would wait for its third byte
            raise ProtocolViolation(CloseCode.INVALID_PAYLOAD, "text message is not UTF-8")
        return None
