"""The text of --help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from waterspout.options._option import Option

_WIDTH = 79
_COLUMN = 35


def write_help(program: str, options: Iterable[Option], file: TextIO) -> None:
    """Write how `program` is called, and its options group by group, in the order of their names."""
    # Only --help needs it.
    import textwrap

    groups: dict[str, list[Option]] = {}
    for option in options:
        groups.setdefault(option.group_name, []).append(option)
    lines = [f"Usage: {program} [OPTIONS]", "", "Options:", ""]
    for group, members in sorted(groups.items()):
        if group:
            lines += ["", f"{group} options:", ""]
        for option in sorted(members, key=lambda member: member.name):
            left = "  " + _usage(option)
            description = textwrap.wrap(_description(option), _WIDTH - _COLUMN) or [""]
            if len(left) > _COLUMN - 2:
                lines.append(left)
            else:
                lines.append(f"{left:{_COLUMN}}{description.pop(0)}")
            lines += [" " * _COLUMN + text for text in description]
    print("\n".join(lines), end="\n\n", file=file)


def _usage(option: Option) -> str:
    name = option.name.replace("_", "-")
    return f"--{name}={option.metavar}" if option.metavar else f"--{name}"


def _description(option: Option) -> str:
    text = option.help or ""
    if option.default not in (None, ""):
        text += f" (default {option.default})"
    return text
