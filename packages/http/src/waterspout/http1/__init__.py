"""HTTP/1.1 without I/O: the codec that server and client share (RFC 9110, RFC 9112).

Bytes in, events out (`RequestReader`, `ResponseReader`); heads and content in, buffers out (`MessageWriter` and the
functions beside it). Nothing here knows a socket, a clock or a callback.
"""

from typing import TYPE_CHECKING

from waterspout.util import exports

if TYPE_CHECKING:
    from waterspout.http1._events import Data, EndOfMessage, InterimResponse, ResponseHead
    from waterspout.http1._limits import TORNADO_LIMITS, Limits
    from waterspout.http1._reader import MessageReader
    from waterspout.http1._request_reader import RequestReader
    from waterspout.http1._response_reader import ResponseReader
    from waterspout.http1._states import MAY_FOLLOW, Reading
    from waterspout.http1._writer import (
        JOIN_LIMIT,
        Framing,
        MessageWriter,
        frame_response,
        is_safe_reason,
        request_head,
        response_head,
        status_line,
    )

__all__ = [
    "JOIN_LIMIT",
    "MAY_FOLLOW",
    "TORNADO_LIMITS",
    "Data",
    "EndOfMessage",
    "Framing",
    "InterimResponse",
    "Limits",
    "MessageReader",
    "MessageWriter",
    "Reading",
    "RequestReader",
    "ResponseHead",
    "ResponseReader",
    "frame_response",
    "is_safe_reason",
    "request_head",
    "response_head",
    "status_line",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _events="Data EndOfMessage InterimResponse ResponseHead",
        _limits="TORNADO_LIMITS Limits",
        _reader="MessageReader",
        _request_reader="RequestReader",
        _response_reader="ResponseReader",
        _states="MAY_FOLLOW Reading",
        _writer=(
            "JOIN_LIMIT Framing MessageWriter frame_response is_safe_reason request_head response_head status_line"
        ),
    )
