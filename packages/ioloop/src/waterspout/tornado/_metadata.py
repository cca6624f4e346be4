"""The metadata that tools find when they ask for a distribution named ``tornado``."""

from __future__ import annotations

import os
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from waterspout.tornado._version import version

METADATA = f"""\
Metadata-Version: 2.1
Name: tornado
Version: {version}
Summary: Waterspout, standing in for Tornado in this process.
Requires-Python: >=3.11
"""


class AliasDistribution(Distribution):
    """``tornado``, as far as other packages look at it: name and version."""

    def read_text(self, filename: str) -> str | None:
        """The text of ``METADATA``; None for every other file."""
        return METADATA if filename in ("METADATA", "PKG-INFO") else None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        """Where a file of the distribution would be: beside Waterspout's own."""
        try:
            return Path(str(distribution("waterspout-ioloop").locate_file(path)))
        except PackageNotFoundError:  # run from a source tree
            return Path(__file__).resolve().parents[2] / path
