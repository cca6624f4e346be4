"""The command line of ``python -m waterspout.tornado``."""

from __future__ import annotations

import sys

from waterspout.tornado._install import install
from waterspout.tornado._program import ProgramNotFoundError, run_code, run_file, run_module

USAGE = """\
usage: python -m waterspout.tornado APP.py [arguments]
       python -m waterspout.tornado -m MODULE [arguments]
       python -m waterspout.tornado -c CODE [arguments]

Runs a Python program with Waterspout in place of Tornado, in this process and in those it starts."""

RUN = {"-m": run_module, "-c": run_code}


def main() -> None:
    """Run the program named in ``sys.argv`` as ``__main__``; exit status 2 if there is none."""
    arguments = sys.argv[1:]
    try:
        if arguments[:1] in (["-m"], ["-c"]) and len(arguments) > 1:
            install()
            RUN[arguments[0]](arguments[1], arguments[2:])
        elif arguments and not arguments[0].startswith("-"):
            install()
            run_file(arguments[0], arguments[1:])
        elif arguments in (["-h"], ["--help"]):
            print(USAGE)
        else:
            sys.exit(USAGE if sys.stderr is None else _complain(USAGE, 2))
    except ProgramNotFoundError as error:
        sys.exit(_complain(f"{sys.executable}: {error}", error.status))


def _complain(text: str, status: int) -> int:
    print(text, file=sys.stderr)
    return status
