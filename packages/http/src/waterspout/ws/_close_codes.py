"""Close codes (RFC 6455, 7.4, and the IANA registry)."""

from __future__ import annotations

import enum

__all__ = ["CloseCode", "is_sendable_close_code"]


class CloseCode(enum.IntEnum):
    """The registered codes; some only stand for what happened and are never sent (`is_sendable_close_code`)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    #: No code was in the Close frame. Never sent.
    NO_STATUS = 1005
    #: The connection went away without a Close frame. Never sent.
    ABNORMAL = 1006
    INVALID_PAYLOAD = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    #: The TLS handshake failed. Never sent.
    TLS_HANDSHAKE = 1015


CloseCode.__module__ = "waterspout.ws"


def is_sendable_close_code(code: int) -> bool:
    """Whether a Close frame may hold *code*: registered for that, or in the ranges for libraries and applications."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
