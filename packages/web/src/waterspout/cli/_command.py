"""Which command was asked for. Each is imported when it is run: a server should not wait for what it does not use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from waterspout.cli._arguments import Option, Parsed, UsageError, did_you_mean, parse

__all__ = ["COMMANDS", "main"]

TARGET = """\
TARGET is a file (app.py) or a module with what it defines (package.module:make_app). Without a name, that is
the first of app, application, make_app, create_app. A function is called, and may be async."""

_PORT = Option("port", "PORT", "port to listen on; 0 takes any free one (default: 8888)", int)
_ADDRESS = Option("address", "ADDRESS", "address to listen on (default: 127.0.0.1)")
_CERTIFICATE = Option("certfile", "FILE", "certificate chain (PEM): serve HTTPS")
_KEY = Option("keyfile", "FILE", "private key (PEM), unless it is in the certificate's file")


class Command:
    """What a command takes, one operand and options, and the module that has its ``execute``."""

    __slots__ = ("module", "operand", "options", "summary")

    def __init__(self, summary: str, operand: str, options: tuple[Option, ...], module: str) -> None:
        self.summary = summary
        self.operand = operand
        self.options = options
        self.module = module


COMMANDS: dict[str, Command] = {
    "run": Command(
        "serve an application",
        "TARGET",
        (
            _PORT,
            _ADDRESS,
            Option("workers", "N", "processes that serve; 0: one for each processor (default: 1)", int),
            Option("reload", None, "start again when a file changes"),
            _CERTIFICATE,
            _KEY,
            Option(
                "proxy-headers", None, "believe X-Forwarded-For and X-Forwarded-Proto of the proxies that are trusted"
            ),
            Option(
                "trusted-proxy", "CIDR", "a proxy's address or network, or * for any; may be repeated", repeats=True
            ),
        ),
        "_serve",
    ),
    "dev": Command(
        "serve it while it is developed: debug pages, reload, this machine only",
        "TARGET",
        (_PORT, _CERTIFICATE, _KEY),
        "_serve",
    ),
    "routes": Command("list an application's routes", "TARGET", (), "_routes"),
    "check": Command("look for mistakes: import, settings, routes, templates", "TARGET", (), "_check"),
    "new": Command("start a project in a new folder", "FOLDER", (), "_new"),
}
#: Between `run --reload` and the process that it starts again and again: for nobody to type.
_WATCH = Option("watch-files", None, "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that *arguments* name (default: those of the process) and exit with its status.

    Whoever reads the output may close it before the end (``| head``): that is no error.
    """
    try:
        _run(arguments)
    except BrokenPipeError:
        _exit_unheard()


def _exit_unheard() -> NoReturn:
    """End as a program does that is killed by SIGPIPE, without Python's last words on what was not written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)


def _run(arguments: Sequence[str] | None) -> NoReturn:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(_usage(), flush=True)
        sys.exit(0 if given else 2)
    if given[0] == "--version":
        from importlib.metadata import version

        print("waterspout-web", version("waterspout-web"), flush=True)
        sys.exit(0)
    name, rest = given[0], given[1:]
    command = COMMANDS.get(name)
    if command is None:
        _fail(f"there is no command {name!r}{did_you_mean(name, COMMANDS)}", "waterspout --help lists them")
    if "-h" in rest or "--help" in rest:
        print(_help(name, command), flush=True)
        sys.exit(0)
    try:
        parsed = parse(rest, (*command.options, _WATCH))
        if len(parsed.operands) != 1:
            raise UsageError(f"waterspout {name} takes one {command.operand}, not {len(parsed.operands)}")
    except UsageError as error:
        _fail(str(error), f"waterspout {name} --help says more")
    try:
        status = _implementation(command)(name, parsed)
        sys.stdout.flush()
        sys.exit(status)
    except KeyboardInterrupt:  # before the server has taken the signal over, or in a command that does not serve
        sys.exit(130)


main.__module__ = "waterspout.cli"


def _implementation(command: Command) -> Callable[[str, Parsed], int]:
    from importlib import import_module

    execute: Callable[[str, Parsed], int] = import_module(f"waterspout.cli.{command.module}").execute
    return execute


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        ["usage: waterspout COMMAND ...", "", *lines, "", "waterspout COMMAND --help says what it takes. " + _EXAMPLE]
    )


_EXAMPLE = "To begin: waterspout new hello"


def _help(name: str, command: Command) -> str:
    lines = [f"usage: waterspout {name} {command.operand}" + (" [options]" if command.options else "")]
    lines += ["", command.summary[0].upper() + command.summary[1:] + "."]
    if command.operand == "TARGET":
        lines += ["", TARGET]
    if command.options:
        lines += ["", "options:"]
        width = max(len(option.shown) for option in command.options)
        lines += [f"  {option.shown:{width}}  {option.help}" for option in command.options]
    return "\n".join(lines)


def _fail(message: str, hint: str) -> NoReturn:
    print(f"waterspout: {message}\n({hint})", file=sys.stderr)
    sys.exit(2)
