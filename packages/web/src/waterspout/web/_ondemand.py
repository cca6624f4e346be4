"""Instance attributes that most instances never need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class OnDemand:
    """A class attribute that gives each instance a value of its own, made by *factory* when first asked for."""

    __slots__ = ("_factory", "_name")

    def __init__(self, factory: Callable[[], Any]) -> None:
        self._factory = factory

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._factory()
        return value
