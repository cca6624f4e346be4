"""Methods that subclasses and instances may replace, although the fast paths do not call them.

`IOStream` moves bytes by the socket's own methods.  Who overrides `read_from_fd` or `write_to_fd`, in a subclass or by
assigning to an attribute of one stream, is noticed at that moment, and this stream or class takes the general way.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

    def replaceable(function: F) -> F: ...

else:

    class replaceable:
        """Decorates a method; assigning to it on an instance calls the instance's ``_method_replaced(name)``."""

        def __init__(self, function: Callable[..., Any]) -> None:
            self.function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self.function
            return instance.__dict__.get(self.name) or MethodType(self.function, instance)

        def __set__(self, instance: Any, replacement: Callable[..., Any]) -> None:
            instance.__dict__[self.name] = replacement
            instance._method_replaced(self.name)

        def __delete__(self, instance: Any) -> None:
            # The general way stays: it calls the method that is there now.
            del instance.__dict__[self.name]
