"""Why a head did not match: still incomplete, over a limit, or wrong - and then what is wrong with it.

This runs only where the one expression of ``_grammar.py`` has failed, so it may take its time, but it must stay linear
in what has arrived.
"""

from __future__ import annotations

import re

from waterspout.http1._grammar import TOKEN, VALUE, find_forbidden
from waterspout.http1._limits import Limits
from waterspout.httputil._errors import HTTPInputError

_match_request_line = re.compile(rb"(" + TOKEN + rb"++) ([^ ]++) HTTP/([0-9])\.([0-9])\Z").match
_match_target = re.compile(rb"[!\"$-~]++\Z").match
_match_status_line = re.compile(rb"HTTP/1\.[01] [1-9][0-9][0-9](?: " + VALUE + rb"*+)?\Z").match
_match_field = re.compile(TOKEN + rb"++:" + VALUE + rb"*+\Z").match


def malformed_request_head(data: bytes, limits: Limits, *, lenient: bool = False) -> HTTPInputError | None:
    """The error for a request head that did not match, or None if it may still become one."""
    line, found, rest = data.partition(b"\r\n")
    if len(line) > limits.request_line + 32:
        return HTTPInputError(f"request line exceeds {limits.request_line} bytes", status=414)
    head, whole, _ = data.partition(b"\r\n\r\n")
    if len(head) > limits.head or head.count(b"\r\n") > limits.fields + 1:
        return HTTPInputError(f"head exceeds {limits.head} bytes or {limits.fields} fields", status=431)
    forbidden = find_forbidden(head if whole else data)
    if forbidden and not (lenient and forbidden[0] == b"\n"):
        return HTTPInputError(f"byte {forbidden[0]!r} at offset {forbidden.start()} of the head")
    if not found:
        if data[:1] in b" \t\r\n" and data not in (b"\r", b""):
            return HTTPInputError("Malformed HTTP request line: it begins with white space")
        return None
    return _request_line_error(line) or _rest_of_head(rest, bool(whole))


def malformed_response_head(data: bytes, limits: Limits, *, lenient: bool = False) -> HTTPInputError | None:
    """The error for a response head that did not match, or None if it may still become one."""
    head, whole, _ = data.partition(b"\r\n\r\n")
    if len(head) > limits.head or head.count(b"\r\n") > limits.fields + 1:
        return HTTPInputError(f"response head exceeds {limits.head} bytes or {limits.fields} fields")
    line, found, rest = data.partition(b"\r\n")
    if not b"HTTP/1."[: len(line)] == line[:7]:
        return HTTPInputError(f"the server does not speak HTTP/1: it sent {line[:40]!r}")
    forbidden = find_forbidden(head if whole else data)
    if forbidden and not (lenient and forbidden[0] == b"\n"):
        return HTTPInputError(f"byte {forbidden[0]!r} at offset {forbidden.start()} of the response head")
    if not found:
        return None
    if not _match_status_line(line):
        return HTTPInputError(f"malformed status line {line[:60]!r} (RFC 9112, 4)")
    return _rest_of_head(rest, bool(whole))


def _rest_of_head(lines: bytes, whole: bool) -> HTTPInputError | None:
    error = field_lines_error(lines, whole)
    return HTTPInputError("malformed head") if whole and error is None else error


def field_lines_error(lines: bytes, whole: bool) -> HTTPInputError | None:
    """The first complete field line that is wrong, or None. *lines* begins after the start line's CRLF."""
    fields = lines.partition(b"\r\n\r\n")[0] if whole else lines.rpartition(b"\r\n")[0]
    if not fields:
        return None
    for line in fields.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            return HTTPInputError("folded header line (RFC 9112, 5.2)")
        if not _match_field(line):
            if b":" not in line:
                return HTTPInputError(f"no colon in header line {line[:60]!r} (RFC 9112, 5)")
            return HTTPInputError(f"malformed header line {line[:60]!r} (RFC 9112, 5)")
    return None


def _request_line_error(line: bytes) -> HTTPInputError | None:
    match = _match_request_line(line)
    if match is None:
        return HTTPInputError(f"Malformed HTTP request line {line[:60]!r} (RFC 9112, 3)")
    if not _match_target(match[2]):
        return HTTPInputError(
            "Malformed HTTP request line: its target holds a byte that must be encoded, or a fragment"
        )
    if match[3] != b"1" or match[4] not in b"01":
        return HTTPInputError("Malformed HTTP request line: only HTTP/1.0 and HTTP/1.1 are spoken here", status=505)
    return None
