"""Frames as they are sent (RFC 6455, 5.2)."""

from __future__ import annotations

import enum
from os import urandom
from typing import Final

from waterspout.ws._masking import apply_mask

__all__ = ["Opcode", "frame", "masked_frame"]


class Opcode(enum.IntEnum):
    """What a frame is. Control frames are those from `CLOSE` on."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


Opcode.__module__ = "waterspout.ws"

FIN: Final = 0x80
RSV1: Final = 0x40
MASK: Final = 0x80
#: Longest payload whose length fits into the second byte, and of any control frame.
SMALL: Final = 125

#: The two bytes before a short unmasked payload, by its length.
TEXT_HEADS: Final = tuple(bytes((FIN | Opcode.TEXT, size)) for size in range(SMALL + 1))
BINARY_HEADS: Final = tuple(bytes((FIN | Opcode.BINARY, size)) for size in range(SMALL + 1))


def head(first: int, size: int, mask: int) -> bytes:
    """The bytes before a payload of *size* bytes, up to the masking key; *first* is FIN, RSV bits and opcode."""
    if size <= SMALL:
        return bytes((first, mask | size))
    if size < 1 << 16:
        return bytes((first, mask | 126)) + size.to_bytes(2)
    return bytes((first, mask | 127)) + size.to_bytes(8)


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """One whole unmasked frame: what a server sends, the same bytes to any number of clients."""
    return head(FIN | opcode, len(payload), 0) + payload


def masked_frame(first: int, payload: bytes) -> bytes:
    """One frame from a client, with a new unpredictable key (RFC 6455, 5.3)."""
    key = urandom(4)
    return head(first, len(payload), MASK) + key + apply_mask(payload, key)
