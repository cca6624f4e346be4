"""The parse tree to the source of one Python function.

The function is ``_tt_execute(_tt_extend, _tt_text, _tt_raw, _tt_call, _tt_join)``; `_output` has what it is given.
Included files and replaced blocks are written in place, so that they share the local variables; names beginning
with ``_tt_`` are the template system's own.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from waterspout.template._errors import ParseError, TemplateSyntaxError
from waterspout.template._nodes import (
    Apply,
    Block,
    Clause,
    Control,
    Expression,
    Extends,
    File,
    Include,
    Node,
    Statement,
    Text,
    walk,
)
from waterspout.template._writer import Place, Writer

FUNCTION = "_tt_execute"
_SIGNATURE = f"def {FUNCTION}(_tt_extend, _tt_text, _tt_raw, _tt_call, _tt_join):"
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)

# Both names of the HTML escaping function in the default namespace.
HTML_ESCAPES = ("xhtml_escape", "escape")

Lookup = Callable[[str, str], File]
"""(name, name of the file that asks) -> the file."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Source of a template's function; ``awaits`` if it is a coroutine function."""

    source: str
    places: list[Place]
    awaits: bool


def generate(file: File, lookup: Lookup | None, *, batched: bool, awaiting: bool) -> Generated:
    """Return the source for ``file`` with all that it extends and includes.

    ``batched``: HTML escaping is done at the end, in one pass; else by calling the function of that name.
    ``awaiting``: values that are awaitable are awaited. A template that uses ``await`` itself gives a coroutine
    function in either case. Raises `ParseError`.
    """
    chain = _ancestry(file, lookup)
    blocks: dict[str, Block] = {}
    for ancestor in reversed(chain):
        _collect_blocks(ancestor, lookup, blocks, [ancestor.name])
    for awaits in (True,) if awaiting else (False, True):
        generator = _Generator(lookup, blocks, batched=batched, awaits=awaits)
        result = generator.function(chain[-1])
        if awaits or not _uses_await(result, file):
            return result
    raise AssertionError("unreachable")


def _ancestry(file: File, lookup: Lookup | None) -> list[File]:
    """The file, the one it extends, and so on up."""
    chain = [file]
    while True:
        child = chain[-1]
        parent = next((node for node in child.body if isinstance(node, Extends)), None)
        if parent is None:
            return chain
        if lookup is None:
            raise ParseError("{% extends %} block found, but no template loader", child.name, parent.line)
        found = lookup(parent.name, child.name)
        if any(found is seen for seen in chain):
            raise ParseError(f"{child.name} extends {found.name}, which extends it in turn", child.name, parent.line)
        chain.append(found)


def _collect_blocks(file: File, lookup: Lookup | None, blocks: dict[str, Block], path: list[str]) -> None:
    """Note the blocks of ``file`` and of what it includes; a later one replaces an earlier one of its name."""
    for node in walk(file.body):
        if isinstance(node, Block):
            blocks[node.name] = node
        elif isinstance(node, Include):
            included = _included(node, file, lookup)
            if included.name in path:
                raise ParseError(f"include cycle: {' -> '.join([*path, included.name])}", file.name, node.line)
            _collect_blocks(included, lookup, blocks, [*path, included.name])


def _included(node: Include, file: File, lookup: Lookup | None) -> File:
    if lookup is None:
        raise ParseError("{% include %} block found, but no template loader", file.name, node.line)
    return lookup(node.name, file.name)


def _uses_await(generated: Generated, file: File) -> bool:
    if "await" not in generated.source and "async" not in generated.source:
        return False
    try:
        tree = ast.parse(generated.source)
    except SyntaxError as error:
        raise syntax_error(error, generated, file.name) from None
    return any(
        isinstance(node, _AWAITS) or (isinstance(node, ast.comprehension) and node.is_async) for node in ast.walk(tree)
    )


