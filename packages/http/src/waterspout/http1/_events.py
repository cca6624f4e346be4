"""What a reader makes of the bytes, apart from the heads (`HTTPServerRequest`, `ResponseHead`)."""

from __future__ import annotations

from typing import NamedTuple

from waterspout.httputil._fields import field_pairs
from waterspout.httputil._headers import HTTPHeaders
from waterspout.httputil._lazy import lazy
from waterspout.httputil._startlines import ResponseStartLine

__all__ = ["Data", "EndOfMessage", "InterimResponse", "ResponseHead"]


class Data(NamedTuple):
    """A piece of the content, transfer coding removed; never empty."""

    data: bytes


class EndOfMessage(NamedTuple):
    """The message is whole. `trailers` holds the trailer fields as received (RFC 9110, 6.5), mostly empty."""

    trailer_block: bytes = b""

    def trailers(self) -> HTTPHeaders:
        """The trailer fields; they are never merged into the headers (RFC 9110, 6.5.1)."""
        return HTTPHeaders.from_pairs(field_pairs(self.trailer_block), trusted=True)


# In the body of a NamedTuple type checkers take it for a field.
Data.__module__ = EndOfMessage.__module__ = "waterspout.http1"


class ResponseHead:
    """A response's status line and fields.

    `content_length` is None where the field is absent; `keep_alive` is the verdict of version and Connection,
    to be believed only once the message has ended cleanly. `has_body` says whether content follows at all.
    """

    __module__ = "waterspout.http1"

    __slots__ = ("__dict__", "content_encoding", "content_length", "chunked", "field_block", "has_body", "keep_alive",
                 "reason", "status", "version")  # fmt: skip

    status: int
    reason: str
    version: str
    field_block: bytes
    content_length: int | None
    content_encoding: bytes | None
    chunked: bool
    keep_alive: bool
    has_body: bool

    @lazy
    def headers(self) -> HTTPHeaders:
        """The response's fields."""
        return HTTPHeaders.from_pairs(field_pairs(self.field_block), trusted=True)

    @property
    def start_line(self) -> ResponseStartLine:
        """The status line in Tornado's shape."""
        return ResponseStartLine(self.version, self.status, self.reason)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} {self.reason!r}>"


class InterimResponse(ResponseHead):
    """A 1xx response other than 101: the final one is still to come (RFC 9110, 15.2)."""

    __module__ = "waterspout.http1"

    __slots__ = ()
