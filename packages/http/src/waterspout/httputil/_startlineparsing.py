"""Reading request and status lines by themselves (RFC 9112, 3 and 4); the codec reads whole heads."""

from __future__ import annotations

import re
from typing import Final

from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._startlines import RequestStartLine, ResponseStartLine
from waterspout.util import is_tornado_compat

__all__ = ["parse_request_start_line", "parse_response_start_line"]

_METHOD: Final = r"([!#$%&'*+\-.^_`|~0-9A-Za-z]++)"
_VERSION: Final = r"(HTTP/[0-9]\.[0-9])"
#: Visible ASCII without "#": a target has no fragment (RFC 9112, 3.2).
_REQUEST_LINE: Final = re.compile(_METHOD + r" ([!\"$-~]++) " + _VERSION)
_LENIENT_REQUEST_LINE: Final = re.compile(_METHOD + r" ([!-~\x80-\xff]++) " + _VERSION)
_STATUS_LINE: Final = re.compile(_VERSION + r" ([1-9][0-9]{2}) ([\t -~\x80-\xff]*+)")
_LENIENT_STATUS_LINE: Final = re.compile(_VERSION + r" ([0-9]{3}) ([\t -~\x80-\xff]*+)")
_SHOWN_IN_ERRORS: Final = 80


def parse_request_start_line(line: str, *, compat: str | None = None) -> RequestStartLine:
    """The parts of a request line, given without its line end.

    The grammar is exact: one space between the parts, a token as method, visible ASCII without ``#`` as target
    (with *compat* ``"tornado"`` also ``#`` and bytes above 0x7f), ``HTTP/1.x`` as version. Whether the target fits
    the method is not looked at. Raises `HTTPInputError`, with status 505 where only the version is wrong.
    """
    grammar = _LENIENT_REQUEST_LINE if is_tornado_compat(compat) else _REQUEST_LINE
    match = grammar.fullmatch(line)
    if match is None:
        raise HTTPInputError(f"malformed HTTP request line {line[:_SHOWN_IN_ERRORS]!r}")
    method, target, version = match.groups()
    _check_version(version)
    return RequestStartLine(method, target, version)


def parse_response_start_line(line: str, *, compat: str | None = None) -> ResponseStartLine:
    """The parts of a status line, given without its line end.

    `reason` is None where it is empty. Raises `HTTPInputError` unless version, three digits from 100 (with *compat*
    ``"tornado"`` from 000) and reason are there, with one space between them.
    """
    grammar = _LENIENT_STATUS_LINE if is_tornado_compat(compat) else _STATUS_LINE
    match = grammar.fullmatch(line)
    if match is None:
        raise HTTPInputError(f"malformed HTTP status line {line[:_SHOWN_IN_ERRORS]!r}")
    version, code, reason = match.groups()
    _check_version(version)
    return ResponseStartLine(version, int(code), reason or None)


def _check_version(version: str) -> None:
    # Any minor version of 1 is spoken as 1.1 (RFC 9110, 2.5).
    if not version.startswith("HTTP/1."):
        raise HTTPInputError(f"HTTP version {version!r} is not supported; use HTTP/1.1", 505)
