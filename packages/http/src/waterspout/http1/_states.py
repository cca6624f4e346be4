"""The phases of reading one message, and which may follow which."""

from __future__ import annotations

from enum import Enum

__all__ = ["MAY_FOLLOW", "Reading"]


class Reading(Enum):
    """Where in a message a reader is (RFC 9112, 2.1, 6 and 7)."""

    __module__ = "waterspout.http1"

    HEAD = "start line and fields"
    LENGTH = "content of a known length"
    CHUNKS = "chunked content and its trailers"
    UNTIL_CLOSE = "content that ends with the connection"
    DONE = "message whole; the next one is not looked at yet"
    UPGRADED = "bytes belong to another protocol"
    CLOSED = "nothing more will be read: the peer closed, or broke the protocol"


#: The readers assert nothing of this at run time; the tests walk it and the documentation draws it.
MAY_FOLLOW: dict[Reading, frozenset[Reading]] = {
    Reading.HEAD: frozenset(
        {
            Reading.LENGTH,
            Reading.CHUNKS,
            Reading.UNTIL_CLOSE,
            Reading.DONE,
            Reading.UPGRADED,
            Reading.CLOSED,
            Reading.HEAD,
        }
    ),
    Reading.LENGTH: frozenset({Reading.LENGTH, Reading.DONE, Reading.CLOSED}),
    Reading.CHUNKS: frozenset({Reading.CHUNKS, Reading.DONE, Reading.CLOSED}),
    Reading.UNTIL_CLOSE: frozenset({Reading.UNTIL_CLOSE, Reading.DONE, Reading.CLOSED}),
    Reading.DONE: frozenset({Reading.DONE, Reading.HEAD, Reading.UPGRADED, Reading.CLOSED}),
    Reading.UPGRADED: frozenset({Reading.UPGRADED}),
    Reading.CLOSED: frozenset({Reading.CLOSED}),
}
