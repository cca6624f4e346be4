"""What becomes of the white space between the tags of a template."""

import re

_BLANKS = re.compile(r"[\t ]+")
_AROUND_NEWLINE = re.compile(r"\s*\n\s*")
_ANY = re.compile(r"\s+")

MODES = ("all", "single", "oneline")


def filter_whitespace(mode: str, text: str) -> str:
    """Return ``text`` with its white space treated as ``mode`` says.

    * ``all``: left as it is.
    * ``single``: a run of white space becomes one character: a newline if the run has one, else a space.
    * ``oneline``: a run of white space becomes one space; no newline is left.

    Raises ValueError for any other mode.
    """
    if mode == "all":
        return text
    if mode == "single":
        return _AROUND_NEWLINE.sub("\n", _BLANKS.sub(" ", text))
    if mode == "oneline":
        return _ANY.sub(" ", text)
    raise ValueError(f"invalid whitespace mode {mode!r}: choose one of {', '.join(MODES)}")


def check_mode(mode: str) -> str:
    """Return ``mode`` if it is one, else raise ValueError."""
    filter_whitespace(mode, "")
    return mode


def default_mode(name: str) -> str:
    """The mode of a template that names none: ``single`` for .html and .js, else ``all``."""
    return "single" if name.endswith((".html", ".js")) else "all"


filter_whitespace.__module__ = "waterspout.template"
