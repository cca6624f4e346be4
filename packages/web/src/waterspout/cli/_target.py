"""The application that a command line names: ``app.py``, ``app.py:make_app``, ``package.module``, ``module:name``."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from types import ModuleType
from typing import Any

from waterspout.cli._arguments import did_you_mean

__all__ = ["TargetError", "check_servable", "load", "split_target"]

#: Looked for in this order where the target gives no name.
NAMES = ("app", "application", "make_app", "create_app")


class TargetError(Exception):
    """There is no such application, in words for who typed the target."""


def split_target(target: str) -> tuple[str, str | None]:
    """File or module, and the name in it, if any. Raises `TargetError` for a file that is not there."""
    place, _, name = target.partition(":") if not _is_file(target) else (target, "", "")
    if _is_file(place):
        if not os.path.isfile(place):
            raise TargetError(f"there is no file {place!r} in {os.getcwd()}")
    elif not all(part.isidentifier() for part in place.split(".")):
        raise TargetError(f"{place!r} is neither a Python file (app.py) nor a module (package.module)")
    return place, name or None


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


async def load(target: str) -> Any:
    """What *target* names; a function is called, and waited for if it is asynchronous.

    Raises `TargetError` if there is no such module or name; what the module raises is not caught.
    """
    place, name = split_target(target)
    module = _module_of_file(place) if _is_file(place) else _module(place)
    found = _attribute(module, place, name)
    if inspect.isfunction(found) or inspect.ismethod(found):
        needed = _needed(found)
        if needed:
            raise TargetError(f"{target} needs arguments ({', '.join(needed)}){_HOW}")
        found = found()
    if inspect.isawaitable(found):
        found = await found
    if found is None:
        raise TargetError(f"{target} gave None: a function that makes an application has to return it")
    return found


def check_servable(target: str, found: Any) -> None:
    """Raise `TargetError` unless requests can be served with *found*, which `load` has made of *target*."""
    from waterspout.httputil import HTTPServerConnectionDelegate
    from waterspout.web import RequestHandler

    if isinstance(found, type):
        kind = "a request handler" if issubclass(found, RequestHandler) else "a class"
        raise TargetError(f"{target} is {kind}; give an Application, or a function that makes one")
    if isinstance(found, RequestHandler):
        raise TargetError(f"{target} is a request handler; give an Application, or a function that makes one")
    if isinstance(found, HTTPServerConnectionDelegate) or hasattr(found, "serve_request"):
        return
    if not callable(found):
        raise TargetError(f"{target} is of type {type(found).__name__}, which serves no requests{_HOW}")
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        needed = _needed(found)
        raise TargetError(f"{target} does not take a request, but ({', '.join(needed)}){_HOW}") from None
    except ValueError:  # written in C: nothing can be told
        return


_HOW = "; give an Application, an ASGIContainer or WSGIContainer around another one, or a function that makes one"


def _needed(function: Any) -> list[str]:
    """The parameters without which *function* cannot be called."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and parameter.kind not in variadic
    ]


def _module_of_file(path: str) -> ModuleType:
    folder = os.path.dirname(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as an import does: pickles, dataclasses and reloading look there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module(name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise TargetError(f"there is no module {name!r} here ({os.getcwd()}) or among those installed") from None
        raise  # one that the module itself imports


def _attribute(module: ModuleType, place: str, name: str | None) -> Any:
    if name is None:
        for candidate in NAMES:
            if hasattr(module, candidate):
                return getattr(module, candidate)
        raise TargetError(f"{place} defines none of {', '.join(NAMES)}: say which it is, as in {place}:NAME")
    try:
        return getattr(module, name)
    except AttributeError:
        public = [one for one in vars(module) if not one.startswith("_")]
        raise TargetError(f"{place} defines no {name!r}{did_you_mean(name, public)}") from None
