"""Options and operands of a command. Small, because argparse takes longer to import than a server should to start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["Option", "Parsed", "UsageError", "did_you_mean", "parse"]


class UsageError(Exception):
    """What is wrong with the command line, in words for who typed it."""


class Option:
    """``--name METAVAR``, or with *metavar* None a switch; with *repeats* it may be given several times: a list."""

    __slots__ = ("convert", "help", "metavar", "name", "repeats")

    def __init__(
        self, name: str, metavar: str | None, help: str, convert: Callable[[str], Any] = str, *, repeats: bool = False
    ) -> None:
        self.name = name
        self.metavar = metavar
        self.help = help
        self.convert = convert
        self.repeats = repeats

    @property
    def shown(self) -> str:
        """As the help has it."""
        return f"--{self.name}" + (f" {self.metavar}" if self.metavar else "")


class Parsed:
    """Operands in order, and the values of the options that were given."""

    __slots__ = ("operands", "options")

    def __init__(self) -> None:
        self.operands: list[str] = []
        self.options: dict[str, Any] = {}


def parse(arguments: Sequence[str], options: Iterable[Option]) -> Parsed:
    """*arguments* taken apart: ``--name value``, ``--name=value``, switches, operands; all after ``--`` are operands.

    Raises `UsageError` for an option that there is not (with the one that may be meant), that is given twice, lacks its
    value, or has one of the wrong kind.
    """
    known = {option.name: option for option in options}
    parsed = Parsed()
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            parsed.operands.extend(rest)
            break
        if not argument.startswith("-") or argument == "-":
            parsed.operands.append(argument)
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        option = known.get(name) if argument.startswith("--") else None
        if option is None:
            shown = [f"--{one.name}" for one in known.values() if one.help]
            raise UsageError(f"there is no option {argument.partition('=')[0]}{did_you_mean('--' + name, shown)}")
        if name in parsed.options and not option.repeats:
            raise UsageError(f"--{name} is given twice")
        if option.metavar is None:
            if equals:
                raise UsageError(f"--{name} takes no value")
            parsed.options[name] = True
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"--{name} needs a value: --{name} {option.metavar}")
            value = rest.pop(0)
        try:
            converted = option.convert(value)
        except ValueError:
            raise UsageError(f"--{name} needs a number, not {value!r}") from None
        if option.repeats:
            parsed.options.setdefault(name, []).append(converted)
        else:
            parsed.options[name] = converted
    return parsed


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``: did you mean X?`` if one of *known* is close to *given*, else nothing."""
    from difflib import get_close_matches  # only where something was mistyped

    close = get_close_matches(given, list(known), 1, 0.6)
    return f": did you mean {close[0]}?" if close else ""