def syntax_error(error: SyntaxError, generated: Generated, name: str) -> TemplateSyntaxError:
    """Translate an error in generated source to its place in the template."""
    if error.lineno and error.lineno <= len(generated.places):
        place = generated.places[error.lineno - 1]
        return TemplateSyntaxError(error.msg, place.file.name, place.line, place.file.line(place.line))
    return TemplateSyntaxError(error.msg, name)


class _Generator:
    def __init__(self, lookup: Lookup | None, blocks: dict[str, Block], *, batched: bool, awaits: bool) -> None:
        self._lookup = lookup
        self._blocks = blocks
        self._batched = batched
        self._await = "await " if awaits else ""
        self._async = "async " if awaits else ""
        self._out = Writer()
        self._applied = 0
        self._active: list[str] = []

    def function(self, root: File) -> Generated:
        out, top = self._out, Place(root, 1)
        out.statement(self._async + _SIGNATURE, top)
        out.indent()
        self._suite(root.body, top)
        out.statement("return None", top)
        out.dedent()
        return Generated(out.source, out.places, bool(self._async))

    def _suite(self, body: list[Node], where: Place) -> None:
        """Write nodes; ``where`` is the place of the node around them, of which file and ``within`` are kept."""
        for node in body:
            self._node(node, where._replace(line=node.line))

    def _node(self, node: Node, here: Place) -> None:
        out = self._out
        match node:
            case Text():
                out.text(node.value, here)
            case Expression():
                self._expression(node, here)
            case Statement():
                out.statement(node.source, here)
            case Control():
                self._control(node, here)
            case Clause():
                # Reached from _control; the suite before it may be empty.
                out.statement("pass", here)
                out.dedent()
                out.statement(f"{node.source}:", here)
                out.indent()
            case Apply():
                self._apply(node, here)
            case Block():
                chosen = self._blocks[node.name]
                self._suite(chosen.body, Place(chosen.file, node.line, here, f"block {node.name}"))
            case Include():
                self._include(node, here)
            case Extends():
                pass  # looked at before anything was written

    def _expression(self, node: Expression, here: Place) -> None:
        # A comment in the expression must not swallow the parenthesis.
        value = f"({node.source}\n)" if "#" in node.source else f"({node.source})"
        escape = None if node.raw else here.file.autoescape
        if escape is None:
            self._out.raw(self._converted(value, "_tt_raw"), here)
        elif self._batched and escape in HTML_ESCAPES:
            self._out.escaped(self._converted(value, "_tt_text"), here)
        else:
            self._out.raw(f"{self._await}_tt_call({escape}, {value})", here)

    def _converted(self, value: str, function: str) -> str:
        """Code for the text of a value: the two common types are told apart without a call."""
        kind = "_tt_v.__class__"
        rest = f"(f'{{_tt_v}}' if {kind} is int else {self._await}{function}(_tt_v))"
        return f"_tt_v if (_tt_v := {value}).__class__ is str else {rest}"

    def _control(self, node: Control, here: Place) -> None:
        out = self._out
        out.statement(f"{node.source}:", here)
        outside = out.one_by_one
        out.one_by_one = outside or node.keyword == "try"
        out.indent()
        self._suite(node.body, here)
        out.statement("pass", here)
        out.dedent()
        out.one_by_one = outside

    def _apply(self, node: Apply, here: Place) -> None:
        out, name = self._out, f"_tt_apply{self._applied}"
        self._applied += 1
        out.statement(f"{self._async}def {name}():", here)
        out.indent()
        out.statement("_tt_pieces = []", here)
        out.statement("_tt_extend = _tt_pieces.extend", here)
        self._suite(node.body, here)
        out.statement("return _tt_join(_tt_pieces)", here)
        out.dedent()
        out.raw(f"{self._await}_tt_raw(({node.function})({self._await}{name}()))", here)

    def _include(self, node: Include, here: Place) -> None:
        included = _included(node, here.file, self._lookup)
        if included.name in self._active:
            raise ParseError(f"include cycle through {included.name}", here.file.name, node.line)
        self._active.append(included.name)
        self._suite(included.body, Place(included, node.line, here, "include"))
        self._active.pop()
