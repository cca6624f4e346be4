"""Finds expressions in places where HTML escaping does not protect.

Escaping ``& < > " '`` is enough in text and inside quotes. It is not enough for an attribute without quotes, inside
``<script>`` and ``<style>``, in event handlers, and for the scheme of a link. The check reads the template straight
through, so markup that is put together from pieces in different branches can mislead it.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from waterspout.template._scanner import Kind, scan

_URL_ATTRIBUTES = frozenset(
    ("href", "src", "action", "formaction", "xlink:href", "poster", "cite", "data", "background", "manifest", "srcdoc")
)
# Functions that give a URL of the application's own, or check one.
_URL_CALLS = re.compile(r"(?:handler\.|request\.)?(?:url|static_url|reverse_url)\(")
_JSON_CALL = re.compile(r"json\(")
_RAW_TEXT = frozenset(("script", "style", "textarea", "title"))
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")


class Finding(NamedTuple):
    """Something `lint` found: which rule, why it is unsafe and what to write instead, and the line from 1."""

    rule: str
    message: str
    lineno: int


Finding.__module__ = "waterspout.template"


class _Where(Enum):
    TEXT = "text"
    TAG = "tag"
    UNQUOTED = "unquoted value"
    QUOTED = "quoted value"
    RAW = "raw text element"
    COMMENT = "comment"


class _Page:
    """Follows the markup piece by piece; says what a value that is inserted now would be part of."""

    def __init__(self) -> None:
        self.where = _Where.TEXT
        self.element = ""
        self.attribute = ""
        self.value_begun = False
        self._quote = ""
        self._closing = False

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            position = getattr(self, "_in_" + self.where.name.lower())(text, position)

    def _in_text(self, text: str, position: int) -> int:
        start = text.find("<", position)
        if start < 0:
            return len(text)
        if text.startswith("<!--", start):
            self.where = _Where.COMMENT
            return start + 4
        tag = _TAG.match(text, start)
        if tag is None:
            return start + 1
        self._closing, self.element = bool(tag[1]), tag[2].lower()
        self.where, self.attribute = _Where.TAG, ""
        return tag.end()

    def _in_comment(self, text: str, position: int) -> int:
        end = text.find("-->", position)
        if end < 0:
            return len(text)
        self.where = _Where.TEXT
        return end + 3

    def _in_tag(self, text: str, position: int) -> int:
        character = text[position]
        if character == ">":
            raw = self.element in _RAW_TEXT and not self._closing
            self.where = _Where.RAW if raw else _Where.TEXT
            return position + 1
        if character == "=":
            return self._value(text, position + 1)
        if character.isspace() or character == "/":
            return position + 1
        name = re.compile(r"[^\s/>=]+").match(text, position)
        assert name is not None
        self.attribute = name[0].lower()
        return name.end()

    def _value(self, text: str, position: int) -> int:
        while position < len(text) and text[position].isspace():
            position += 1
        self.value_begun = False
        if position < len(text) and text[position] in "\"'":
            self._quote = text[position]
            self.where = _Where.QUOTED
            return position + 1
        self.where = _Where.UNQUOTED
        return position

    def _in_unquoted(self, text: str, position: int) -> int:
        if text[position].isspace() or text[position] == ">":
            self.where = _Where.TAG
            return position
        self.value_begun = True
        return position + 1

    def _in_quoted(self, text: str, position: int) -> int:
        end = text.find(self._quote, position)
        if text[position : end if end >= 0 else None].strip():
            self.value_begun = True
        if end < 0:
            return len(text)
        self.where = _Where.TAG
        return end + 1

    def _in_raw(self, text: str, position: int) -> int:
        end = re.compile(f"</{re.escape(self.element)}(?=[\\s/>])", re.IGNORECASE).search(text, position)
        if end is None:
            return len(text)
        self.where, self._closing = _Where.TAG, True
        return end.end()


def lint(source: str | bytes, name: str = "<string>") -> list[Finding]:
    """Return what is unsafe in a template's source, in reading order; an empty list if nothing is.

    Rules: ``unquoted-attribute``, ``in-tag``, ``script``, ``style``, ``event-handler``, ``url``,
    ``json-in-attribute``. Raises `ParseError` for tags that are not closed. `BaseLoader` with ``strict=True``
    refuses templates with findings.
    """
    text = source.decode("utf-8") if isinstance(source, bytes) else source
    page = _Page()
    findings = []
    for token in scan(text, name):
        if token.kind is Kind.TEXT:
            page.feed(token.text)
        elif token.kind is Kind.EXPRESSION or token.text.startswith("raw "):
            expression = token.text.removeprefix("raw ").strip() if token.kind is Kind.DIRECTIVE else token.text
            findings += [
                Finding(rule, f"{message}: {expression}", token.line) for rule, message in _judge(page, expression)
            ]
            page.value_begun = True
    return findings


def _judge(page: _Page, expression: str) -> Iterator[tuple[str, str]]:
    match page.where:
        case _Where.UNQUOTED:
            yield "unquoted-attribute", f'value of {page.attribute} without quotes, write {page.attribute}="..."'
        case _Where.TAG:
            yield "in-tag", f"value inside the tag <{page.element}>, where it can add attributes"
        case _Where.RAW if page.element == "script" and not _JSON_CALL.match(expression):
            yield "script", "value in a script, write {{ json(x) }}"
        case _Where.RAW if page.element == "style":
            yield "style", "value in a style sheet, which escaping does not protect"
        case _Where.QUOTED:
            yield from _judge_quoted(page, expression)


def _judge_quoted(page: _Page, expression: str) -> Iterator[tuple[str, str]]:
    if page.attribute.startswith("on"):
        yield "event-handler", f"value in the script of {page.attribute}, use a data- attribute and read it there"
    elif page.attribute == "style":
        yield "style", "value in a style attribute, which escaping does not protect"
    elif _JSON_CALL.match(expression):
        yield "json-in-attribute", "json() is for <script>, write json_encode() in an attribute"
    elif page.attribute in _URL_ATTRIBUTES and not page.value_begun and not _URL_CALLS.match(expression):
        yield "url", f"value at the start of {page.attribute} may be javascript:, write {{{{ url(x) }}}}"


lint.__module__ = "waterspout.template"
