"""HTTP/2 heads to and from HTTP/1's: an exchange knows nothing of the difference."""

from __future__ import annotations

import re
from collections.abc import Iterable

from waterspout.http1 import InterimResponse, ResponseHead
from waterspout.httputil import HTTPInputError

#: What belongs to one HTTP/1 connection and may not be in HTTP/2 (RFC 9113, 8.2.2).
_OF_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"host"}
)
_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+\Z")
_value = re.compile(rb"[\t -~\x80-\xff]*\Z")
_length = re.compile(rb"(?:0|[1-9][0-9]{0,17})\Z")


def request_fields(head: bytes, scheme: str) -> list[tuple[bytes, bytes]]:
    """The header list of a request whose HTTP/1.1 head is *head*; credentials are marked as not to be indexed."""
    request_line, *lines = head[:-4].split(b"\r\n")
    method, target, _ = request_line.split(b" ")
    fields: list[tuple[bytes, bytes]] = []
    authority = b""
    for line in lines:
        name, _, value = line.partition(b": ")
        name = name.lower()
        if name == b"host":
            authority = value
        elif name == b"te" and value != b"trailers":
            continue
        elif name not in _OF_CONNECTION:
            fields.append((name, value))
    pseudo = [
        (b":method", method),
        (b":scheme", scheme.encode("ascii")),
        (b":authority", authority),
        (b":path", target),
    ]
    return pseudo + fields


def response_head(fields: Iterable[tuple[bytes, bytes]], *, interim: bool, has_body: bool) -> ResponseHead:
    """The head that the header list of a response makes. Raises `HTTPInputError` for fields that HTTP/1 could not hold.

    A value with a line break would become another field wherever the head is written down as text (H2-7).
    """
    head = InterimResponse() if interim else ResponseHead()
    block: list[bytes] = []
    head.status = 0
    length: int | None = None
    encoding: bytes | None = None
    for name, value in fields:
        if name == b":status":
            if re.fullmatch(rb"[1-9][0-9][0-9]", value) is None:
                raise HTTPInputError(f"malformed :status {value[:20]!r}")
            head.status = int(value)
            continue
        if _name.match(name) is None or _value.match(value) is None:
            raise HTTPInputError(f"malformed field {name[:40]!r} in an HTTP/2 response (RFC 9113, 8.2.1)")
        if name in _OF_CONNECTION:
            raise HTTPInputError(f"field {name.decode()!r} in an HTTP/2 response (RFC 9113, 8.2.2)")
        if name == b"content-length":
            if _length.match(value) is None or length not in (None, int(value)):
                raise HTTPInputError(f"Content-Length {value[:40]!r} is not one number (RFC 9110, 8.6)")
            length = int(value)
        elif name == b"content-encoding":
            encoding = value if encoding is None else encoding + b", " + value
        block.append(b"\r\n" + name + b": " + value)
    if not head.status:
        raise HTTPInputError("an HTTP/2 response without :status")
    head.content_length = length
    head.content_encoding = encoding
    head.reason = ""
    head.version = "HTTP/2"
    head.field_block = b"".join(block)
    head.chunked = False
    head.keep_alive = True
    head.has_body = has_body
    return head


def trailer_block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Trailer fields as an HTTP/1 head has them. Raises `HTTPInputError` as `response_head` does."""
    lines = []
    for name, value in fields:
        if _name.match(name) is None or _value.match(value) is None:
            raise HTTPInputError(f"malformed field {name[:40]!r} in HTTP/2 trailers")
        lines.append(b"\r\n" + name + b": " + value)
    return b"".join(lines)
