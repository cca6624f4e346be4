"""ArgReplacer: one argument of a call, found by its name."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class ArgReplacer:
    """Reads and replaces the argument `name` in the arguments of calls to `func`.

    It finds the argument whether it is passed by position or by keyword: made for decorators that
    wrap a callback or timeout argument of the function they decorate.
    """

    __module__ = "waterspout.util"

    name: str = ""
    arg_pos: int | None = None

    def __init__(self, func: Callable[..., Any], name: str) -> None:
        """Look the position of `name` up once; `arg_pos` is None if it is keyword-only or unknown."""
        self.name = name
        for index, parameter in enumerate(inspect.signature(func).parameters.values()):
            if parameter.name == name and parameter.kind in _POSITIONAL:
                self.arg_pos = index

    def get_old_value(self, args: Sequence[Any], kwargs: dict[str, Any], default: Any = None) -> Any:
        """The argument as it was passed, `default` if it was not; nothing is changed."""
        if self._is_positional(args):
            return args[self.arg_pos]  # type: ignore[index]  # _is_positional has seen that it is not None
        return kwargs.get(self.name, default)

    def replace(
        self, new_value: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, Sequence[Any], dict[str, Any]]:
        """Put `new_value` in the argument's place; returns ``(old_value, args, kwargs)``.

        Use the returned args and kwargs: the given ones may have been copied or changed. If the
        argument was not passed, it is added to kwargs and the old value is None.
        """
        if not self._is_positional(args):
            old = kwargs.get(self.name)
            kwargs[self.name] = new_value
            return old, args, kwargs
        position = self.arg_pos
        assert position is not None
        changed = [*args]
        old, changed[position] = changed[position], new_value
        return old, changed, kwargs

    def _is_positional(self, args: Sequence[Any]) -> bool:
        return self.arg_pos is not None and self.arg_pos < len(args)
