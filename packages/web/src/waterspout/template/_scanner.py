"""Template text to tokens: literal text, ``{{ expressions }}`` and ``{% directives %}``.

Comments ``{# ... #}`` yield nothing. ``{{!``, ``{%!`` and ``{#!`` are a literal ``{{``, ``{%``, ``{#``. Of three or
more braces in a row the innermost two open an expression, so that ``{{{x}}}`` is the value in braces.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from waterspout.template._errors import ParseError

_OPENING = re.compile(r"\{(?!\{\{)[{%#]")


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    EXPRESSION = "expression"
    DIRECTIVE = "block"


class Token(NamedTuple):
    """A piece of a template; ``line`` is where it begins (for a tag: where its content begins), from 1."""

    kind: Kind
    text: str
    line: int


class _Tag(NamedTuple):
    closing: str
    kind: Kind | None
    missing: str
    empty: str


_TAGS = {
    "{{": _Tag("}}", Kind.EXPRESSION, "Missing end expression }}", "Empty expression"),
    "{%": _Tag("%}", Kind.DIRECTIVE, "Missing end block %}", "Empty block tag ({% %})"),
    "{#": _Tag("#}", None, "Missing end comment #}", ""),
}


def scan(source: str, name: str) -> Iterator[Token]:
    """Yield the tokens of a template in order; raises `ParseError` for a tag that is not closed or is empty."""
    position = 0
    line = 1
    while True:
        found = _OPENING.search(source, position)
        if found is None:
            if position < len(source):
                yield Token(Kind.TEXT, source[position:], line)
            return
        opening, start = found.group(), found.start()
        if start > position:
            yield Token(Kind.TEXT, source[position:start], line)
            line += source.count("\n", position, start)
        if source.startswith("!", start + 2):
            yield Token(Kind.TEXT, opening, line)
            position = start + 3
            continue
        tag = _TAGS[opening]
        end = source.find(tag.closing, start + 2)
        if end < 0:
            raise ParseError(tag.missing, name, line)
        if tag.kind is not None:
            content = source[start + 2 : end]
            stripped = content.strip()
            if not stripped:
                raise ParseError(tag.empty, name, line)
            lead = len(content) - len(content.lstrip())
            yield Token(tag.kind, stripped, line + content.count("\n", 0, lead))
        line += source.count("\n", start, end)
        position = end + 2
