"""What goes wrong with options."""


class Error(Exception):
    """An option that is unknown, defined twice, or given a value that does not fit."""

    __module__ = "waterspout.options"


class BadValueError(Error, ValueError):
    """Text that is no value of an option's type."""

    __module__ = "waterspout.options"
