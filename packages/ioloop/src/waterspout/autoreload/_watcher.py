"""Which of a set of files have changed, and whether what was changed can be loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

from waterspout.log import gen_log

#: What tells two versions of a file apart: modification time in nanoseconds, and size.
Stamp = tuple[int, int]


class Watcher:
    """Remembers how files looked. A file counts from the first `changed` or `look` that sees it."""

    def __init__(self) -> None:
        self.despite_errors = False  # whether a file with a syntax error counts, too
        self._stamps: dict[str, Stamp] = {}

    def look(self, paths: Iterable[str]) -> None:
        """Remember how the files look now, without a verdict; those that are known already keep their stamp."""
        for path in paths:
            if path not in self._stamps and (stamp := _stamp(path)) is not None:
                self._stamps[path] = stamp

    def changed(self, paths: Iterable[str]) -> list[str]:
        """Those of the files that changed since they were last seen and can be loaded.

        A Python file with a syntax error does not count (unless `despite_errors`): the error is logged, and the file
        looked at again when it changes again. Nor does a file that is gone; it counts when it is back, unless it is the
        same as it was.
        """
        found = []
        for path in paths:
            stamp = _stamp(path)
            if stamp is None:
                continue
            before = self._stamps.get(path)
            self._stamps[path] = stamp
            if before is not None and before != stamp and (self.despite_errors or _can_be_loaded(path)):
                found.append(path)
        return found


def module_files() -> Iterator[str]:
    """The source files of all modules that are loaded now."""
    for module in list(sys.modules.values()):
        # Not getattr: there are modules that import more modules when asked for an attribute.
        path = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(path, str):
            yield path[:-1] if path.endswith((".pyc", ".pyo")) else path


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None  # deleted, or being replaced just now
    return status.st_mtime_ns, status.st_size


def _can_be_loaded(path: str) -> bool:
    if not path.endswith(".py"):
        return True
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", dont_inherit=True)
    except OSError:
        return False  # gone again; if it comes back, it will look different
    except (SyntaxError, ValueError) as error:  # ValueError: NUL bytes
        gen_log.error("%s was modified, but cannot be loaded: waiting for it to be mended: %s", path, error)
        return False
    return True
