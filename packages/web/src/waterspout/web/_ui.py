"""UI methods and modules: from the application's settings to the names that templates use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from waterspout.web._uimodules import BUILT_IN_MODULES, UIModule, UIModules

__all__ = ["UINamespace", "load_methods", "load_modules"]

Sources = ModuleType | Mapping[str, Any] | Iterable["ModuleType | Mapping[str, Any]"] | None


def load_modules(sources: Sources) -> dict[str, type[UIModule]]:
    """The UI modules of the setting ``ui_modules`` by name, beside the built-in ones.

    A source is a Python module, whose `UIModule` subclasses are taken, a dictionary, or a list of these. `TypeError`
    for anything else.
    """
    modules: dict[str, type[UIModule]] = dict(BUILT_IN_MODULES)
    for source in _each(sources):
        for name, value in _names(source, "ui_modules"):
            if isinstance(value, type) and issubclass(value, UIModule):
                modules[name] = value
            elif not isinstance(source, ModuleType):
                raise TypeError(f"ui_modules: {name!r} is {value!r}, not a subclass of UIModule")
    return modules


def load_methods(sources: Sources) -> dict[str, Any]:
    """The functions of the setting ``ui_methods`` by name; each is called with the handler as its first argument."""
    methods: dict[str, Any] = {}
    for source in _each(sources):
        for name, value in _names(source, "ui_methods"):
            if not name.startswith("_") and callable(value) and name[:1].lower() == name[:1]:
                methods[name] = value
    return methods


def _each(sources: Sources) -> Iterable[ModuleType | Mapping[str, Any]]:
    if sources is None:
        return ()
    if isinstance(sources, ModuleType | Mapping):
        return (sources,)
    return sources


def _names(source: ModuleType | Mapping[str, Any], setting: str) -> Iterable[tuple[str, Any]]:
    if isinstance(source, ModuleType):
        return [(name, getattr(source, name)) for name in dir(source)]
    if isinstance(source, Mapping):
        return source.items()
    raise TypeError(f"{setting}: {source!r} is neither a module nor a dictionary")


class UINamespace:
    """``handler.ui``: UI methods bound to the handler, and ``modules``, by attribute or item."""

    def __init__(self, handler: Any, modules: Mapping[str, type[UIModule]], methods: Mapping[str, Any]) -> None:
        self._handler = handler
        self._methods = methods
        self.modules = UIModules(handler, modules)

    def __getitem__(self, name: str) -> Any:
        if name == "_tt_modules" or name == "modules":
            return self.modules
        handler, method = self._handler, self._methods[name]
        return lambda *args, **kwargs: method(handler, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"there is no UI method {name!r}: is it in the setting ui_methods?") from error

    def keys(self) -> Iterable[str]:
        """The names, so that ``{**handler.ui}`` is a template's namespace."""
        return ("_tt_modules", "modules", *self._methods)

    def names(self) -> dict[str, Any]:
        """The names for a template's namespace."""
        return {"_tt_modules": self.modules, "modules": self.modules, **{name: self[name] for name in self._methods}}
