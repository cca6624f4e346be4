"""OptionParser: options that any module may define, and their values."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TextIO

from waterspout.options._errors import Error
from waterspout.options._help import write_help
from waterspout.options._option import Option
from waterspout.options._sources import Found, read_environment, read_python, read_toml

_THIS_PACKAGE = os.path.dirname(__file__)


class OptionParser:
    """A set of options: attributes, items and iteration give their values.

    Names may be written with ``_`` or ``-`` everywhere. Most programs use the one of the module,
    `waterspout.options.options`; make others for sets that are apart, such as those of subcommands.
    """

    __module__ = "waterspout.options"

    _options: dict[str, Option]
    _when_parsed: list[Callable[[], None]]

    def __init__(self) -> None:
        # Plain assignment would look for options of these names.
        vars(self).update(_options={}, _when_parsed=[])
        self.define("help", type=bool, help="show this help information", group="", callback=self._help_was_asked_for)

    def _option(self, name: str) -> Option:
        """The option `name`; AttributeError if there is none."""
        option = self._options.get(_normalized(name))
        if option is None:
            raise AttributeError(f"Unrecognized option {name!r}{self._suggestion(name)}")
        return option

    def _suggestion(self, name: str) -> str:
        # Only mistakes need it.
        import difflib

        similar = difflib.get_close_matches(_normalized(name), self._options, n=1)
        return f"; did you mean {self._options[similar[0]].name!r}?" if similar else ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # Protocols ask for such names (copy, inspect); no option is called so.
            raise AttributeError(name)
        return self._option(name).value()

    def __setattr__(self, name: str, value: Any) -> None:
        self._option(name).set(value)

    def __iter__(self) -> Iterator[str]:
        return (option.name for option in self._options.values())

    def __contains__(self, name: str) -> bool:
        return _normalized(name) in self._options

    def __getitem__(self, name: str) -> Any:
        return self._option(name).value()

    def __setitem__(self, name: str, value: Any) -> None:
        self._option(name).set(value)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and values of all options."""
        return [(option.name, option.value()) for option in self._options.values()]

    def groups(self) -> set[str]:
        """The names of the groups that options were defined in."""
        return {option.group_name for option in self._options.values()}

    def group_dict(self, group: str) -> dict[str, Any]:
        """Names and values of the options in `group`; of all, if that is empty.

        Made to pass on: ``Application(handlers, **options.group_dict("application"))``.
        """
        return {
            option.name: option.value() for option in self._options.values() if not group or option.group_name == group
        }

    def as_dict(self) -> dict[str, Any]:
        """Names and values of all options."""
        return dict(self.items())

    def define(
        self,
        name: str,
        default: Any = None,
        type: type | None = None,
        help: str | None = None,
        metavar: str | None = None,
        multiple: bool = False,
        group: str | None = None,
        callback: Callable[[Any], None] | None = None,
    ) -> None:
        """Define the option `name`.

        `type` is str, int, float, bool, datetime.datetime, datetime.timedelta, or anything that
        makes a value of text; by default that of `default`, else str. With `multiple` the value is a
        list of such. `help` and `metavar` are for --help (``--name=METAVAR  help``), `group` puts it
        in a group there and in `group_dict`; by default that is the file that calls this.

        `callback` is called with the value whenever it is set:

            define("config", callback=lambda path: parse_config_file(path, final=False))

        Raises Error if there is an option of that name.
        """
        known = self._options.get(_normalized(name))
        if known is not None:
            raise Error(f"Option {name!r} already defined in {known.group_name}")
        if type is None:
            type = str if default is None or multiple else default.__class__
        if group is None:
            group = _file_of_caller()
        self._options[_normalized(name)] = Option(name, default, type, help, metavar, multiple, group, callback)

    def parse_command_line(self, args: list[str] | None = None, final: bool = True) -> list[str]:
        """Set options from a command line; returns the arguments that follow them.

        `args` is sys.argv by default; its first is the name of the program. Options are written
        ``--name=value``, ``--name`` for true; lists with commas, ranges of integers ``first:last``.
        They end at ``--`` or at the first argument that does not begin with ``-``.

        With `final` the parse callbacks run afterwards, which switches logging on: pass False where
        another source of options follows. Raises Error for an unknown option or a bad value.
        """
        if args is None:
            args = sys.argv
        position = 1
        while position < len(args) and args[position].startswith("-"):
            argument = args[position]
            position += 1
            if argument == "--":
                break
            self._parse_argument(argument)
        if final:
            self.run_parse_callbacks()
        return list(args[position:])

    def _parse_argument(self, argument: str) -> None:
        name, equals, value = argument.lstrip("-").partition("=")
        option = self._options.get(_normalized(name))
        if option is None:
            raise Error(f"Unrecognized command line option: {name!r}{self._suggestion(name)} (--help lists them)")
        if not equals and option.type is not bool:
            raise Error(f"Option {name!r} requires a value")
        option.parse(value if equals else "true")

    def parse_config_file(self, path: str, final: bool = True) -> None:
        """Set options from the configuration file at `path`.

        A file whose name ends with ``.toml`` is read by `parse_toml_file`. Any other is **run as
        Python**: whoever can write to it can do all that the program can. Its global variables with
        names of options set them; text is parsed as on the command line, others must be of the
        option's type. Other names are left alone.

        Raises Error, with the file and the line, for values that do not fit, OSError if the file
        cannot be read. `final` is as for `parse_command_line`.
        """
        if os.fspath(path).endswith(".toml"):
            self.parse_toml_file(path, final)
            return
        found = read_python(path)
        self._load(found, [name for name in found.values if _normalized(name) in self._options])
        if final:
            self.run_parse_callbacks()

    def parse_toml_file(self, path: str, final: bool = True) -> None:
        """Set options from the TOML file at `path`, in which nothing is run.

        Its top-level keys are names of options, its values of their types, or text that is parsed as
        on the command line. Raises Error, with the file and the line, for names that are no options
        and for values that do not fit; no option is set then. OSError if the file cannot be read.
        """
        found = read_toml(path)
        for name in found.values:
            if _normalized(name) not in self._options:
                raise Error(f"{found.place(name)}: Unrecognized option {name!r}{self._suggestion(name)}")
        self._load(found, list(found.values))
        if final:
            self.run_parse_callbacks()

    def parse_environment(self, prefix: str, final: bool = True, environment: Mapping[str, str] | None = None) -> None:
        """Set options from environment variables: ``PREFIX_LOG_TO_STDERR`` sets ``log-to-stderr``.

        `prefix` is with its underscore; `environment` is os.environ by default. Values are written
        as on the command line. Raises Error, with the variable, for values that do not fit.
        """
        names = {name: name for name in self._options if name != "help"}
        found = read_environment(prefix, names, os.environ if environment is None else environment)
        self._load(found, list(found.values))
        if final:
            self.run_parse_callbacks()

    def _load(self, found: Found, names: list[str]) -> None:
        for name in names:
            try:
                self._option(name).load(found.values[name])
            except Error as error:
                raise type(error)(f"{found.place(name)}: {error}") from error

    def print_help(self, file: TextIO | None = None) -> None:
        """Write all options with their help to `file`, by default to standard error."""
        write_help(sys.argv[0], self._options.values(), sys.stderr if file is None else file)

    def _help_was_asked_for(self, asked: bool) -> None:
        if asked:
            self.print_help()
            raise SystemExit(0)

    def add_parse_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the options have been parsed for good."""
        self._when_parsed.append(callback)

    def run_parse_callbacks(self) -> None:
        """Call what `add_parse_callback` was given; a parse with ``final=True`` does this."""
        for notify in self._when_parsed:
            notify()

    def mockable(self) -> Mockable:
        """An object for ``mock.patch.object``, which cannot patch one that has no real attributes.

        with mock.patch.object(options.mockable(), "name", value):
            assert options.name == value
        """
        return Mockable(self)


class Mockable:
    """The options of a parser as attributes that can be set and, by deleting them, set back."""

    def __init__(self, options: OptionParser) -> None:
        vars(self).update(_parser=options, _before={})

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_parser"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self)["_before"]
        if name in before:
            raise RuntimeError(f"option {name!r} is mocked already; make another mockable() to mock it twice")
        before[name] = getattr(self, name)
        setattr(vars(self)["_parser"], name, value)

    def __delattr__(self, name: str) -> None:
        setattr(vars(self)["_parser"], name, vars(self)["_before"].pop(name))


def _normalized(name: str) -> str:
    return name.replace("_", "-")


def _file_of_caller() -> str:
    """The file of the code that called into this package."""
    frame = sys._getframe(1)
    while os.path.dirname(frame.f_code.co_filename) == _THIS_PACKAGE and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename
