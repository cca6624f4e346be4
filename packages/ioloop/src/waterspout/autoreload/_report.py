"""What a supervised program tells its supervisor: the files to watch, and whether it wants to be started again.

It says so in a file and not through a pipe, so that a program that watches 10,000 files never waits for a reader, and
what it wrote outlives it. With the wish for a restart comes the environment for it: as with an exec, what the program
has set there is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import NamedTuple

#: Names the file in the environment of the supervised process.
ENVIRONMENT_VARIABLE = "WATERSPOUT_AUTORELOAD_REPORT"


class Wishes(NamedTuple):
    """What a report says."""

    files: list[str]  #: absolute names of the files to watch
    ended: bool  #: the program came to its end, or failed; false after a crash and after ``os._exit``
    restart_with: dict[str, str] | None  #: if it wants to be started again: the environment


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
            self._write()

    def end(self, files: Iterable[str]) -> None:
        """Say that the program has ended, and which files it depended on."""
        self._files = self._files.union(map(os.path.abspath, files))
        self._write(ended=True)

    def ask_for_restart(self) -> None:
        """Say that the program ends to be started again."""
        self._write(restart_with=dict(os.environ))

    def _write(self, ended: bool = False, restart_with: dict[str, str] | None = None) -> None:
        unfinished = f"{self.path}.new"
        with open(unfinished, "w", encoding="ascii") as file:  # json escapes everything else, also what is not text
            json.dump(Wishes(sorted(self._files), ended, restart_with), file)
        os.replace(unfinished, self.path)  # never half a report, whenever the program dies


def read_report(path: str) -> Wishes:
    """What the report in the file ``path`` says; no wishes if the program left none."""
    try:
        with open(path, encoding="ascii") as file:
            return Wishes(*json.load(file))
    except FileNotFoundError:
        return Wishes([], False, None)
