"""The options of the program, which any module may define and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TextIO

from waterspout.log import define_logging_options, register_default_options
from waterspout.options._parser import OptionParser

options: OptionParser = OptionParser()
"""The options of the program; the functions of this module are its methods."""


def define(
    name: str,
    default: Any = None,
    type: type | None = None,
    help: str | None = None,
    metavar: str | None = None,
    multiple: bool = False,
    group: str | None = None,
    callback: Callable[[Any], None] | None = None,
) -> None:
    """Define an option of the program; see `OptionParser.define`."""
    options.define(name, default, type, help, metavar, multiple, group, callback)


def parse_command_line(args: list[str] | None = None, final: bool = True) -> list[str]:
    """Set the program's options from the command line; see `OptionParser.parse_command_line`."""
    return options.parse_command_line(args, final)


def parse_config_file(path: str, final: bool = True) -> None:
    """Set the program's options from a file, **running** it if it is Python; see `OptionParser.parse_config_file`."""
    options.parse_config_file(path, final)


def parse_toml_file(path: str, final: bool = True) -> None:
    """Set the program's options from a TOML file; see `OptionParser.parse_toml_file`."""
    options.parse_toml_file(path, final)


def parse_environment(prefix: str, final: bool = True, environment: Mapping[str, str] | None = None) -> None:
    """Set the program's options from environment variables; see `OptionParser.parse_environment`."""
    options.parse_environment(prefix, final, environment)


def print_help(file: TextIO | None = None) -> None:
    """Write the program's options to `file`, by default to standard error."""
    options.print_help(file)


def add_parse_callback(callback: Callable[[], None]) -> None:
    """Call `callback` when the program's options have been parsed for good."""
    options.add_parse_callback(callback)


register_default_options(options)
define_logging_options(options)
