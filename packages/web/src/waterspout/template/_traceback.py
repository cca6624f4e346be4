"""Errors in a running template: frames that name the template's file and line.

The frames of the generated function are replaced by frames made for the purpose, one for each file on the way
(the page, the file it includes, ...), with the template's local variables. Only built when an error passes.
"""

import ast
import linecache
import os
from types import CodeType, TracebackType

from waterspout.template._writer import Place


class _Marker(Exception):
    """Raised at a line of a template to get a frame there; never seen outside."""


def relocated(traceback: TracebackType | None, generated_file: str, places: list[Place]) -> TracebackType | None:
    """Return ``traceback`` with template frames where it has frames of code compiled as ``generated_file``."""
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    result: TracebackType | None = None
    for entry in reversed(entries):
        frame, number = entry.tb_frame, entry.tb_lineno
        if frame.f_code.co_filename != generated_file or not 0 < number <= len(places):
            result = TracebackType(result, frame, entry.tb_lasti, number)
            continue
        variables = {name: value for name, value in frame.f_locals.items() if not name.startswith("_tt_")}
        place: Place | None = places[number - 1]
        while place is not None:
            result = _frame(place, variables, result)
            place = place.within
    return result


def _frame(place: Place, variables: dict[str, object], inner: TracebackType | None) -> TracebackType:
    namespace: dict[str, object] = {"__name__": place.file.name, "_tt_here": _Marker()}
    try:
        exec(_raising_code(_shown_path(place), place.line, place.label), namespace, variables)
    except _Marker as marker:
        made = marker.__traceback__
        marker.__traceback__ = None
        del namespace["_tt_here"]
        if made is not None and made.tb_next is not None:
            return TracebackType(inner, made.tb_next.tb_frame, made.tb_next.tb_lasti, place.line)
    raise AssertionError("the marker was not raised")


def _raising_code(path: str, line: int, label: str) -> CodeType:
    tree = ast.parse("raise _tt_here")
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt):
            node.lineno = node.end_lineno = line
            node.col_offset = node.end_col_offset = -1  # no columns: nothing is underlined
    return compile(tree, path, "exec").replace(co_name=label, co_qualname=label)


def _shown_path(place: Place) -> str:
    """The file to name. Of a template that is not a file, the source is given to linecache, for tracebacks to show."""
    file, line = place.file, place.line
    if os.path.isabs(file.path):
        return file.path
    # "<string>" is also what exec() calls its code; that name must not get lines.
    shown = f"template {file.path}" if file.path.startswith("<") else file.path
    lines = [text + "\n" for text in file.source.split("\n")]
    if line <= len(lines):
        lines[line - 1] = f"{lines[line - 1].rstrip()}  # {place}\n"
    linecache.cache[shown] = (len(file.source), None, lines, shown)
    return shown
