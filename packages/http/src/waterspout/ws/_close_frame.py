"""The payload of Close frames (RFC 6455, 5.5.1): nothing, or a code and a reason."""

from __future__ import annotations

from typing import Final

from waterspout.ws._close_codes import CloseCode, is_sendable_close_code
from waterspout.ws._errors import ProtocolViolation
from waterspout.ws._events import Close

__all__ = ["close_payload", "read_close"]

#: What a control frame's payload of 125 bytes leaves after the code.
_MAX_REASON: Final = 123


def close_payload(code: int | None, reason: str) -> bytes:
    """The payload for *code* and *reason*; 1000 where there is a reason only.

    Raises ValueError for a code that must not be sent, or a reason of more than 123 bytes in UTF-8.
    """
    encoded = reason.encode()
    if code is None:
        if not encoded:
            return b""
        code = CloseCode.NORMAL
    if not is_sendable_close_code(code):
        raise ValueError(f"close code {int(code)} must not be sent; use 1000, or one from 3000 to 4999")
    if len(encoded) > _MAX_REASON:
        raise ValueError(f"close reason has {len(encoded)} bytes; the limit is {_MAX_REASON}")
    return code.to_bytes(2) + encoded


def read_close(payload: bytes) -> Close:
    """The event for a received *payload*.

    Raises `ProtocolViolation`: 1002 for half a code or one that must not be sent, 1007 for a reason that is not UTF-8.
    """
    if not payload:
        return Close(None, "")
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or not is_sendable_close_code(code):
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "malformed close code")
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError as error:
        raise ProtocolViolation(CloseCode.INVALID_PAYLOAD, "close reason is not UTF-8") from error
