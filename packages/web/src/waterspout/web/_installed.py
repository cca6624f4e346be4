"""The version of an installed distribution, without importlib.metadata: that takes longer than all of the framework."""

from __future__ import annotations

import os
import sys

__all__ = ["installed_version"]

_ENDING = ".dist-info"


def installed_version(distribution: str) -> str | None:
    """The version that *distribution* is installed in, from the name of its folder; None if there is none.

    That folder is called ``name-version.dist-info`` ("Recording installed projects", packaging.python.org); the first
    one on the path counts, as for imports.
    """
    prefix = distribution.replace("-", "_") + "-"
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:  # not there, or no folder but an archive
            continue
        for name in names:
            if name.startswith(prefix) and name.endswith(_ENDING):
                return name[len(prefix) : -len(_ENDING)]
    return None
