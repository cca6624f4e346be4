"""The header lines of one part of a ``multipart/form-data`` body (RFC 7578, 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from waterspout.httputil._errors import HTTPInputError
from waterspout.httputil._headers import HTTPHeaders
from waterspout.httputil._limits import ParseMultipartConfig
from waterspout.httputil._parameters import decode_extended_value, parse_parameters

__all__ = ["PartHead", "parse_part_head"]

#: Encodings that leave the bytes of a part as they are (RFC 2045, 6.2).
_IDENTITY_ENCODINGS: Final = frozenset(("7bit", "8bit", "binary"))
_SINGLE: Final = ("Content-Disposition", "Content-Type", "Content-Length", "Content-Transfer-Encoding")
#: What browsers send, exactly: one match in place of parsing.
_USUAL: Final = re.compile(
    r'Content-Disposition: form-data; name="([^"\\\x00-\x1f\x7f]++)"'
    r'(?>(?:; filename="([^"\\\x00-\x1f\x7f]*+)")?)'
    r"(?>(?:\r\nContent-Type: ([!#$%&'*+\-.^_`|~0-9A-Za-z/; =]++(?<! )))?)"
)
_LENGTH: Final = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class PartHead:
    """What the head of a part says.

    `filename` is None for a plain field; as the client sent it otherwise, fit for display only. `content_type` is
    ``""`` where none is given. `length` is what a Content-Length line claims; it must hold when the part ends.
    """

    __module__ = "waterspout.httputil"

    name: str
    filename: str | None
    content_type: str
    length: int | None
    headers: HTTPHeaders


def parse_part_head(block: bytes, config: ParseMultipartConfig, lenient: bool) -> PartHead:
    """The head from its lines, without the empty line that ends it. Raises `HTTPInputError`.

    *lenient* is Tornado's reading: ``filename*`` wins over ``filename``, and Content-Length and
    Content-Transfer-Encoding are not looked at.
    """
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HTTPInputError("multipart part headers are not UTF-8") from error
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        name, filename, content_type = usual.groups()
        headers = HTTPHeaders.from_pairs([_split(line) for line in text.split("\r\n")], trusted=True)
        return PartHead(name, filename, content_type or "", None, headers)
    if text.count("\r\n") >= config.max_part_headers:
        raise HTTPInputError(f"multipart part has more than {config.max_part_headers} header lines")
    headers = HTTPHeaders.parse(text, _chars_are_bytes=False, compat="waterspout")
    for field in _SINGLE:
        if len(headers.get_list(field)) > 1:
            raise HTTPInputError(f"multipart part has more than one {field}")
    disposition, parameters = parse_parameters(headers.get("Content-Disposition", ""), form_data=True)
    if disposition != "form-data":
        raise HTTPInputError("multipart part without Content-Disposition: form-data")
    if not parameters.get("name"):
        raise HTTPInputError("multipart part without a name")
    length = None
    if not lenient:
        encoding = headers.get("Content-Transfer-Encoding")
        if encoding is not None and encoding.lower() not in _IDENTITY_ENCODINGS:
            raise HTTPInputError(f"multipart part is encoded as {encoding[:40]!r}; send the bytes as they are")
        claimed = headers.get("Content-Length")
        if claimed is not None:
            if _LENGTH.fullmatch(claimed) is None:
                raise HTTPInputError(f"malformed Content-Length {claimed[:40]!r} in a multipart part")
            length = int(claimed)
    return PartHead(
        parameters["name"], _filename(parameters, lenient), headers.get("Content-Type", ""), length, headers
    )


def _filename(parameters: dict[str, str], lenient: bool) -> str | None:
    extended = parameters.get("filename*")
    # RFC 7578, 4.2 forbids filename*: it is read only where nothing else names the file.
    if extended is not None and (lenient or "filename" not in parameters):
        return decode_extended_value(extended)
    return parameters.get("filename")


def _split(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value
