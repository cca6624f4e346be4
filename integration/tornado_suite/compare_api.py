"""Hold Waterspout against Tornado's own listing of its public names (``tornado/test/api.txt``): ``compare_api.py``.

Prints one JSON object: ``{name: [description in the listing, verdict]}``. A verdict is ``same``; ``missing``; ``kind``,
where it is something else than the listing says; or our signature, where only that differs. Data, properties and
attributes are the same when they are there. An attribute that only objects have counts as there when the class, or one
it inherits from, declares it, assigns it to ``self``, or has it among its ``__slots__``.

Runs with the folder ``site`` on its path and ``WATERSPOUT_TORNADO`` in its environment.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

MISSING = object()
CALLED = {"function": None, "method": None, "classmethod": classmethod, "staticmethod": staticmethod}


@functools.cache
def classes_in(folder: Path) -> dict[str, set[str]]:
    """The attributes that the objects of each class in the files of a folder are given, by the class's name."""
    found: dict[str, set[str]] = {}
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(attributes(node))
    return found


def folders_of(cls: type) -> set[Path]:
    """Where the source of a class may be: its public package, and wherever its functions were written."""
    folders = {Path(folder) for folder in getattr(sys.modules.get(cls.__module__), "__path__", ())}
    written = (getattr(value, "__code__", None) for value in vars(cls).values())
    return folders | {Path(code.co_filename).parent for code in written if code is not None}


def attributes(definition: ast.ClassDef) -> set[str]:
    """The names that are assigned on ``self`` in a class, or declared in its body."""
    names = set()
    for node in ast.walk(definition):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            if node.value.id == "self":
                names.add(node.attr)
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.add(statement.target.id)
    return names


def on_objects(owner: type, name: str) -> bool:
    """Whether objects of the class have an attribute that the class has not."""
    for cls in owner.__mro__:
        slots = vars(cls).get("__slots__", ())
        if name in ((slots,) if isinstance(slots, str) else slots) or name in vars(cls).get("__annotations__", {}):
            return True
        if cls.__module__.startswith("waterspout."):
            if any(name in classes_in(folder).get(cls.__name__, ()) for folder in folders_of(cls)):
                return True
    return False


def look_up(module: ModuleType, path: list[str]) -> tuple[Any, Any]:
    """The owner of a dotted name below a module, and what it stands for, a class's attribute unbound.

    `MISSING` if it stands for nothing, None for an attribute that only objects of the class have.
    """
    owner = value = module
    for part in path:
        owner = value
        if not inspect.isclass(owner):
            value = getattr(owner, part, MISSING)
        else:
            value = inspect.getattr_static(owner, part, MISSING)
            if value is MISSING and (hasattr(owner, part) or on_objects(owner, part)):
                value = None
        if value is MISSING:
            break
    return owner, value


def verdict(owner: Any, value: Any, description: str, signature: Any) -> str:
    kind = description.partition("(")[0]
    if value is MISSING:
        return "missing"
    if kind == "class":
        return "same" if inspect.isclass(value) else "kind"
    if kind not in CALLED:
        return "same"
    wrapper = CALLED[kind]
    if wrapper is not None and not isinstance(value, wrapper):
        return "kind"
    function = getattr(value, "__func__", value)
    if not callable(function) and hasattr(function, "__get__"):  # a descriptor of our own that gives a function
        function = function.__get__(None, owner)
    if not callable(function):
        return "kind"
    try:
        ours: str = signature(function)
    except (TypeError, ValueError) as error:
        return f"no signature: {error}"
    return "same" if ours == description.removeprefix(kind) else ours


def main() -> None:
    api_test = importlib.import_module("tornado.test.api_test")
    listing = api_test.parse_snapshot(Path(api_test.SNAPSHOT_PATH).read_text(encoding="utf-8"))
    verdicts = {}
    for module_name, lines in listing.items():
        module = importlib.import_module(module_name)
        for line in lines:
            name, _, description = line.partition(": ")
            if not name.endswith(".doctests"):  # how Tornado's test runner finds its examples
                found = look_up(module, name.removeprefix(module_name + ".").split("."))
                verdicts[name] = [description, verdict(*found, description, api_test._format_signature)]
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()
