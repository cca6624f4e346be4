"""The command line of ``python -m waterspout.autoreload``."""

from __future__ import annotations

import os
import sys

from waterspout.autoreload._program import run_program
from waterspout.autoreload._report import ENVIRONMENT_VARIABLE, Report
from waterspout.autoreload._supervisor import supervise

USAGE = """\
usage: python -m waterspout.autoreload [--until-success] PROGRAM.py [arguments]
       python -m waterspout.autoreload [--until-success] -m MODULE [arguments]

Runs a program, and again whenever one of its files changes; with --until-success, until it exits with status 0."""


def main() -> None:
    """Run the program that ``sys.argv`` names, over and over; exits as it did, and with status 2 if none is named."""
    arguments = sys.argv[1:]
    until_success = arguments[:1] == ["--until-success"]
    if until_success:
        del arguments[0]
    if arguments in (["-h"], ["--help"]):
        print(USAGE)
        return
    named = len(arguments) > 1 if arguments[:1] == ["-m"] else arguments and not arguments[0].startswith("-")
    if not named:
        print(USAGE, file=sys.stderr)
        sys.exit(2)
    report = os.environ.pop(ENVIRONMENT_VARIABLE, None)  # not for the program's own children
    if report is None:
        sys.exit(supervise(until_success))
    run_program(arguments, Report(report))


main.__module__ = "waterspout.autoreload"
