"""Attributes that are worked out when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
L = TypeVar("L", bound="lazy[Any]")


class lazy(Generic[T]):
    """A method whose result becomes a plain attribute of the instance on first use.

    The result is stored in the instance's ``__dict__`` under the method's name, so every later read, and any
    assignment by the user, bypasses this descriptor altogether. Unlike ``functools.cached_property`` of
    Python 3.11 it takes no lock: messages belong to one loop.
    """

    __slots__ = ("_compute", "_name")

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__

    @overload
    def __get__(self: L, instance: None, owner: type) -> L: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        value = self._compute(instance)
        instance.__dict__[self._name] = value
        return value
