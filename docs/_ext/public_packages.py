"""Writes ``reference/``: one page for each public package, from its ``__all__``, and the list of them by distribution.

What a package re-exports from another one is named there as a link, and described once, where it lives.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

PACKAGES = Path(__file__).parents[2] / "packages"
DISTRIBUTIONS = ["web", "auth", "httpclient", "httpserver", "http", "ioloop"]


def public_packages(distribution: str) -> Iterator[str]:
    """The import names of a distribution's packages, those inside other packages included."""
    source = PACKAGES / distribution / "src"
    for init in sorted((source / "waterspout").rglob("__init__.py")):
        name = ".".join(init.parent.relative_to(source).parts)
        if not any(part.startswith("_") for part in name.split(".")):
            yield name


class Reference:
    """All public packages, and which of them a name belongs to."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}
        for distribution in DISTRIBUTIONS:
            for name in public_packages(distribution):
                self.modules[name] = importlib.import_module(name)

    def owner(self, package: str, name: str) -> str:
        """The package in which *name* of *package* is described: where it is defined, if it is public there, too."""
        value = getattr(self.modules[package], name)
        defined = getattr(value, "__module__", None)
        if inspect.isclass(value) or inspect.isfunction(value):
            found = [
                other
                for other, module in self.modules.items()
                if defined is not None
                and (defined == other or defined.startswith(other + "._"))
                and getattr(module, name, None) is value
                and name in getattr(module, "__all__", ())
            ]
            if found:
                return max(found, key=len)
            for other, module in self.modules.items():  # nobody's by its module: the first that has it
                if getattr(module, name, None) is value and name in getattr(module, "__all__", ()):
                    return other
        return package

    def page(self, package: str) -> str:
        module = self.modules[package]
        lines = [package, "=" * len(package), "", f".. automodule:: {package}", ""]
        described: list[str] = []
        elsewhere: list[str] = []
        for name in sorted(getattr(module, "__all__", ()), key=str.lower):
            value = getattr(module, name)
            if inspect.ismodule(value):
                elsewhere.append(f"* ``{name}``: the module ``{value.__name__}``")
            elif (owner := self.owner(package, name)) != package:
                elsewhere.append(f"* `{name} <{owner}.{name}>` of :doc:`{owner}`")
            else:
                described += self.entry(package, name, value)
        if elsewhere:
            lines += ["Also here:", "", *elsewhere, ""]
        return "\n".join(lines + described)

    def entry(self, package: str, name: str, value: Any) -> list[str]:
        if inspect.isclass(value) and value.__name__ == name:
            kind = "exception" if issubclass(value, BaseException) else "class"
            lines = [f".. auto{kind}:: {package}.{name}"]
            members = self.members(value)
            if members:
                lines.append(f"   :members: {', '.join(members)}")
            return [*lines, "   :show-inheritance:", ""]
        if inspect.isroutine(value):
            return [f".. autofunction:: {package}.{name}", ""]
        return self.data(package, name, value)

    def data(self, package: str, name: str, value: Any) -> list[str]:
        """A constant or alias, with what stands above it in ``#:`` comments, wherever in the package that is."""
        shown = repr(value)
        lines = [f".. py:data:: {package}.{name}"]
        if type(value) in (int, float, str, bytes, bool) and len(shown) < 60:
            lines.append(f"   :value: {shown}")
        elif type(value).__module__ == "builtins":
            lines.append(f"   :type: {type(value).__name__}")
        lines.append("")
        for file in sorted(Path(self.modules[package].__file__ or "").parent.glob("*.py")):
            analyzer = ModuleAnalyzer.for_file(file, package)
            if comment := analyzer.find_attr_docs().get(("", name)):
                lines += [f"   {line}" for line in comment]
                break
        return [*lines, ""]

    def members(self, cls: type) -> list[str]:
        """Public members that the class itself has, or a base that users do not see."""
        own: dict[str, None] = {}
        for base in cls.__mro__:
            if base is not cls and (not base.__module__.startswith("waterspout.") or self.is_public(base)):
                continue
            own.update(dict.fromkeys(name for name in vars(base) if not name.startswith("_")))
        return sorted(own)

    def is_public(self, cls: type) -> bool:
        module = self.modules.get(cls.__module__)
        return module is not None and cls.__name__ in getattr(module, "__all__", ())


def write(app: Sphinx) -> None:
    reference = Reference()
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    lines = ["Reference", "=========", "", "One page for each public package, from its docstrings.", ""]
    pages: dict[str, str] = {}
    for distribution in DISTRIBUTIONS:
        names = list(public_packages(distribution))
        title = f"waterspout-{distribution}"
        entries = [f"   {name.removeprefix('waterspout.')} <{name}>" for name in names]
        lines += [title, "-" * len(title), "", ".. toctree::", "   :maxdepth: 1", "", *entries, ""]
        pages.update({f"{name}.rst": reference.page(name) for name in names})
    pages["index.rst"] = "\n".join(lines)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:  # an unchanged page is not built anew
            path.write_text(text)
    for path in folder.iterdir():
        if path.name not in pages:
            path.unlink()


def silence_fields(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """A named tuple says of each field which number it has, and nothing else."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", silence_fields)
    return {"parallel_read_safe": True}
