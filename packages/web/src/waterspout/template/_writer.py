"""Generated Python, line by line, with the place in the templates that each line comes from."""

from typing import NamedTuple

from waterspout.template._nodes import File


class Place(NamedTuple):
    """A line of a template, and where the file was pulled in: None, or the include or block it stands for."""

    file: File
    line: int
    within: "Place | None" = None
    label: str = "template"

    def __str__(self) -> str:
        via = []
        outer = self.within
        while outer is not None:
            via.append(f"{outer.file.name}:{outer.line}")
            outer = outer.within
        return f"{self.file.name}:{self.line}" + (f" (via {', '.join(via)})" if via else "")


class Run:
    """Output that needs no statement between its pieces: becomes one ``extend`` with one tuple.

    The tuple alternates: text as it is, value to escape, text as it is, ... (see _output).
    """

    __slots__ = ("items", "odd")

    # Longer tuples are built by appending to a list first.
    LIMIT = 28

    def __init__(self) -> None:
        self.items: list[tuple[str, Place, bool]] = []  # code, place, is it literal text
        self.odd = False

    def text(self, value: str, place: Place) -> None:
        """Add literal text, to the literal before it where there is one."""
        if self.odd and self.items[-1][2]:
            before, where, _ = self.items[-1]
            self.items[-1] = (before + value, where, True)
        elif value:
            self._even(value, place, True)

    def raw(self, code: str, place: Place) -> None:
        """Add an expression whose value goes out as it is."""
        self._even(code, place, False)

    def escaped(self, code: str, place: Place) -> None:
        """Add an expression whose value is escaped."""
        if not self.odd:
            self.items.append(("", place, True))
        self.items.append((code, place, False))
        self.odd = False

    def _even(self, code: str, place: Place, literal: bool) -> None:
        if self.odd:
            self.items.append(("''", place, False))
        self.items.append((code, place, literal))
        self.odd = True


class Writer:
    """Collects the lines of one function. ``places[i]`` belongs to line ``i + 1`` of the source."""

    __slots__ = ("_indent", "_run", "lines", "one_by_one", "places")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: list[Place] = []
        self._indent = 0
        self._run = Run()
        # Inside {% try %}, what stands before a failing value must already be out.
        self.one_by_one = False

    @property
    def source(self) -> str:
        """All lines written so far."""
        return "\n".join(self.lines) + "\n"

    def indent(self) -> None:
        self.flush()
        self._indent += 1

    def dedent(self) -> None:
        self.flush()
        self._indent -= 1

    def statement(self, code: str, place: Place) -> None:
        """Write a statement, which may have several lines (inner ones are left alone: they may be in a string)."""
        self.flush()
        self._write(code, place)

    def text(self, value: str, place: Place) -> None:
        self._run.text(value, place)
        self._added()

    def raw(self, code: str, place: Place) -> None:
        self._before_value()
        self._run.raw(code, place)
        self._added()

    def escaped(self, code: str, place: Place) -> None:
        self._before_value()
        self._run.escaped(code, place)
        self._added()

    def _before_value(self) -> None:
        if self.one_by_one:
            self.flush()

    def _added(self) -> None:
        if len(self._run.items) >= Run.LIMIT:
            self.flush()

    def flush(self) -> None:
        """Write out the pieces gathered so far."""
        run, self._run = self._run, Run()
        if not run.items:
            return
        if run.odd:
            run.items.append(("''", run.items[-1][1], False))
        first = run.items[0][1]
        self._write("_tt_extend((", first)
        self._indent += 1
        for code, place, literal in run.items:
            self._write((repr(code) if literal else code) + ",", place)
        self._indent -= 1
        self._write("))", first)

    def _write(self, code: str, place: Place) -> None:
        first, *others = code.split("\n")
        lines = ["    " * self._indent + first, *others]
        lines[-1] += f"  # {place}"
        self.lines += lines
        self.places += [place._replace(line=place.line + offset) for offset in range(len(lines))]
