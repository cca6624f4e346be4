"""`main`: a command-line test runner."""

from __future__ import annotations

import signal
import sys
import unittest
from typing import Any

from waterspout.options import define, options, parse_command_line


def main(**kwargs: Any) -> None:
    """Run the tests named on the command line, or those of the function ``all`` of the main module.

    Arguments are unittest's, and the options of `waterspout.options`, for example ``--logging=info``; besides,
    ``--verbose``, ``--quiet``, ``--exception-on-interrupt=false`` (Ctrl-C ends the process at once). Keywords are
    `unittest.main`'s. Exits with status 0 if all tests passed.
    """
    known = options.as_dict()
    if "exception_on_interrupt" not in known:
        define("exception_on_interrupt", type=bool, default=True, help="let Ctrl-C raise KeyboardInterrupt")
        define("verbose", type=bool, default=False, help="print the name of each test")
        define("quiet", type=bool, default=False, help="print failures only")
    arguments = [sys.argv[0], *parse_command_line(sys.argv)]
    if not options.exception_on_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if options.verbose:
        kwargs["verbosity"] = 2
    if options.quiet:
        kwargs["verbosity"] = 0
    if len(arguments) == 1 and hasattr(sys.modules["__main__"], "all"):
        kwargs.setdefault("defaultTest", "all")
    unittest.main(argv=arguments, **kwargs)


main.__module__ = "waterspout.asynctest"
