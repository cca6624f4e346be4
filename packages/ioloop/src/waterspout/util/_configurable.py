"""Configurable: an interface whose constructor makes the configured implementation.

The choice belongs to the class that is the base of its hierarchy (`configurable_base`), not to this
module: it is a decision for the whole process that applications make once, when they start.
"""

from __future__ import annotations

from typing import Any

from waterspout.util._imports import import_object

# What `configure` was told: the implementation (None: the default) and its arguments.
_Choice = tuple[type[Any] | None, dict[str, Any]]

_NO_CHOICE: _Choice = (None, {})


class Configurable:
    """A class whose constructor is a factory of one of its subclasses.

    A hierarchy's base defines the class methods `configurable_base` (usually: return itself) and
    `configurable_default` (the implementation when nobody chose). `Base(...)` then makes an object
    of the configured class; `Implementation(...)` always makes that class. Subclasses define
    `initialize` instead of ``__init__``.

    Choices may be made at several levels: a configured class may be the base of a hierarchy itself.
    """

    __module__ = "waterspout.util"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        base = cls.configurable_base()
        made: type[Any] = cls
        if cls is base:
            made = cls.configured_class()
            kwargs = {**_choice(base)[1], **kwargs}
            if made.configurable_base() is not base:
                return made(*args, **kwargs)
        instance = super().__new__(made)
        # Not __init__: Python would call that again, and without the configured arguments.
        instance.initialize(*args, **kwargs)
        return instance

    @classmethod
    def configurable_base(cls) -> type[Any]:
        """The base of this hierarchy: the class that `configure` sets the implementation for."""
        raise NotImplementedError(f"{cls.__name__} must define the class method configurable_base")

    @classmethod
    def configurable_default(cls) -> type[Any]:
        """The implementation that is made when none is configured."""
        raise NotImplementedError(f"{cls.__name__} must define the class method configurable_default")

    def _initialize(self) -> None:
        """Take no arguments: what a subclass without an `initialize` of its own does."""

    # Declared as an attribute, so that subclasses may give `initialize` any signature.
    initialize: Any = _initialize

    @classmethod
    def configure(cls, impl: None | str | type[Configurable], **kwargs: Any) -> None:
        """Choose what the base's constructor makes from now on.

        `impl` is a subclass, its dotted name, or None to return to the default. `kwargs` are added
        to the arguments of each construction through the base. Raises ValueError if `impl` is no
        subclass of this one, ImportError if its name leads nowhere.
        """
        chosen = import_object(impl) if isinstance(impl, str) else impl
        if chosen is not None and not (isinstance(chosen, type) and issubclass(chosen, cls)):
            raise ValueError(f"Invalid subclass of {cls}: {chosen!r}")
        cls._restore_configuration((chosen, kwargs))

    @classmethod
    def configured_class(cls) -> type[Any]:
        """The class that the base's constructor makes now."""
        return _choice(cls.configurable_base())[0] or cls.configurable_default()

    @classmethod
    def _save_configuration(cls) -> tuple[type[Any] | None, dict[str, Any] | None]:
        return _choice(cls.configurable_base())

    @classmethod
    def _restore_configuration(cls, saved: tuple[type[Any] | None, dict[str, Any] | None]) -> None:
        implementation, arguments = saved
        cls.configurable_base()._configurable_choice = (implementation, dict(arguments or {}))


def _choice(base: type[Any]) -> _Choice:
    # Only the base's own: a hierarchy inside a hierarchy must not inherit the outer one's choice.
    found: _Choice = vars(base).get("_configurable_choice", _NO_CHOICE)
    return found
