"""Writing messages: heads and content in, buffers out (RFC 9112). No I/O.

`whole_response` is the straight way for a response that is known completely. `MessageWriter` is for content that is
still being made: it keeps account, so that what leaves is always a well-formed message or an error.
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from waterspout.httputil._errors import HTTPOutputError

__all__ = [
    "Framing",
    "MessageWriter",
    "frame_response",
    "is_safe_reason",
    "request_head",
    "response_head",
    "status_line",
]

#: Every status line that the standard names, ready to send.
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
#: RFC 9110, 15.5.14 and 15.5.21: names that older Pythons spell otherwise.
STATUS_LINES |= {413: "HTTP/1.1 413 Content Too Large\r\n", 422: "HTTP/1.1 422 Unprocessable Content\r\n"}

#: Content up to this size is copied behind its head or chunk size: one small copy costs less than a second buffer.
JOIN_LIMIT = 4096


class Framing(Enum):
    """How the end of a message's content is told (RFC 9112, 6.3)."""

    __module__ = "waterspout.http1"

    NONE = "no content"
    LENGTH = "Content-Length"
    CHUNKED = "Transfer-Encoding: chunked"
    UNTIL_CLOSE = "the connection closes"


def status_line(status: int, reason: str | None) -> str:
    """The status line with its CRLF; *reason* None gives the registered phrase.

    A reason with anything but visible Latin-1 text and spaces becomes ``Unknown``: it may hold what the application
    was given by a client (RW3).
    """
    if reason is None:
        line = STATUS_LINES.get(status)
        if line is not None:
            return line
        reason = "Unknown"
    elif not is_safe_reason(reason):
        reason = "Unknown"
    if not 100 <= status <= 999:
        raise HTTPOutputError(f"{status} is no HTTP status code")
    return f"HTTP/1.1 {status} {reason}\r\n"


def is_safe_reason(reason: str) -> bool:
    """Whether *reason* can go into a status line, and into an error page: printable Latin-1 without angle brackets."""
    return reason.isprintable() and _is_latin1(reason) and "<" not in reason and ">" not in reason


def response_head(status: int, reason: str | None, fields: str) -> bytes:
    """Status line, *fields* (lines with their CRLF) and the empty line. Raises `HTTPOutputError` outside Latin-1."""
    try:
        return f"{status_line(status, reason)}{fields}\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise HTTPOutputError(f"a header holds {error.object[error.start]!r}, which is not Latin-1") from error


def request_head(method: str, target: str, fields: str) -> bytes:
    """Request line, *fields* (lines with their CRLF) and the empty line.

    *method* must be a token and *target* visible ASCII: the caller has checked both. Raises `HTTPOutputError` for
    anything that is not Latin-1.
    """
    try:
        return f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise HTTPOutputError(f"the request head holds {error.object[error.start]!r}, which is not Latin-1") from error


def frame_response(method: str, version: str, status: int, content_length: int | None) -> Framing:
    """How a response of *status* to a request of *method* and *version* is framed, given its Content-Length."""
    if method == "HEAD" or status == 204 or status == 205 or status == 304 or status < 200:
        return Framing.NONE
    if content_length is not None:
        return Framing.LENGTH
    return Framing.CHUNKED if version == "HTTP/1.1" else Framing.UNTIL_CLOSE


class MessageWriter:
    """The content of one message on its way out."""

    __module__ = "waterspout.http1"

    __slots__ = ("_left", "framing")

    framing: Framing

    def __init__(self, framing: Framing, content_length: int | None = None) -> None:
        self.framing = framing
        self._left = content_length or 0

    def data(self, data: bytes | bytearray | memoryview) -> list[bytes | bytearray | memoryview]:
        """Buffers to send for one piece of content; *data* itself is among them, not a copy, unless it is small.

        Raises `HTTPOutputError` for more bytes than the Content-Length promised. A message without content gives
        no buffers.
        """
        size = len(data)
        if not size or self.framing is Framing.NONE:
            return []
        if self.framing is Framing.CHUNKED:
            if size <= JOIN_LIMIT:
                return [b"%x\r\n" % size + data + b"\r\n"]
            return [b"%x\r\n" % size, data, b"\r\n"]
        if self.framing is Framing.LENGTH:
            self._left -= size
            if self._left < 0:
                raise HTTPOutputError("Tried to write more data than Content-Length")
        return [data]

    def around(self, size: int) -> tuple[bytes, bytes] | None:
        """What goes before and after *size* bytes of content that somebody else sends, such as the kernel.

        None: the message has no content, and they must not be sent. Raises as `data` does.
        """
        if not size or self.framing is Framing.NONE:
            return None
        if self.framing is Framing.CHUNKED:
            return b"%x\r\n" % size, b"\r\n"
        if self.framing is Framing.LENGTH:
            self._left -= size
            if self._left < 0:
                raise HTTPOutputError("Tried to write more data than Content-Length")
        return b"", b""

    def end(self, trailers: str = "") -> bytes:
        """What ends the content: the last chunk with *trailers* (lines with CRLF), or nothing.

        Raises `HTTPOutputError` when fewer bytes were written than the Content-Length promised: the connection
        must be closed then, or the peer would take the next message for the rest of this one.
        """
        if self.framing is Framing.LENGTH and self._left > 0:
            raise HTTPOutputError(f"Tried to write {self._left} bytes less than Content-Length")
        if self.framing is Framing.CHUNKED:
            return f"0\r\n{trailers}\r\n".encode("latin-1")
        return b""


def _is_latin1(text: str) -> bool:
    return text.isascii() or max(text) <= "\xff"
