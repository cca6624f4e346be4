"""Files that lie beside a static file, compressed before: ``app.js.br``, ``app.js.zst``, ``app.js.gz``."""

from __future__ import annotations

import os
from collections.abc import Sequence

from waterspout.web._compress import accepted_coding
from waterspout.web._staticpaths import StaticPathError, served_file

__all__ = ["find_sibling"]

# The best first. None of them is made here, so no library is needed for it.
_ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}


def find_sibling(
    root: str, absolute_path: str, accept_encoding: str, allowed_symlink_directories: Sequence[str] = ()
) -> tuple[str, str, os.stat_result] | None:
    """Coding, path and status of the sibling that the client wants most; None if the plain file is to be sent.

    A sibling must be servable like the file itself, and must not be older: that one is left from a former version.
    """
    if not accept_encoding:
        return None
    plain = os.stat(absolute_path)
    there: dict[str, tuple[str, os.stat_result]] = {}
    for coding, ending in _ENDINGS.items():
        path = absolute_path + ending
        try:
            status = served_file(root, path, allowed_symlink_directories=allowed_symlink_directories)
        except StaticPathError:  # not there, or not to be served
            continue
        if status.st_mtime >= plain.st_mtime:
            there[coding] = (path, status)
    best = accepted_coding(accept_encoding, tuple(there))
    return None if best is None else (best, *there[best])
