"""Form bodies that are held in memory, taken apart into arguments and files (RFC 7578).

The body is searched for delimiters in place. Where the parts begin is known, and their number checked, before the
first one is cut out; each value is then one slice of the body, and nothing is copied twice.
"""

from __future__ import annotations

from waterspout.httputil._boundary import MAX_PADDING, boundary_of, check_boundary
from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._file import HTTPFile
from waterspout.httputil._headers import HTTPHeaders
from waterspout.httputil._limits import ParseBodyConfig, ParseMultipartConfig, default_parse_body_config
from waterspout.httputil._part_head import parse_part_head
from waterspout.httputil._urlencoded import parse_urlencoded
from waterspout.util import is_tornado_compat

__all__ = ["parse_body_arguments", "parse_multipart_form_data"]


def parse_body_arguments(
    content_type: str,
    body: bytes,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    headers: HTTPHeaders | None = None,
    *,
    config: ParseBodyConfig | None = None,
    compat: str | None = None,
) -> None:
    """Add the fields of a form body to *arguments* and its files to *files*, by *content_type*.

    Bodies of other types add nothing, and neither does an empty urlencoded one; an empty ``multipart/form-data`` lacks
    its final boundary. Any charset parameter is ignored: values are bytes. Raises `HTTPInputError` for a form that is
    malformed, over a limit of *config* (default: the process's), or still compressed according to *headers*;
    *arguments* and *files* are then left as they were.
    """
    if config is None:
        config = default_parse_body_config()
    kind = content_type.partition(";")[0].strip(" \t").lower()
    if kind == "application/x-www-form-urlencoded":
        if not body:
            return
        _refuse_encoded(headers, compat)
        for name, values in parse_urlencoded(body, config=config.urlencoded).items():
            arguments.setdefault(name, []).extend(values)
    elif kind == "multipart/form-data":
        _refuse_encoded(headers, compat)
        boundary = boundary_of(content_type, compat=compat)
        parse_multipart_form_data(boundary, body, arguments, files, config=config.multipart, compat=compat)


def _refuse_encoded(headers: HTTPHeaders | None, compat: str | None) -> None:
    if headers is not None and "Content-Encoding" in headers:
        message = f"Unsupported Content-Encoding of a form: {headers['Content-Encoding'][:40]!r}"
        raise HTTPInputError(message, 400 if is_tornado_compat(compat) else 415)


def parse_multipart_form_data(
    boundary: bytes,
    data: bytes,
    arguments: dict[str, list[bytes]],
    files: dict[str, list[HTTPFile]],
    *,
    config: ParseMultipartConfig | None = None,
    compat: str | None = None,
) -> None:
    """Add the parts of the ``multipart/form-data`` body *data* to *arguments* and *files*.

    *boundary* may have quotes around it. Text before the first and after the last delimiter is skipped; a nested
    ``multipart/mixed`` stays bytes. Raises `HTTPInputError` for whatever is not well-formed or over a limit of
    *config* (default: the process's); *arguments* and *files* are then left as they were.
    """
    if config is None:
        config = default_parse_body_config().multipart
    if not config.enabled:
        raise HTTPInputError("multipart/form-data parsing is disabled", 415)
    lenient = is_tornado_compat(compat)
    spans = _part_spans(data, b"\r\n--" + check_boundary(boundary, compat=compat), config.max_parts)
    parts = [_cut_part(data, start, stop, config, lenient) for start, stop in spans]
    for name, value in parts:
        if isinstance(value, HTTPFile):
            files.setdefault(name, []).append(value)
        else:
            arguments.setdefault(name, []).append(value)


def _part_spans(data: bytes, delimiter: bytes, max_parts: int) -> list[tuple[int, int]]:
    """``(start, stop)`` of each part, from its first header line to the CRLF that belongs to the next delimiter."""
    if data.startswith(delimiter[2:]):
        at = len(delimiter) - 2
    else:
        at = data.find(delimiter) + len(delimiter)
        if at < len(delimiter):
            raise HTTPInputError("multipart body without its boundary")
    spans: list[tuple[int, int]] = []
    while data[at : at + 2] != b"--":
        start = data.find(b"\n", at, at + MAX_PADDING) + 1
        # Only spaces may pad a delimiter line (RFC 2046, 5.1.1); a longer word would be another boundary.
        if start == 0 or data[at:start].lstrip(b" \t") != b"\r\n":
            raise HTTPInputError("malformed multipart delimiter line")
        stop = data.find(delimiter, start - 2)
        if stop < 0:
            raise HTTPInputError("multipart body without its final boundary")
        if len(spans) == max_parts:
            raise HTTPInputError(f"too many parts: multipart body has more than {max_parts}")
        spans.append((start, stop))
        at = stop + len(delimiter)
    return spans


def _cut_part(
    data: bytes, start: int, stop: int, config: ParseMultipartConfig, lenient: bool
) -> tuple[str, bytes | HTTPFile]:
    # The CRLF of the next delimiter may be the one that ends an empty part's head, hence stop + 2.
    limit = start + config.max_part_header_size
    end = data.find(b"\r\n\r\n", start, min(stop + 2, limit + 4))
    if end < 0:
        if stop > limit:
            raise HTTPInputError(f"part header too large: over {config.max_part_header_size} bytes")
        raise HTTPInputError("multipart part without the empty line after its headers")
    head = parse_part_head(data[start:end], config, lenient)
    body = data[end + 4 : stop]
    if head.length is not None and head.length != len(body):
        raise HTTPInputError(f"multipart part of {len(body)} bytes claims a Content-Length of {head.length}")
    if head.filename:
        content_type = head.content_type or "application/unknown"
        return head.name, HTTPFile(filename=head.filename, body=body, content_type=content_type)
    return head.name, body
