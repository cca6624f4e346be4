"""The importer that answers for ``tornado`` and everything below it.

Theory of operation. ``tornado`` itself is a small module made here. ``tornado.x`` is not a copy of ``waterspout.x``
but that very module object, so that classes are the same whichever name they were imported by, and there is one
state. The import system insists on a module's spec being the one it was found by; the loader puts the module's own
back.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from waterspout.tornado._incidental import add_incidental_names
from waterspout.tornado._version import version, version_info

if TYPE_CHECKING:
    from importlib.metadata import Distribution, DistributionFinder

ALIAS = "tornado"
NAMESPACE = "waterspout"

#: The file that ``tornado`` says to be.
OWN_FILE = str(Path(__file__).with_name("__init__.py"))

#: Not Waterspout's to give: Tornado's own tests. Left to whoever else can find them.
FOREIGN = ALIAS + ".test"

#: Tornado's modules that are not ours under their own name.
ELSEWHERE = {"tornado.speedups": "waterspout.tornado._speedups"}

#: Tornado's public modules, by the distribution that brings them.
DISTRIBUTIONS = {
    "waterspout-ioloop": (
        *("autoreload", "concurrent", "escape", "gen", "ioloop", "iostream", "locks", "log", "netutil", "options"),
        *("platform", "process", "queues", "tcpclient", "tcpserver", "util"),
    ),
    "waterspout-http": ("httputil", "http1connection"),
    "waterspout-httpserver": ("httpserver", "routing", "wsgi"),
    "waterspout-httpclient": ("httpclient", "simple_httpclient", "curl_httpclient"),
    "waterspout-web": ("template", "locale", "web", "websocket", "testing"),
    "waterspout-auth": ("auth",),
}


class AliasPackage(ModuleType):
    """The module ``tornado``; its submodules are imported when they are first asked for, as Tornado's are."""

    def __getattr__(self, name: str) -> ModuleType:
        full_name = f"{self.__name__}.{name}"
        if not name.startswith("_"):
            try:
                return importlib.import_module(full_name)
            except ModuleNotFoundError as error:
                if error.name != full_name:
                    raise
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class PackageLoader(InspectLoader):
    """Makes ``tornado``."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module with Tornado's version; its file is ours, and no submodule is looked for beside it."""
        module = AliasPackage(spec.name, "Waterspout's modules under Tornado's names.")
        module.__file__ = spec.origin
        vars(module).update(version=version, version_info=version_info, __all__=sorted(chain(*DISTRIBUTIONS.values())))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: `create_module` has filled it."""

    def is_package(self, fullname: str) -> bool:
        """It is."""
        return True

    def get_source(self, fullname: str) -> str:
        """It has no source."""
        return ""


class AliasLoader(InspectLoader):
    """Gives the module ``target`` under another name."""

    def __init__(self, target: str, spec: ModuleSpec) -> None:
        self.target = target
        self.target_spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The one module, imported now if nobody has before."""
        return importlib.import_module(self.target)

    def exec_module(self, module: ModuleType) -> None:
        """Undo what the import system did to the module, which has run and has a spec of its own; add to its names."""
        module.__spec__ = self.target_spec
        add_incidental_names(module, self.target.partition(".")[2])

    def is_package(self, fullname: str) -> bool:
        """Whether it has submodules."""
        return self.target_spec.submodule_search_locations is not None

    def get_source(self, fullname: str) -> str | None:
        """The source of the one module."""
        return self._own().get_source(self.target)

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the one module: what ``python -m tornado.x`` runs."""
        return self._own().get_code(self.target)

    def _own(self) -> InspectLoader:
        loader = self.target_spec.loader
        if not isinstance(loader, InspectLoader):
            raise ImportError(f"{self.target} was not loaded from source or bytecode", name=self.target)
        return loader


class AliasFinder(MetaPathFinder):
    """Finds ``tornado`` and ``tornado.*``, and the metadata of a distribution of that name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec by which ``fullname`` becomes Waterspout's module; None for names that are not Tornado's.

        ModuleNotFoundError, saying what to do, for a Tornado module that Waterspout does not have or that is not
        installed.
        """
        if fullname == ALIAS:
            return ModuleSpec(fullname, PackageLoader(), origin=OWN_FILE, is_package=True)
        if not fullname.startswith(ALIAS + ".") or fullname == FOREIGN or fullname.startswith(FOREIGN + "."):
            return None
        own_name = ELSEWHERE.get(fullname) or NAMESPACE + fullname.removeprefix(ALIAS)
        spec = _existing_spec(own_name)
        if spec is None:
            raise ModuleNotFoundError(_explain(fullname, own_name), name=fullname)
        package = spec.submodule_search_locations is not None
        return ModuleSpec(fullname, AliasLoader(own_name, spec), origin=spec.origin, is_package=package)

    def find_distributions(self, context: DistributionFinder.Context) -> Iterator[Distribution]:
        """The metadata of ``tornado``, for whoever asks by that name (not for lists of all that is installed)."""
        if context.name is not None and context.name.lower() == ALIAS:
            from waterspout.tornado._metadata import AliasDistribution  # heavy, and rarely asked for

            yield AliasDistribution()

    def invalidate_caches(self) -> None:
        """There are none."""


def _existing_spec(own_name: str) -> ModuleSpec | None:
    """The spec of a module of ours; None if there is none. Errors inside our modules are not hidden."""
    try:
        return find_spec(own_name)
    except ModuleNotFoundError as error:
        if error.name is None or not own_name.startswith(error.name):
            raise
        return None


def _explain(fullname: str, own_name: str) -> str:
    for distribution, modules in DISTRIBUTIONS.items():
        if own_name.partition(".")[2] in modules:
            return f"No module named {fullname!r}: it is {own_name!r} of {distribution}: pip install {distribution}"
    return f"No module named {fullname!r}: Waterspout stands in for tornado in this process and has no {own_name!r}"


def installed(meta_path: Iterable[object] | None = None) -> bool:
    """Whether an `AliasFinder` is at work in this process."""
    return any(isinstance(finder, AliasFinder) for finder in (sys.meta_path if meta_path is None else meta_path))
