"""Small questions to exceptions."""

from types import TracebackType
from typing import NoReturn


class ExplainedError(Exception):
    """An error whose text is for whoever runs the program: what happened, to what, and what to do.

    It is mended outside of the program (a server that is away, a wrong password), and a traceback leads nobody there:
    a program that cannot start for one, by ``httpserver.run`` or `Application.listen`, logs the text alone.
    """

    __module__ = "waterspout.util"


def errno_from_exception(e: BaseException) -> int | None:
    """The error number of `e`: its `errno`, else its first argument, else None.

    Some exceptions carry the number only as their first argument, some have no arguments at all.
    """
    number: int | None = getattr(e, "errno", None)
    if number is None and e.args:
        number = e.args[0]
    return number


def raise_exc_info(
    exc_info: tuple[type | None, BaseException | None, TracebackType | None],
) -> NoReturn:
    """Raise the exception of a `sys.exc_info()` triple with the traceback that it carries.

    Raises TypeError if the triple holds no exception.
    """
    _, error, traceback = exc_info
    if error is None:
        raise TypeError("raise_exc_info called with no exception")
    try:
        raise error.with_traceback(traceback)
    finally:
        # The frame would otherwise keep the exception, and the exception this frame.
        del error, traceback, exc_info
