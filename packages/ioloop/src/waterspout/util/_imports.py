"""Objects by their dotted names, and code by its text."""

import importlib
from collections.abc import Mapping
from typing import Any


def import_object(name: str) -> Any:
    """The module or the member of a module that `name` names.

    `import_object("x")` is `import x`; `import_object("x.y.z")` is `from x.y import z`, where z may
    be a submodule that has not been imported yet. Raises ImportError if there is no such object; an
    ImportError from inside the module that was found is passed on as it is.

    >>> import_object("os.path.join") is __import__("os").path.join
    True
    >>> import_object("os.no_such_thing")
    Traceback (most recent call last):
        ...
    ImportError: No module named no_such_thing in os
    """
    package, dot, leaf = name.rpartition(".")
    if not dot:
        return importlib.import_module(name)
    parent = importlib.import_module(package)
    found = getattr(parent, leaf, parent)
    if found is not parent:
        return found
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(f"No module named {leaf} in {package}", name=name) from None


def exec_in(code: Any, glob: dict[str, Any], loc: Mapping[str, Any] | None = None) -> None:
    """Run `code` (source text or a code object) with `glob` as its globals.

    Source text is compiled without the `from __future__` settings of the caller.
    """
    if isinstance(code, str):
        code = compile(code, "<string>", "exec", dont_inherit=True)
    exec(code, glob, loc)
