"""Names of a package that are imported when somebody asks for them (PEP 562).

What an application pays at its start is the files that it reads, so a package lists here what most of its users do
not need. To type checkers the same names are imported plainly, under ``if TYPE_CHECKING``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def exports(package: str, **files: str) -> Callable[[str], Any]:
    """A module-level ``__getattr__`` for ``package``; each keyword is a file of it, with the names to take from there.

        __getattr__ = exports(__name__, _gzip="GzipDecompressor")

    A name is looked up once: from then on it stands in the package. AttributeError for any other.
    """
    places = {name: file for file, names in files.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        file = places.get(name)
        if file is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{file}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__
