"""Configuration files and the environment: where values of options come from, and what to say about it.

Each reader gives the names it found with their values, and the place of each, for messages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from waterspout.options._errors import Error
from waterspout.util import exec_in


class Found(NamedTuple):
    """Values by name, and a function that says where the value of a name stands."""

    values: Mapping[str, Any]
    place: Callable[[str], str]


def read_python(path: str) -> Found:
    """Run the Python file at `path`; its global variables are the values.

    What it raises passes through: the traceback names file and line.
    """
    with open(path, "rb") as file:
        source = file.read().decode("utf-8")
    namespace: dict[str, Any] = {"__file__": os.path.abspath(path)}
    exec_in(compile(source, path, "exec", dont_inherit=True), namespace, namespace)

    def place(name: str) -> str:
        # The last assignment at the top level; there may be none, in a loop or an import.
        import ast

        lines = [
            statement.lineno
            for statement in ast.parse(source).body
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        ]
        return f"{path}, line {lines[-1]}" if lines else path

    return Found(namespace, place)


def read_toml(path: str) -> Found:
    """Read the TOML file at `path`: its top-level keys are the values, and nothing in it is run.

    Raises Error if it is not TOML, naming file, line and column.
    """
    # Only programs with such a file need the parser.
    import tomllib

    with open(path, "rb") as file:
        source = file.read().decode("utf-8")
    try:
        values = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise Error(f"{path}: {error}") from error

    def place(name: str) -> str:
        # The parser keeps no lines. A top-level key begins its line; that a line inside of a
        # multi-line string looks the same is possible, and only a message would be wrong.
        key = re.compile(rf"""^\s*(?:\[\s*)?["']?{re.escape(name)}["']?\s*[=.\]]""", re.MULTILINE)
        match = key.search(source)
        line = source.count("\n", 0, match.end()) + 1 if match else None
        return f"{path}, line {line}" if line else path

    return Found(values, place)


def read_environment(prefix: str, names: Mapping[str, str], environment: Mapping[str, str]) -> Found:
    """The variables `prefix` + NAME of `environment` for the options in `names` (name to name).

    An option ``log-to-stderr`` is the variable ``PREFIX_LOG_TO_STDERR`` if the prefix is ``PREFIX_``.
    """
    variables = {name: prefix + name.replace("-", "_").upper() for name in names}
    values = {name: environment[variable] for name, variable in variables.items() if variable in environment}
    return Found(values, lambda name: f"environment variable {variables[name]}")
