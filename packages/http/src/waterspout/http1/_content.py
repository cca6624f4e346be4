"""Readers for the content of one message, by the way it is framed (RFC 9112, 6 and 7)."""

from __future__ import annotations

from typing import Any, Protocol

from waterspout.http1._events import Data, EndOfMessage
from waterspout.http1._grammar import (
    find_forbidden,
    find_forbidden_trailer,
    match_chunk_size,
    match_trailer_lines,
    match_trailers,
)
from waterspout.http1._limits import Limits
from waterspout.httputil._errors import HTTPInputError

__all__ = ["ChunkedContent", "ContentReader", "LengthContent", "UntilCloseContent", "check_length"]


class ContentReader(Protocol):
    """Takes bytes, appends events; returns what follows the message once it has ended, else None."""

    def receive(self, data: bytes, events: list[Any], max_body: int) -> bytes | None: ...


class LengthContent:
    """Content-Length bytes; refused with the first of them if they are too many."""

    __slots__ = ("_checked", "_left")

    def __init__(self, length: int) -> None:
        self._left = length
        self._checked = False

    def receive(self, data: bytes, events: list[Any], max_body: int) -> bytes | None:
        if not self._checked:
            check_length(self._left, max_body)
            self._checked = True
        size = len(data)
        if size < self._left:
            if size:
                self._left -= size
                events.append(Data(data))
            return None
        left, self._left = self._left, 0
        if left:
            events.append(Data(data if size == left else data[:left]))
        events.append(EndOfMessage())
        return data[left:]


class UntilCloseContent:
    """Everything until the peer closes: responses only."""

    __slots__ = ("_total",)

    def __init__(self) -> None:
        self._total = 0

    def receive(self, data: bytes, events: list[Any], max_body: int) -> bytes | None:
        self._total += len(data)
        if self._total > max_body:
            raise HTTPInputError(f"content exceeds the limit of {max_body} bytes", status=413)
        if data:
            events.append(Data(data))
        return None


class ChunkedContent:
    """Chunks until the empty one, then trailers (RFC 9112, 7.1).

    Data of all chunks that arrive together is handed on as one event, so that a body of one-byte chunks costs time
    linear in its bytes and not an event for each.
    """

    __slots__ = ("_extensions", "_held", "_left", "_limits", "_total")

    #: `_left` beside a count of bytes: a size line is due; the CRLF after a chunk is due; the trailers are due.
    SIZE_DUE, CRLF_DUE, TRAILERS_DUE = 0, -1, -2

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = self.SIZE_DUE
        self._total = 0
        self._extensions = 0
        self._held = b""

    def receive(self, data: bytes, events: list[Any], max_body: int) -> bytes | None:
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        position, size = 0, len(data)
        rest: bytes | None = None
        while True:
            if self._left > 0:
                piece = data[position : position + self._left]
                if not piece:
                    break
                pieces.append(piece)
                position += len(piece)
                self._left = self._left - len(piece) or self.CRLF_DUE
            elif self._left == self.CRLF_DUE:
                end = data[position : position + 2]
                if end == b"\r\n":
                    position += 2
                    self._left = self.SIZE_DUE
                elif len(end) < 2 and b"\r\n".startswith(end):
                    break
                else:
                    raise HTTPInputError("improperly terminated chunk: it is longer than its size says")
            elif self._left == self.SIZE_DUE:
                line = match_chunk_size(data, position)
                if line is None:
                    self._check_partial_line(data, position)
                    break
                self._start_chunk(line[1], len(line[2]), max_body)
                position = line.end()
            else:
                trailers = match_trailers(data, position)
                if trailers is None:
                    self._check_partial_trailers(data, position)
                    break
                self._check_trailers(trailers[1])
                rest = data[trailers.end() :]
                position = size
                break
        if rest is None and position < size:
            self._held = data[position:]
        if pieces:
            events.append(Data(pieces[0] if len(pieces) == 1 else b"".join(pieces)))
        if rest is not None:
            events.append(EndOfMessage(b"\r\n" + trailers[1][:-2] if trailers and trailers[1] else b""))
        return rest

    def _start_chunk(self, digits: bytes, extensions: int, max_body: int) -> None:
        length = int(digits, 16)
        self._extensions += extensions
        if self._extensions > self._limits.chunk_extensions:
            raise HTTPInputError(f"chunk extensions exceed {self._limits.chunk_extensions} bytes")
        self._total += length
        if self._total > max_body:
            raise HTTPInputError(f"chunked body too large: it exceeds the limit of {max_body} bytes", status=413)
        self._left = length or self.TRAILERS_DUE

    def _check_partial_line(self, data: bytes, position: int) -> None:
        """Refuse a size line that can no longer become one, or that is too long to wait for."""
        line, crlf, _ = data[position : position + self._limits.chunk_extensions + 20].partition(b"\r\n")
        if crlf or find_forbidden(line) or not line.rstrip(b"\r")[:1].isalnum() and line not in (b"", b"\r"):
            raise HTTPInputError(f"invalid chunk size line {line[:40]!r}")
        if line.startswith(b"\r"):
            raise HTTPInputError("invalid chunk size line: it is empty")
        if len(line) > self._limits.chunk_extensions + 16:
            raise HTTPInputError(f"chunk size line exceeds {self._limits.chunk_extensions} bytes")

    def _check_partial_trailers(self, data: bytes, position: int) -> None:
        section = data[position : position + self._limits.trailers + 4]
        if len(section) > self._limits.trailers + 2:
            raise HTTPInputError(f"trailer section exceeds {self._limits.trailers} bytes")
        if find_forbidden(section) or section.startswith(b"\r\n"):
            raise HTTPInputError("malformed trailer section")
        # A line that is whole and wrong is refused now: what follows could not mend it, and may never come.
        lines = match_trailer_lines(section)
        if lines is None or section.count(b"\r\n", lines.end()):
            raise HTTPInputError("malformed trailer section (RFC 9112, 7.1.2)")
        self._check_trailers(lines[0])

    def _check_trailers(self, section: bytes) -> None:
        if len(section) > self._limits.trailers or section.count(b"\r\n") > self._limits.fields:
            raise HTTPInputError(
                f"trailer section exceeds {self._limits.trailers} bytes or {self._limits.fields} fields"
            )
        forbidden = find_forbidden_trailer(section)
        if forbidden:
            raise HTTPInputError(f"field {forbidden[1].decode()!r} is not allowed in trailers (RFC 9110, 6.5.1)")


def check_length(length: int, limit: int) -> None:
    """Raise `HTTPInputError` for a Content-Length over *limit*: 413 where it is a request's (RFC 9110, 15.5.14)."""
    if length > limit:
        raise HTTPInputError(f"Content-Length too long: {length} bytes exceed the limit of {limit} bytes", status=413)
