"""Tokens to the parse tree."""

from collections.abc import Iterator

from waterspout.template._errors import ParseError
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
)
from waterspout.template._scanner import Kind, Token, scan
from waterspout.template._whitespace import check_mode, filter_whitespace

# Which clause may follow in which suite.
_CLAUSES = {
    "else": ("if", "for", "while", "try"),
    "elif": ("if",),
    "except": ("try",),
    "finally": ("try",),
}
_LOOPS = ("for", "while")


def parse(file: File, whitespace: str) -> None:
    """Fill ``file.body`` (and ``file.autoescape``, if the source sets it) from ``file.source``.

    Raises `ParseError` for what is not the template language, ValueError for an unknown whitespace mode.
    """
    parser = _Parser(file, check_mode(whitespace))
    file.body = parser.suite(None, None)


class _Parser:
    __slots__ = ("_file", "_tokens", "_whitespace")

    def __init__(self, file: File, whitespace: str) -> None:
        self._file = file
        self._tokens: Iterator[Token] = scan(file.source, file.name)
        self._whitespace = whitespace

    def _error(self, message: str, line: int) -> ParseError:
        return ParseError(message, self._file.name, line)

    def suite(self, owner: Token | None, loop: str | None) -> list[Node]:
        """Nodes up to the ``{% end %}`` of ``owner`` (or the end of the file, for None).

        ``loop`` is the loop that ``break`` and ``continue`` would belong to.
        """
        keyword = _words(owner.text)[0] if owner else None
        body: list[Node] = []
        for token in self._tokens:
            if token.kind is Kind.TEXT:
                body.append(Text(self._filtered(token.text), token.line))
            elif token.kind is Kind.EXPRESSION:
                body.append(Expression(token.text, token.line))
            else:
                operator, rest = _words(token.text)
                if operator == "end":
                    if owner is None:
                        raise self._error("Extra {% end %} block", token.line)
                    return body
                if operator in _CLAUSES:
                    self._check_clause(operator, keyword, token.line)
                    body.append(Clause(token.text, token.line))
                else:
                    node = self._directive(operator, rest, token, loop)
                    if node is not None:
                        body.append(node)
        if owner is not None:
            raise self._error(f"Missing {{% end %}} block for {keyword}", owner.line)
        return body

    def _filtered(self, text: str) -> str:
        # A crude guard for preformatted text: white space in <pre> is content.
        return text if "<pre>" in text else filter_whitespace(self._whitespace, text)

    def _check_clause(self, clause: str, keyword: str | None, line: int) -> None:
        allowed = _CLAUSES[clause]
        if keyword is None:
            raise self._error(f"{clause} outside {_either(allowed)} block", line)
        if keyword not in allowed:
            raise self._error(f"{clause} block cannot be attached to {keyword} block", line)

    def _directive(self, operator: str, rest: str, token: Token, loop: str | None) -> Node | None:
        line = token.line
        match operator:
            case "comment":
                return None
            case "extends" | "include":
                name = rest.strip("\"'")
                if not name:
                    raise self._error(f"{operator} missing file path", line)
                return Extends(name, line) if operator == "extends" else Include(name, line)
            case "set":
                if not rest:
                    raise self._error("set missing statement", line)
                return Statement(rest, line)
            case "import" | "from":
                if not rest:
                    raise self._error("import missing statement", line)
                return Statement(token.text, line)
            case "autoescape":
                self._file.autoescape = None if rest in ("", "None") else rest
                return None
            case "whitespace":
                try:
                    self._whitespace = check_mode(rest)
                except ValueError as error:
                    raise self._error(str(error), line) from None
                return None
            case "raw" | "module":
                if not rest:
                    raise self._error(f"{operator} missing expression", line)
                return Expression(rest if operator == "raw" else "_tt_modules." + rest, line, raw=True)
            case "break" | "continue":
                if loop is None:
                    raise self._error(f"{operator} outside {_either(_LOOPS)} block", line)
                return Statement(token.text, line)
            case "if" | "for" | "while" | "try":
                return Control(operator, token.text, line, self.suite(token, operator if operator in _LOOPS else loop))
            case "apply":
                if not rest:
                    raise self._error("apply missing method name", line)
                # The body becomes a function of its own: a loop outside cannot be left from inside.
                return Apply(rest, line, self.suite(token, None))
            case "block":
                if not rest:
                    raise self._error("block missing name", line)
                return Block(rest, line, self.suite(token, loop), self._file)
            case _:
                raise self._error(f"unknown operator: {operator!r}", line)


def _words(text: str) -> tuple[str, str]:
    """The first word of a directive and what follows it."""
    operator, *rest = text.split(None, 1)
    return operator, rest[0] if rest else ""


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
