"""Whether standard error shows colours, and the codes that make them.

`curses` and `colorama` are names of `waterspout.log` too: the modules, or None where there is none.
They are looked up when they are asked for, since only a program that logs to a terminal needs them.
"""

import importlib
import logging
import sys
from typing import Any

_OPTIONAL_MODULES = ("curses", "colorama")

_DEFAULT_COLOR = 4  # an unknown terminal: ANSI codes by number
_ANSI_RESET = "\033[0m"


def __getattr__(name: str) -> Any:
    if name not in _OPTIONAL_MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def stderr_supports_color() -> bool:
    """Whether standard error is a terminal that understands colour codes.

    That is one that terminfo knows to have colours, or one that colorama has wrapped. The
    environment variable NO_COLOR, if not empty, says no to all (https://no-color.org).
    """
    import os

    if os.environ.get("NO_COLOR"):
        return False
    colorama = sys.modules.get("colorama")
    if colorama is not None and sys.stderr is getattr(getattr(colorama, "initialise", None), "wrapped_stderr", None):
        return True
    if not (hasattr(sys.stderr, "isatty") and sys.stderr.isatty()):
        return False
    curses = __getattr__("curses")
    if curses is None:
        return False
    try:
        curses.setupterm()
        return bool(curses.tigetnum("colors") > 0)
    except curses.error:  # TERM is unset or unknown
        return False


def color_codes(colors: dict[int, int]) -> tuple[dict[int, str], str]:
    """The text that switches each level's colour on, by level, and the text that switches it off.

    `colors` has a colour's number (0 black, 1 red, 2 green, 3 yellow, 4 blue, 5 magenta, 6 cyan,
    7 white) for each level. Both are empty where standard error shows no colours.
    """
    if not stderr_supports_color():
        return {}, ""
    curses = __getattr__("curses")
    if curses is not None:
        try:
            curses.setupterm()
            foreground = curses.tigetstr("setaf") or curses.tigetstr("setf") or b""
            if foreground:
                codes = {level: str(curses.tparm(foreground, code), "ascii") for level, code in colors.items()}
                return codes, str(curses.tigetstr("sgr0") or b"", "ascii")
        except curses.error as error:
            logging.getLogger(__name__).debug("terminfo gives no colours, using ANSI codes: %s", error)
    return {level: f"\033[2;3{code}m" for level, code in colors.items()}, _ANSI_RESET
