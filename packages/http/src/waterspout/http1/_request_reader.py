"""Reading requests: the server's role."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from waterspout.http1._content import ChunkedContent, LengthContent
from waterspout.http1._grammar import LONG_HEAD, NO_LINE_BREAKS, match_content_length
from waterspout.http1._lenient import with_crlf
from waterspout.http1._limits import Limits
from waterspout.http1._malformed import malformed_request_head
from waterspout.http1._reader import NOTHING, MessageReader
from waterspout.http1._repeated_lines import RepeatedLines, beginning
from waterspout.http1._request_grammar import (
    find_noted,
    match_host,
    match_long_request_head,
    match_request_head,
    match_request_line,
    match_rest_of_head,
)
from waterspout.http1._states import Reading
from waterspout.http1._targets import split_absolute_target
from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._request import HTTPServerRequest

__all__ = ["RequestReader"]

_new = object.__new__
_time = time.time
_DONE = Reading.DONE  # Python 3.11 looks for a member in an Enum by a detour through its metaclass
#: Others take what follows for the tunnel's: where two read the same bytes differently, a request can be smuggled.
CONNECT_WITH_CONTENT = "CONNECT with content (RFC 9110, 9.3.6)"
#: Hosts that a server's readers remember together, and bytes of the longest (a name has 253 at most, RFC 1035, 3.1).
KNOWN_HOSTS, LONGEST_HOST = 64, 260
#: Bytes of a head that may wait to be looked at, where they come a few at a time.
PUT_BY = 64
match_visible = re.compile(rb"[ -~]+").fullmatch
_HTTP_1_1, _HTTP_1_0 = "HTTP/1.1", "HTTP/1.0"
#: Methods by their bytes, so that the usual ones are not decoded (RFC 9110, 9.3; RFC 5789).
_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")
}
#: Connection as nearly every client sends it: the verdict for HTTP/1.1 and for HTTP/1.0.
_USUAL_CONNECTION = {
    b"keep-alive": (True, True),
    b"Keep-Alive": (True, True),
    b"close": (False, False),
    b"Upgrade": (True, False),
    b"upgrade": (True, False),
}
#: What `RequestReader._read_long_head` gives.
LongHead = tuple[bytes, bytes, bytes, bytes, list[tuple[bytes, bytes]], int, int]


class RequestReader(MessageReader):
    """Turns what a client sends into `HTTPServerRequest` heads, `Data` and `EndOfMessage`.

    A request without content, or whose content of known length arrived with its head, comes as one head with
    `complete` true and `body` set, and no further events.
    """

    __module__ = "waterspout.http1"

    __slots__ = ("_host", "_host_bytes", "_hosts", "_put_by_bytes", "_repeated", "_surely_allowed", "lenient")

    state: Reading
    lenient: bool

    def __init__(
        self, limits: Limits | None = None, lenient: bool = False, hosts: dict[bytes, str] | None = None
    ) -> None:
        """*lenient* accepts bare LF line ends and the like, as Tornado does.  *hosts* is for the readers of one server
        to share: hosts that were found well-formed are remembered there, up to `KNOWN_HOSTS` of them."""
        limits = limits or Limits()
        MessageReader.__init__(self, limits)  # super() takes longer than the call itself on Python 3.11
        self.lenient = lenient
        # A head of this length exceeds none of the limits, as no field takes less than four bytes.
        self._surely_allowed = min(limits.request_line, limits.head, limits.fields << 2)
        # A client names the same host again and again: it is checked when it changes.
        self._host_bytes = b"\0"  # equals no host
        self._put_by_bytes = 0
        self._host = ""
        self._hosts = hosts
        self._repeated: RepeatedLines | None = None

    def upgrade(self) -> bytes:
        """Stop reading HTTP (see `MessageReader.upgrade`): what requests have in common is not kept for another."""
        self._repeated = None
        return super().upgrade()

    def _read_head(self, data: bytes) -> Sequence[Any]:
        host: bytes | None = None
        noted: Sequence[tuple[bytes, bytes]] = NOTHING
        if len(data) > LONG_HEAD:
            head = self._read_long_head(data)
            if head is None:
                return self._read_unusual_head(data)
            method, target, minor, block, noted, fields, end = head
        else:
            match = match_request_head(data)
            if match is None:
                return self._read_unusual_head(data)
            method, target, minor, block, host, rest = match.groups()
            if rest:
                noted = find_noted(rest)
            fields = 0
            end = match.end()
        if end > self._surely_allowed:
            limits = self.limits
            if (
                len(target) > limits.request_line
                or end > limits.head
                or ((fields or block.count(b"\r\n")) > limits.fields)
            ):
                raise self._refuse(self._over_limit(target))
        request = _new(HTTPServerRequest)
        request._start_time = _time()
        length: bytes | None = None
        coding: bytes | None = None
        kind: bytes | None = None
        connection: bytes | None = None
        request.if_none_match = None
        for name, value in noted:
            size = len(name)
            if size == 4:
                if host is not None:
                    raise self._refuse("more than one Host field")
                host = value
            elif size == 10:
                connection = value if connection is None else connection + b"," + value
            elif size == 14:
                if length is not None:
                    raise self._refuse("more than one Content-Length field")
                length = value
            elif size == 12:
                if kind is not None:
                    raise self._refuse("more than one Content-Type field")
                kind = value
            elif size == 17:
                coding = value if coding is None else coding + b"," + value
            elif size == 13:
                known: bytes | None = request.if_none_match
                request.if_none_match = value if known is None else known + b", " + value
            elif size == 7:
                request.upgrade = value if request.upgrade is None else request.upgrade + b", " + value
            else:
                request.expect_continue = value.rstrip(b" \t").lower() == b"100-continue"
        request.method = verb = _METHODS.get(method) or method.decode()
        request.uri = uri = target.decode()  # visible ASCII as it is, in the coding that takes least to find
        if target[0] != 47 or verb == "CONNECT":  # "/": anything but origin-form (RFC 9112, 3.2)
            host, uri = self._unusual_target(method, target, host)
        request.path, _, request.query = uri.partition("?")
        if host is None:
            if minor == b"1":
                raise self._refuse("HTTP/1.1 request without a Host field (RFC 9112, 3.2)")
            request.host = "127.0.0.1"
        elif host == self._host_bytes:
            request.host = self._host
        else:
            request.host = self._check_host(host)
        if minor == b"1":
            request.version = _HTTP_1_1
            if connection is None:
                request.keep_alive = True
            else:
                usual = _USUAL_CONNECTION.get(connection)
                request.keep_alive = usual[0] if usual else b"close" not in _tokens(connection)
        else:
            request.version = _HTTP_1_0
            tokens = _tokens(connection or b"")
            request.keep_alive = b"keep-alive" in tokens and b"close" not in tokens
        request.field_block = block
        request.content_type = kind
        request.body = b""
        request.content_length = request.route = None
        request.complete = True
        if length is not None or coding is not None:
            return self._frame(request, length, coding, data, end)
        if end != len(data):
            self._held = data[end:]
        self.state = _DONE
        return (request,)

    def _read_long_head(self, data: bytes) -> LongHead | None:
        """Method, target, minor version, fields, those of them that are noted, their number, and the head's length.

        None if there is no whole and well-formed head. What the client has sent before is not looked at again.
        """
        repeated = self._repeated
        if repeated is not None and repeated.lines and (line := match_request_line(data)) is not None:
            lines = repeated.lines
            start = line.end()
            if data.startswith(lines, start):
                rest = match_rest_of_head(data, start + len(lines))
                if rest is not None:
                    more, others = rest.groups()
                    noted = repeated.noted + find_noted(others) if others else repeated.noted
                    method, target, minor = line.groups()
                    return method, target, minor, lines + more, noted, repeated.fields + more.count(b"\r\n"), rest.end()
        match = match_long_request_head(data)
        if match is None:
            return None
        method, target, minor, block = match.groups()
        breaks = block.translate(None, NO_LINE_BREAKS)
        fields = len(breaks) >> 1
        if breaks != b"\r\n" * fields:
            return None
        noted = find_noted(block)
        if repeated is None:
            lines = beginning(block)
            self._repeated = RepeatedLines(lines, find_noted(lines), lines.count(b"\r\n"))
        elif repeated.lines:
            lines = repeated.common_with(block)
            self._repeated = RepeatedLines(lines, find_noted(lines), lines.count(b"\r\n"))
        return method, target, minor, block, noted, fields, match.end()

    def _frame(
        self, request: HTTPServerRequest, length: bytes | None, coding: bytes | None, data: bytes, end: int
    ) -> Sequence[Any]:
        """Decide what content follows (RFC 9112, 6.3) and read what of it is already in *data*."""
        if coding is not None:
            if length is not None:
                raise self._refuse("Message with both Transfer-Encoding and Content-Length (RFC 9112, 6.3)")
            if coding.rstrip(b" \t").lower() != b"chunked":
                raise self._refuse(
                    f"Unsupported Transfer-Encoding {coding[:40].decode('latin-1')}: only chunked is understood"
                )
            if request.version == _HTTP_1_0 and not self.lenient:
                raise self._refuse("Transfer-Encoding in an HTTP/1.0 request (RFC 9112, 6.1)")
            if request.method == "CONNECT" and not self.lenient:
                raise self._refuse(CONNECT_WITH_CONTENT)
            request.chunked = True
            request.complete = False
            self._content = ChunkedContent(self.limits)
            self.state = Reading.CHUNKS
            self._held = data[end:]
            return (request,)
        assert length is not None
        digits = length.rstrip(b" \t")
        if not match_content_length(digits):
            if self.lenient and b"," in digits:
                parts = {part.strip(b" \t") for part in digits.split(b",")}
                if len(parts) > 1:
                    raise self._refuse(f"Multiple unequal Content-Lengths: {length[:80]!r}")
                digits = parts.pop()
            if not digits.isdigit() or not digits.isascii():
                raise self._refuse(f"Only integer Content-Length is allowed: {length[:40]!r} (RFC 9110, 8.6)")
            if len(digits) > 18:
                raise self._refuse(HTTPInputError(f"Content-Length too long: {digits[:40]!r}", status=413))
        request.content_length = size = int(digits)
        if size and request.method == "CONNECT" and not self.lenient:
            raise self._refuse(CONNECT_WITH_CONTENT)
        rest = data[end:]
        if size <= len(rest) and size <= self.max_body:
            request.body = rest[:size]
            self._held = rest[size:]
            self.state = _DONE
            return (request,)
        request.complete = False
        self._content = LengthContent(size)
        self.state = Reading.LENGTH
        self._held = rest
        return (request,)

    def _check_host(self, value: bytes) -> str:
        """The Host field's text; refuses what is no ``uri-host [":" port]`` (RFC 9110, 7.2)."""
        hosts = self._hosts
        if hosts is not None and (known := hosts.get(value)) is not None:
            self._host_bytes = value
            self._host = known
            return known
        value = value.rstrip(b" \t")
        if not value and self.lenient:
            return ""
        match = match_host(value)
        if match is None or int(match[1] or 0) > 65535:
            raise self._refuse(f"Invalid Host header: {value[:80]!r} names no host")
        self._host_bytes = value
        self._host = text = value.decode("ascii")
        if hosts is not None and len(hosts) < KNOWN_HOSTS and len(value) <= LONGEST_HOST:
            hosts[value] = text
        return text

    def _unusual_target(self, method: bytes, target: bytes, host: bytes | None) -> tuple[bytes | None, str]:
        """Check a target that is not a path; returns the host that then counts and what is to be routed.

        An absolute URL's authority wins over the Host field, which must be there all the same (RFC 9112, 3.2.2).
        """
        if method == b"CONNECT":
            match = match_host(target)
            if match is None or not match[1]:
                raise self._refuse("CONNECT needs host:port as its target")
            return host, target.decode("ascii")
        if target == b"*":
            if method != b"OPTIONS":
                raise self._refuse("the target * is for OPTIONS alone")
            return host, "*"
        parts = split_absolute_target(target)
        if parts is None or match_host(parts[0]) is None:
            raise self._refuse(f"target {target[:80]!r} is neither a path nor an absolute URL")
        authority, path = parts
        return (None if host is None else authority), path.decode("ascii")

    def _read_unusual_head(self, data: bytes) -> Sequence[Any]:
        """The head is not whole yet, or begins with an empty line, or is refused."""
        if data.startswith(b"\r\n") and self._empty_lines == 0:  # RFC 9112, 2.2: one empty line before it is ignored
            self._empty_lines = 1
            return self._read_head(data[2:]) if len(data) > 2 else NOTHING
        if self.lenient:
            strict = with_crlf(data)
            if strict is not None:
                return self._read_head(strict)
        verdict = malformed_request_head(data, self.limits, lenient=self.lenient)
        if verdict is not None:
            raise self._refuse(verdict)
        self._held = data
        self._put_by_bytes = 0
        return NOTHING

    def _put_by(self, data: bytes) -> bool:
        # Thousands of clients that send a byte now and then must not cost a parse each time. What cannot end a line
        # may wait, but for no more than some bytes: a head that breaks a rule or a limit is refused while it comes.
        count = self._put_by_bytes + len(data)
        held = self._held
        if count > PUT_BY or len(held) + PUT_BY > self.limits.request_line or match_visible(data) is None:
            return False
        self._put_by_bytes = count
        self._held = held + data
        return True

    def _over_limit(self, target: bytes) -> HTTPInputError:
        limits = self.limits
        if len(target) > limits.request_line:
            return HTTPInputError(f"request line exceeds {limits.request_line} bytes", status=414)
        return HTTPInputError(f"head exceeds {limits.head} bytes or {limits.fields} fields", status=431)

    def _refuse(self, why: str | HTTPInputError) -> HTTPInputError:
        self.state = Reading.CLOSED
        self._held = b""
        return why if isinstance(why, HTTPInputError) else HTTPInputError(why)


def _tokens(value: bytes) -> set[bytes]:
    return {token.strip(b" \t").lower() for token in value.split(b",")}
