"""The command's entry; what it does is only loaded when it runs."""

from __future__ import annotations


def main(argv: list[str] | None = None) -> int:
    """Run ``python -m waterspout.httpclient`` with *argv* (default: the program's arguments); returns the exit status.

    0: all went well; 1: an error status; 2: no response.
    """
    from waterspout.httpclient._cli import run_command  # argparse and json are of no use to programs that fetch

    return run_command(argv)


main.__module__ = "waterspout.httpclient"
