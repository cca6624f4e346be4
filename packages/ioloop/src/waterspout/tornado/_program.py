"""Run a program as ``__main__``, as the interpreter does: by its file, as a module, from a folder or archive, as code.

The module made for it stays ``__main__`` until the process ends. ``runpy`` takes its own away when the last line has
run, and then whoever is still at work (threads, ``atexit``, pools) no longer finds the program's classes by name.
"""

from __future__ import annotations

import os
import pkgutil
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any


class ProgramNotFoundError(Exception):
    """There is no such program: what the interpreter would say, and the exit *status* that it would end with."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def run_file(path: str, arguments: list[str]) -> None:
    """Run the program at *path*: a file of source or byte code, or a folder or archive with a ``__main__.py``."""
    sys.argv[:] = [path, *arguments]
    path = os.path.abspath(path)
    if pkgutil.get_importer(path) is not None:
        if not sys.flags.safe_path:
            del sys.path[0]
        sys.path.insert(0, path)
        spec = PathFinder.find_spec("__main__", [path])
        if spec is None:
            raise ProgramNotFoundError(f"can't find '__main__' module in {path!r}", 1)
        _run_spec(spec)
        return
    loader = (SourcelessFileLoader if path.endswith(".pyc") else SourceFileLoader)("__main__", path)
    try:
        if isinstance(loader, SourceFileLoader):
            code: Any = loader.source_to_code(loader.get_data(path), path)  # get_code would leave byte code behind
        else:
            code = loader.get_code("__main__")
    except OSError as error:
        said = f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}"
        raise ProgramNotFoundError(said, 2) from None
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    _run(code, __file__=path, __cached__=None, __loader__=loader, __package__=None)


def run_module(name: str, arguments: list[str]) -> None:
    """Run the module *name*, or the ``__main__`` of the package *name*."""
    sys.argv[:] = ["-m", *arguments]  # what packages see while they are imported
    spec = _spec_of(name)
    if spec.submodule_search_locations is not None:
        try:
            spec = _spec_of(f"{name}.__main__")
        except ProgramNotFoundError as error:
            raise ProgramNotFoundError(f"{error}; {name!r} is a package and cannot be directly executed", 1) from None
    if spec.origin is not None:
        sys.argv[0] = spec.origin
    _run_spec(spec)


def run_code(text: str, arguments: list[str]) -> None:
    """Run *text*, source code."""
    sys.argv[:] = ["-c", *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = ""
    _run(compile(text, "<string>", "exec", dont_inherit=True))


def _spec_of(name: str) -> ModuleSpec:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise  # inside of a package on the way
        spec = None
    if spec is None:
        raise ProgramNotFoundError(f"No module named {name}", 1)
    return spec


def _run_spec(spec: ModuleSpec) -> None:
    loader: Any = spec.loader
    code = loader.get_code(spec.name) if hasattr(loader, "get_code") else None
    if code is None:
        raise ProgramNotFoundError(f"No code object available for {spec.name}", 1)
    _run(
        code,
        __file__=spec.origin,
        __cached__=spec.cached,
        __loader__=loader,
        __package__=spec.parent,
        __spec__=spec,
    )


def _run(code: CodeType, **names: object) -> None:
    main = ModuleType("__main__")
    vars(main).update(names, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    exec(code, vars(main))
