"""What RFC 9110 and 9112 say of one request, written down a second time, slowly: by splitting and looking.

It shares nothing with the codec: a request that the codec takes must have no violation here, and one that it alone
refuses must have one.
"""

from __future__ import annotations

TCHAR = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
HEX = frozenset(b"0123456789abcdefABCDEF")
HOST = TCHAR - frozenset(b"#^`|") | frozenset(b"();=")
#: Those that frame or route; others are offered as trailers and never merged into the headers (RFC 9110, 6.5.1).
FORBIDDEN_TRAILERS = frozenset({b"content-length", b"transfer-encoding", b"host"})


def violation(raw: bytes) -> str | None:
    """The rule that the first request in *raw* breaks, or None; what has not come yet breaks nothing."""
    if raw.startswith(b"\r\n"):
        raw = raw[2:]  # RFC 9112, 2.2: one empty line before it
    head, whole, rest = raw.partition(b"\r\n\r\n")
    if raw[:1] in (b" ", b"\t", b"\r", b"\n") and raw != b"\r":
        return "white space before the request line (RFC 9112, 2.2 and 3)"
    if _has_control(head if whole else raw):
        return "a control character, a bare CR or a bare LF (RFC 9112, 2.2; RFC 9110, 5.5)"
    lines = head.split(b"\r\n")
    if not whole:
        lines.pop()  # not at its end yet
        if not lines:
            return None
    return _line_violation(lines[0], bool(whole)) or _fields_violation(lines, bool(whole), rest)


def _has_control(data: bytes) -> bool:
    for at, byte in enumerate(data):
        if byte == 13:
            if at + 1 < len(data) and data[at + 1] != 10:
                return True
        elif byte == 10:
            if at == 0 or data[at - 1] != 13:
                return True
        elif (byte < 32 and byte != 9) or byte == 127:
            return True
    return False


def _line_violation(line: bytes, whole: bool) -> str | None:
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[0] or set(parts[0]) - TCHAR:
        return "the request line is not method SP target SP version (RFC 9112, 3)"
    method, target, version = parts
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return "the version is neither HTTP/1.0 nor HTTP/1.1 (RFC 9112, 2.3)"
    if not target or any(byte < 33 or byte > 126 or byte == 35 for byte in target):
        return "the target holds a byte that must be encoded, or a fragment (RFC 9112, 3.2)"
    if not whole:
        return None  # which form the target has is asked when the fields are there
    if method == b"CONNECT":
        host, colon, port = target.rpartition(b":")
        return None if colon and port and _is_host(target) else "CONNECT without host:port (RFC 9112, 3.2.3)"
    if target == b"*":
        return None if method == b"OPTIONS" else "* without OPTIONS (RFC 9112, 3.2.4)"
    if target.startswith(b"/"):
        return None
    scheme, colon, rest = target.partition(b"://")
    authority = rest.replace(b"?", b"/").split(b"/")[0]
    if scheme.lower() not in (b"http", b"https") or not colon or not authority or not _is_host(authority):
        return "the target is neither a path nor an http(s) URL without user information (RFC 9112, 3.2; 9110, 4.2.4)"
    return None


def _is_host(text: bytes) -> bool:
    if text.startswith(b"["):
        inside, bracket, rest = text[1:].partition(b"]")
        address, _, zone = inside.partition(b"%25")
        if not bracket or not address or set(address) - (HEX | frozenset(b":.")) or (b"%25" in inside and not zone):
            return False
    else:
        name, colon, rest = text.partition(b":")
        rest = colon + rest
        if not name or set(name) - HOST:
            return False
    if not rest:
        return True
    port = rest[1:]
    return rest.startswith(b":") and len(port) <= 5 and (not port or (port.isdigit() and int(port) <= 65535))


