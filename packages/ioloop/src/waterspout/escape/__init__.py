"""Escaping and unescaping for HTML, JSON and URLs, and between text and bytes."""

from typing import TYPE_CHECKING

from waterspout.util._exports import exports

if TYPE_CHECKING:
    from waterspout.escape._html import xhtml_escape, xhtml_unescape
    from waterspout.escape._json import json_decode, json_encode
    from waterspout.escape._linkify import linkify
    from waterspout.escape._text import native_str, recursive_unicode, squeeze, to_basestring, to_unicode, utf8
    from waterspout.escape._urls import parse_qs_bytes, url_escape, url_unescape

__all__ = [
    "json_decode",
    "json_encode",
    "linkify",
    "native_str",
    "parse_qs_bytes",
    "recursive_unicode",
    "squeeze",
    "to_basestring",
    "to_unicode",
    "url_escape",
    "url_unescape",
    "utf8",
    "xhtml_escape",
    "xhtml_unescape",
]

if not TYPE_CHECKING:
    __getattr__ = exports(
        __name__,
        _html="xhtml_escape xhtml_unescape",
        _json="json_decode json_encode",
        _linkify="linkify",
        _text="native_str recursive_unicode squeeze to_basestring to_unicode utf8",
        _urls="parse_qs_bytes url_escape url_unescape",
    )
