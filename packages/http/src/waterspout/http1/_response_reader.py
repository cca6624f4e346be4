"""Reading responses: the client's role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from waterspout.http1._content import ChunkedContent, LengthContent, UntilCloseContent, check_length
from waterspout.http1._events import EndOfMessage, InterimResponse, ResponseHead
from waterspout.http1._grammar import match_content_length
from waterspout.http1._lenient import with_crlf
from waterspout.http1._limits import Limits
from waterspout.http1._reader import NOTHING, MessageReader
from waterspout.http1._response_grammar import find_noted_in_response, match_response_head
from waterspout.http1._states import Reading
from waterspout.httputil._errors import HTTPInputError

__all__ = ["ResponseReader"]

_END = EndOfMessage()


class ResponseReader(MessageReader):
    """Turns what a server sends into `InterimResponse`, `ResponseHead`, `Data` and `EndOfMessage` events.

    `expect` must be called before the bytes of each response are given in, because the request's method decides
    whether content follows (RFC 9112, 6.3). Every final response ends with an `EndOfMessage`, in the same
    `receive` where nothing follows its head.
    """

    __module__ = "waterspout.http1"

    __slots__ = ("_interim", "_method", "lenient")

    state: Reading
    lenient: bool

    def __init__(self, limits: Limits | None = None, *, lenient: bool = False) -> None:
        """*lenient* is for who relies on Tornado: a bare LF ends lines, too, and a 204 must not announce content."""
        super().__init__(limits or Limits())
        self.lenient = lenient
        self._method = "GET"
        self._interim = 0

    def expect(self, method: str) -> None:
        """The next final response answers a request of *method*."""
        self._method = method
        self._interim = 0

    def _read_head(self, data: bytes) -> Sequence[Any]:
        match = match_response_head(data)
        if match is None:
            return self._read_unusual_head(data)
        minor, digits, reason, block = match.groups()
        end = match.end()
        limits = self.limits
        if end > limits.head or block.count(b"\r\n") > limits.fields:
            raise self._refuse(f"response head exceeds {limits.head} bytes or {limits.fields} fields")
        status = int(digits)
        interim = status < 200 and status != 101
        head = InterimResponse() if interim else ResponseHead()
        head.status = status
        head.reason = reason.decode("latin-1") if reason else ""
        head.version = "HTTP/1.1" if minor == b"1" else "HTTP/1.0"
        head.field_block = block
        length: bytes | None = None
        coding: bytes | None = None
        connection: bytes | None = None
        head.content_encoding = None
        for name, value in find_noted_in_response(block):
            value = value.rstrip(b" \t")
            size = len(name)
            if size == 14:
                if length is not None and length != value:
                    raise self._refuse("Content-Length fields that differ")
                length = value
            elif size == 10:
                connection = value if connection is None else connection + b"," + value
            elif size == 17:
                if coding is not None:
                    raise self._refuse("more than one Transfer-Encoding field")
                coding = value
            else:
                known: bytes | None = head.content_encoding
                head.content_encoding = value if known is None else known + b", " + value
        tokens = {t.strip().lower() for t in connection.split(b",")} if connection is not None else ()
        head.keep_alive = b"close" not in tokens and (minor == b"1" or b"keep-alive" in tokens)
        head.content_length = self._length(length)
        head.chunked = coding is not None
        head.has_body = False
        rest = data[end:]
        if interim:
            self._interim += 1
            if self._interim > limits.interim_responses:
                raise self._refuse(f"more than {limits.interim_responses} interim responses")
            return (head, *self._read_head(rest)) if rest else (head,)
        if status == 101 or (self._method == "CONNECT" and status < 300):
            self._held = rest
            self.state = Reading.DONE
            return (head, _END)
        if self._method == "HEAD" or status == 204 or status == 304:
            if status == 204 and (head.content_length or coding is not None):
                if self.lenient:
                    raise self._refuse("a 204 response that announces content (RFC 9110, 8.6)")
                head.keep_alive = False  # it may send what it announces, which is the answer to nothing
            self._held = rest
            self.state = Reading.DONE
            return (head, _END)
        return self._frame(head, length is not None, coding, rest)

    def _frame(self, head: ResponseHead, has_length: bool, coding: bytes | None, rest: bytes) -> Sequence[Any]:
        if coding is not None:
            if has_length:
                raise self._refuse("both Content-Length and Transfer-Encoding in a response")
            if coding.lower() != b"chunked":
                raise self._refuse(f"Transfer-Encoding {coding[:40]!r} is not supported; only chunked is")
            if head.version == "HTTP/1.0":
                head.keep_alive = False  # it cannot know what it says (RFC 9112, 6.1)
            self._content = ChunkedContent(self.limits)
            self.state = Reading.CHUNKS
        elif has_length:
            length = head.content_length or 0
            try:
                check_length(length, self.max_body)
            except HTTPInputError as error:
                raise self._refuse(error) from None
            if not length:
                self._held = rest
                self.state = Reading.DONE
                return (head, _END)
            self._content = LengthContent(length)
            self.state = Reading.LENGTH
        else:
            head.keep_alive = False
            self._content = UntilCloseContent()
            self.state = Reading.UNTIL_CLOSE
        head.has_body = True
        return (head, *self._read_content(rest)) if rest else (head,)

    def _length(self, value: bytes | None) -> int | None:
        if value is None:
            return None
        parts = {part.strip(b" \t") for part in value.split(b",")}
        digits = parts.pop()
        if parts or not match_content_length(digits):
            raise self._refuse(f"Content-Length {value[:40]!r} is not one number (RFC 9110, 8.6)")
        return int(digits)

    def _read_unusual_head(self, data: bytes) -> Sequence[Any]:
        if self.lenient and b"\n" in data:
            strict = with_crlf(data)
            if strict is not None:
                return self._read_head(strict)
        from waterspout.http1._malformed import malformed_response_head  # most servers need it never

        verdict = malformed_response_head(data, self.limits, lenient=self.lenient)
        if verdict is not None:
            raise self._refuse(verdict)
        self._held = data
        return NOTHING

    def _refuse(self, why: str | HTTPInputError) -> HTTPInputError:
        self.state = Reading.CLOSED
        self._held = b""
        return why if isinstance(why, HTTPInputError) else HTTPInputError(why)
