"""The command line of ``python -m waterspout.tornado``."""

from __future__ import annotations

import os
import pkgutil
import runpy
import sys

from waterspout.tornado._install import install

USAGE = """\
usage: python -m waterspout.tornado APP.py [arguments]
       python -m waterspout.tornado -m MODULE [arguments]

Runs a Python program with Waterspout in place of Tornado, in this process and in those it starts."""


def main() -> None:
    """Run the program named in ``sys.argv`` as ``__main__``; exit status 2 if there is none."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        install()
        sys.argv[:] = arguments[1:]
        # As with python -m: modules are looked for in the current folder first.
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments and not arguments[0].startswith("-"):
        install()
        sys.argv[:] = arguments
        if pkgutil.get_importer(arguments[0]) is None:
            sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        else:  # a folder or archive with a __main__.py, which runpy puts on the path itself
            del sys.path[0]
        runpy.run_path(arguments[0], run_name="__main__")
    elif arguments in (["-h"], ["--help"]):
        print(USAGE)
    else:
        sys.exit(USAGE if sys.stderr is None else _complain())


def _complain() -> int:
    print(USAGE, file=sys.stderr)
    return 2
