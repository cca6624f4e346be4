"""Text in URLs and query strings."""

import re
from binascii import unhexlify
from typing import overload
from urllib.parse import quote, quote_plus

from waterspout.escape._text import to_unicode, utf8

# So many at once and no more: the matcher keeps a state for each that it has passed.
_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2}){1,64}")
_ASCII = re.compile("[\x00-\x7f]+")


def url_escape(value: str | bytes, plus: bool = True) -> str:
    """`value` percent-encoded, text as UTF-8.

    With `plus` for query strings: a space is ``+``, a slash ``%2F``. Without it for paths: a space
    is ``%20``, a slash stays.
    """
    return quote_plus(utf8(value)) if plus else quote(utf8(value))


@overload
def url_unescape(value: str | bytes, encoding: None, plus: bool = True) -> bytes: ...


@overload
def url_unescape(value: str | bytes, encoding: str = "utf-8", plus: bool = True) -> str: ...


def url_unescape(value: str | bytes, encoding: str | None = "utf-8", plus: bool = True) -> str | bytes:
    """`value` with its percent-encoding resolved: text by `encoding`, bytes if that is None.

    With `plus` (query strings) a ``+`` is a space, without it (paths) a ``+``. Bytes that are not
    text in `encoding` become U+FFFD.
    """
    if encoding is None:
        raw = utf8(value)
        return _unquote(raw.replace(b"+", b" ") if plus else raw)
    text = to_unicode(value)
    if plus:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    # Escapes and the ASCII between them are bytes of the encoding; other characters are text already.
    return _ASCII.sub(lambda run: _unquote(run[0].encode("ascii")).decode(encoding, "replace"), text)


def parse_qs_bytes(
    qs: str | bytes,
    keep_blank_values: bool = False,
    strict_parsing: bool = False,
    *,
    max_num_fields: int | None = None,
) -> dict[str, list[bytes]]:
    """The fields of a query string or urlencoded form: name to values, in order.

    Values stay bytes, since only the application knows their encoding; names are text, a byte each
    (latin-1), since they are nearly always ASCII. Fields without a value are left out unless
    `keep_blank_values`; fields without ``=`` then have the value b"".

    Raises ValueError if there are more than `max_num_fields` fields, if `strict_parsing` is true
    and a field has no ``=``, and for text that is not latin-1.
    """
    raw = qs if isinstance(qs, bytes) else qs.encode("latin-1")
    fields = raw.split(b"&") if raw else []
    if max_num_fields is not None and len(fields) > max_num_fields:
        raise ValueError(f"Max number of fields exceeded: {len(fields)}, {max_num_fields} allowed")
    parsed: dict[str, list[bytes]] = {}
    for field in fields:
        name, equals, value = field.partition(b"=")
        if not equals and strict_parsing:
            raise ValueError(f"bad query field: {field[:100]!r} has no '='")
        if value or (keep_blank_values and field):
            key = _decode_field(name).decode("latin-1")
            parsed.setdefault(key, []).append(_decode_field(value))
    return parsed


def _decode_field(field: bytes) -> bytes:
    return _unquote(field.replace(b"+", b" ") if b"+" in field else field)


def _unquote(value: bytes) -> bytes:
    """Resolve the percent-encoding of `value`; percent signs without two digits stay.

    `urllib.parse.unquote_to_bytes` needs 75 bytes of memory for each byte of hostile input.
    """
    if b"%" not in value:
        return value
    resolved = bytearray()
    position = 0
    for escapes in _ESCAPES.finditer(value):
        resolved += value[position : escapes.start()]
        resolved += unhexlify(escapes[0].replace(b"%", b""))
        position = escapes.end()
    resolved += value[position:]
    return bytes(resolved)
