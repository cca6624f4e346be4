"""Exceptions of coroutines."""

from typing import Any

from waterspout.concurrent import BadYieldError as BadYieldError


class Return(Exception):
    """Raise it in a `coroutine` to return `value`: what `return value` does since Python 3.3."""

    __module__ = "waterspout.gen"

    value: Any = None
    args: tuple[Any, ...]

    def __init__(self, value: Any = None) -> None:
        super().__init__(value)
        self.value = value


class KeyReuseError(Exception):
    """Kept for code that catches it; nothing raises it any more."""

    __module__ = "waterspout.gen"


class UnknownKeyError(Exception):
    """Kept for code that catches it; nothing raises it any more."""

    __module__ = "waterspout.gen"


class LeakedCallbackError(Exception):
    """Kept for code that catches it; nothing raises it any more."""

    __module__ = "waterspout.gen"


class ReturnValueIgnoredError(Exception):
    """Kept for code that catches it; nothing raises it any more."""

    __module__ = "waterspout.gen"
