"""One option: its definition and its value."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

from waterspout.options._errors import BadValueError, Error
from waterspout.options._values import parser_for

_NOT_SET = object()


class Option:
    """An option of a parser."""

    __slots__ = ("_value", "callback", "default", "group_name", "help", "metavar", "multiple", "name", "type")

    def __init__(
        self,
        name: str,
        default: Any,
        type: type[Any],
        help: str | None,
        metavar: str | None,
        multiple: bool,
        group_name: str,
        callback: Callable[[Any], None] | None,
    ) -> None:
        self.name = name
        self.default = [] if default is None and multiple else default
        self.type = type
        self.help = help
        self.metavar = metavar
        self.multiple = multiple
        self.group_name = group_name
        self.callback = callback
        self._value: Any = _NOT_SET

    def value(self) -> Any:
        """What it was set to, else its default."""
        return self.default if self._value is _NOT_SET else self._value

    def parse(self, text: str) -> Any:
        """Set it from text; returns the value. BadValueError if the text does not fit."""
        value: Any
        if self.multiple:
            value = [item for part in text.split(",") for item in self._parse_part(part)]
        else:
            value = self._parse_one(text)
        self._take(value)
        return value

    def _parse_part(self, part: str) -> list[Any]:
        """One part of a list: a value, or with integers a range of them, ``first:last``."""
        if not (isinstance(self.type, type) and issubclass(self.type, numbers.Integral)):
            return [self._parse_one(part)]
        first, colon, last = part.partition(":")
        start = self._parse_one(first)
        if not colon:
            return [start]
        return list(range(start, self._parse_one(last) + 1))

    def _parse_one(self, text: str) -> Any:
        try:
            return parser_for(self.type)(text)
        except (ValueError, TypeError, OverflowError) as error:
            raise BadValueError(f"Option {self.name!r}: {error}") from error

    def set(self, value: Any) -> None:
        """Set it to a value of its type (a list of such, if it is multiple) or None; Error for others."""
        kind = self.type.__name__
        if not self.multiple:
            if value is not None and not isinstance(value, self.type):
                raise Error(f"Option {self.name!r} is required to be a {kind} ({type(value)} given)")
        elif not isinstance(value, list) or not all(item is None or isinstance(item, self.type) for item in value):
            raise Error(f"Option {self.name!r} is required to be a list of {kind}")
        self._take(value)

    def _take(self, value: Any) -> None:
        self._value = value
        if self.callback is not None:
            self.callback(value)

    def load(self, value: Any) -> None:
        """Set it to what a configuration file says: text is parsed, other values are taken as they are."""
        if isinstance(value, str) and (self.multiple or self.type is not str):
            self.parse(value)
        elif self.multiple and not isinstance(value, list):
            raise Error(
                f"Option {self.name!r} is required to be a list of {self.type.__name__} or a comma-separated string"
            )
        else:
            self.set(value)
