"""The command line: ``waterspout`` and ``python -m waterspout``."""

from waterspout.cli._command import main

__all__ = ["main"]