def _fields_violation(lines: list[bytes], whole: bool, rest: bytes) -> str | None:
    fields: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            return "a folded line (RFC 9112, 5.2)"
        if not colon or not name or set(name) - TCHAR:
            return "a field line without a proper name and colon (RFC 9112, 5.1)"
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    if not whole:
        return None
    old = lines[0].endswith(b"0")
    hosts, lengths = fields.get(b"host", []), fields.get(b"content-length", [])
    if len(hosts) > 1 or (not hosts and not old):
        return "Host missing or repeated (RFC 9112, 3.2)"
    if hosts and not _is_host(hosts[0]) and not lines[0].split(b" ")[1].lower().startswith((b"http://", b"https://")):
        return "Host is no host (RFC 9110, 7.2)"
    if len(lengths) > 1 or any(not n.isdigit() for n in lengths):
        return "Content-Length repeated or no number (RFC 9110, 8.6)"
    if any(len(n) > 8 and int(n) > 100 * 1024 * 1024 for n in lengths):
        return "over the limit of the body"
    if len(fields.get(b"content-type", [])) > 1:
        return "Content-Type repeated (RFC 9110, 5.3)"
    if lines[0].startswith(b"CONNECT ") and (b"transfer-encoding" in fields or any(int(n) for n in lengths)):
        return "CONNECT with content (RFC 9110, 9.3.6)"
    coding = b",".join(fields.get(b"transfer-encoding", [])).lower()
    if b"transfer-encoding" not in fields:
        return None
    if lengths or old or coding != b"chunked":
        return "a Transfer-Encoding other than chunked alone, with Content-Length, or in HTTP/1.0 (RFC 9112, 6.1)"
    return _chunks_violation(rest)


def _chunks_violation(data: bytes) -> str | None:
    while True:
        line, crlf, rest = data.partition(b"\r\n")
        if not crlf:
            return None if _may_become_size(line) else "no chunk size (RFC 9112, 7.1)"
        size, _, extension = line.partition(b";")
        digits = size.rstrip(b" \t") if b";" in line else size
        if not digits or set(digits) - HEX or _has_control(line) or (b";" in line and not _are_extensions(extension)):
            return "no chunk size, or malformed extensions (RFC 9112, 7.1.1)"
        if len(digits) > 7 and int(digits, 16) > 100 * 1024 * 1024:
            return "over the limit of the body"
        length = int(digits, 16)
        if not length:
            return _trailers_violation(rest)
        if len(rest) < length:
            return None
        end = rest[length : length + 2]
        if not b"\r\n".startswith(end):
            return "a chunk that is not followed by CRLF (RFC 9112, 7.1)"
        if len(end) < 2:
            return None
        data = rest[length + 2 :]


def _may_become_size(line: bytes) -> bool:
    size = line.rstrip(b"\r").partition(b";")[0].rstrip(b" \t")
    if line in (b"", b"\r"):
        return line == b""
    return bool(size) and not set(size) - HEX and not _has_control(line)


def _are_extensions(text: bytes) -> bool:
    for part in _split_outside_quotes(text):
        name, equals, value = part.strip(b" \t").partition(b"=")
        name, value = name.strip(b" \t"), value.strip(b" \t")
        if not name or set(name) - TCHAR:
            return False
        if equals and not (_is_quoted(value) or (value and not set(value) - TCHAR)):
            return False
    return text == text.rstrip(b" \t")


def _split_outside_quotes(text: bytes) -> list[bytes]:
    parts, current, quoted, escaped = [], b"", False, False
    for at in range(len(text)):
        byte = text[at : at + 1]
        if byte == b";" and not quoted:
            parts.append(current)
            current = b""
            continue
        current += byte
        if escaped:
            escaped = False
        elif quoted and byte == b"\\":
            escaped = True
        elif byte == b'"':
            quoted = not quoted
    return [*parts, current]


def _is_quoted(text: bytes) -> bool:
    if len(text) < 2 or not text.startswith(b'"') or not text.endswith(b'"'):
        return False
    escaped = False
    for byte in text[1:-1]:
        if escaped:
            escaped = False
        elif byte == 92:
            escaped = True
        elif byte == 34:
            return False
    return not escaped


def _trailers_violation(data: bytes) -> str | None:
    if data.startswith(b"\r\n"):
        return None
    section, whole, _ = data.partition(b"\r\n\r\n")
    if _has_control(section if whole else data):
        return "a control character in the trailers (RFC 9112, 7.1.2)"
    lines = section.split(b"\r\n")
    if not whole:
        lines.pop()
    for line in lines:
        name, colon, _ = line.partition(b":")
        if not colon or not name or set(name) - TCHAR:
            return "a trailer line without a proper name and colon (RFC 9112, 7.1.2)"
        if name.lower() in FORBIDDEN_TRAILERS:
            return "a field that may not be a trailer (RFC 9110, 6.5.1)"
    return None
