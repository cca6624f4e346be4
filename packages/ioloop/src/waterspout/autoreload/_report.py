"""What a supervised program tells its supervisor: a file with the names of the files to watch.

Its first line is ``restart`` if the program ended because it wants to be started again, else ``watch``. A file and
not a pipe, so that a program that watches 10,000 files never waits for a reader, and what it wrote outlives it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

#: Names the file in the environment of the supervised process.
ENVIRONMENT_VARIABLE = "WATERSPOUT_AUTORELOAD_REPORT"

RESTART = "restart"
WATCH = "watch"


class Report:
    """The report in the file ``path``; the supervised program writes it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._files: frozenset[str] = frozenset()

    def watch(self, files: Iterable[str]) -> None:
        """Name the files on which the program depends; those named before stay named."""
        more = self._files.union(map(os.path.abspath, files))
        if more != self._files:
            self._files = more
            self._write(WATCH)

    def ask_for_restart(self) -> None:
        """Say that the program ends to be started again."""
        self._write(RESTART)

    def _write(self, wish: str) -> None:
        unfinished = f"{self.path}.new"
        with open(unfinished, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join([wish, *sorted(self._files)]))
        os.replace(unfinished, self.path)  # never half a report, whenever the program dies


def read_report(path: str) -> tuple[bool, list[str]]:
    """Whether a restart is wanted, and the files to watch; (False, []) if the program left no report."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            wish, *files = file.read().split("\n")
    except FileNotFoundError:
        return False, []
    return wish == RESTART, files
