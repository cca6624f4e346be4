"""The parse tree of a template: plain data, made by the parser and read by the code generator."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Text:
    """Literal text, white space already treated."""

    value: str
    line: int


@dataclass(slots=True)
class Expression:
    """``{{ source }}``, ``{% raw source %}`` or ``{% module source %}``: a value to insert."""

    source: str
    line: int
    raw: bool = False


@dataclass(slots=True)
class Statement:
    """A Python statement taken over as it stands: set, import, from, break, continue."""

    source: str
    line: int


@dataclass(slots=True)
class Clause:
    """``else``, ``elif``, ``except`` or ``finally``: begins the next suite of the `Control` around it."""

    source: str
    line: int


@dataclass(slots=True)
class Control:
    """``if``, ``for``, ``while`` or ``try`` with its suites; ``keyword`` is the first word of ``source``."""

    keyword: str
    source: str
    line: int
    body: list["Node"]


@dataclass(slots=True)
class Apply:
    """``{% apply function %}``: the function is given the output of the body."""

    function: str
    line: int
    body: list["Node"]


@dataclass(slots=True)
class Block:
    """``{% block name %}``: a part that a template which extends this one may replace."""

    name: str
    line: int
    body: list["Node"]
    file: "File"


@dataclass(slots=True)
class Include:
    """``{% include "name" %}``."""

    name: str
    line: int


@dataclass(slots=True)
class Extends:
    """``{% extends "name" %}``."""

    name: str
    line: int


Node = Text | Expression | Statement | Clause | Control | Apply | Block | Include | Extends


@dataclass(slots=True)
class File:
    """One template file. ``path`` names it in tracebacks; ``autoescape`` holds for this file and no other."""

    name: str
    source: str
    path: str
    autoescape: str | None
    body: list[Node] = field(default_factory=list)

    def line(self, number: int) -> str:
        """The text of line ``number``, counted from 1; empty beyond the end."""
        lines = self.source.split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else ""


def walk(nodes: list[Node]) -> Iterator[Node]:
    """All nodes below, in reading order, a parent before what it holds."""
    for node in nodes:
        yield node
        if isinstance(node, Control | Apply | Block):
            yield from walk(node.body)
