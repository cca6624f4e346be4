"""What compiled templates call: values to text, and the one pass of escaping.

A compiled template fills one flat list: even places hold text that goes out as it is (literals, raw
values), odd places hold values that want HTML escaping. `join` escapes all odd places at once: it
joins them with NUL, escapes the long string with five C-level passes, and splits it again. That is several
times cheaper than one call of an escape function for each value.
"""

import json as _json
from collections.abc import Callable
from typing import Any

from waterspout.escape import xhtml_escape

# Values with this mark in front may be ScriptText; the type decides, the mark only makes the check cheap.
_MARK = "\x01"

_SAFE_SCHEMES = frozenset(("http", "https", "mailto", "tel", "ftp", "ftps", "sms"))
# Browsers drop these from a URL before they look for its scheme (WHATWG URL, 4.4 basic URL parser).
_DROPPED = {9: None, 10: None, 13: None}
_TRIMMED = "".join(map(chr, range(0x21)))
REFUSED_URL = "about:invalid"


class ScriptText(str):
    """Text made by `json`: free of characters that HTML gives a meaning, so not to be escaped again."""

    __slots__ = ()


class _Marked(str):
    __slots__ = ()


def json(value: object) -> str:
    """Return ``value`` as JSON that is safe inside ``<script>``: ``<script>var x = {{ json(x) }}</script>``.

    ``<``, ``>``, ``&``, ``'``, U+2028 and U+2029 come as ``\\uXXXX``, so the text can neither end the script
    element nor open a comment in it, and ``{{ }}`` does not escape it again. Not for attributes: there write
    ``data-x="{{ json_encode(x) }}"``, which is escaped as HTML.
    """
    text = _json.dumps(value)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return ScriptText(text)


def url(value: str | bytes) -> str:
    """Return ``value`` if it is safe as the target of a link, else ``about:invalid``.

    For ``href="{{ url(x) }}"`` and ``src``: http, https, mailto, tel, sms, ftp and references without a scheme pass;
    ``javascript:``, ``data:``, ``vbscript:`` and the rest do not, however they are spelled.
    """
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    seen = text.translate(_DROPPED).strip(_TRIMMED)
    scheme, colon, _ = seen.partition(":")
    if colon and not any(mark in scheme for mark in "/?#") and scheme.lower() not in _SAFE_SCHEMES:
        return REFUSED_URL
    return text


def text(value: Any) -> str:
    """The text of a value that will be escaped. Exact ``str`` and ``int`` never get here."""
    if isinstance(value, str):
        return _Marked(_MARK + value) if type(value) is ScriptText else value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return str(value)


def raw(value: Any) -> str | bytes:
    """The text of a value that goes out as it is; bytes that are not UTF-8 stay bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    return str(value)


async def text_awaited(value: Any) -> str:
    """`text` of the value, or of its result where it is awaitable."""
    return text(await value if hasattr(value, "__await__") else value)


async def raw_awaited(value: Any) -> str | bytes:
    """`raw` of the value, or of its result where it is awaitable."""
    return raw(await value if hasattr(value, "__await__") else value)


def call(function: Callable[[bytes], Any], value: Any) -> str | bytes:
    """Escape by the application's own function, which gets UTF-8 bytes and returns str or bytes."""
    if not isinstance(value, bytes):
        value = str(value).encode("utf-8")
    return raw(function(value))


async def call_awaited(function: Callable[[bytes], Any], value: Any) -> str | bytes:
    """`call` with the value, or with its result where it is awaitable."""
    return call(function, await value if hasattr(value, "__await__") else value)


def join(pieces: list[Any]) -> bytes:
    """Escape the odd places of ``pieces`` and return all as UTF-8."""
    values = pieces[1::2]
    joined = "\0".join(values)
    if _MARK in joined:
        pieces[1::2] = map(_escape_unless_marked, values)
    else:
        escaped = (
            joined.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            .replace('"', "&quot;")
            .replace("'", "&#x27;")
        )
        if escaped is not joined:
            parts = escaped.split("\0")
            # A value with a NUL of its own gives too many parts.
            pieces[1::2] = parts if len(parts) == len(values) else map(xhtml_escape, values)
    try:
        return "".join(pieces).encode("utf-8")
    except TypeError:  # raw bytes among them
        return b"".join([piece if isinstance(piece, bytes) else piece.encode("utf-8") for piece in pieces])


def _escape_unless_marked(value: str) -> str:
    return value[1:] if type(value) is _Marked else xhtml_escape(value)


json.__module__ = url.__module__ = "waterspout.template"
