"""From the path of a URL to a file that may be served, or to the reason why not."""

import errno
import os
import re
import stat
from collections.abc import Sequence

# One segment of a path on every common file system; longer ones cannot exist.
_MAX_SEGMENT_BYTES = 255
_DRIVE = re.compile(r"[A-Za-z]:")
# Names that are devices on Windows in every folder, whatever ending they have, blanks and dots at the end not counted.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|COM[0-9\xb9\xb2\xb3]|LPT[0-9\xb9\xb2\xb3])[ .]*(?:\..*|:.*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_SHORT_NAME = re.compile(r"~[0-9]")
# The one folder with a dot that is meant to be public (RFC 8615).
_PUBLIC_DOTFILES = frozenset((".well-known",))
# What applications look for in the log.
_OUTSIDE = "is not in root static directory"
NO_SUCH_FILE = "no such file"
_MISSING = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL))


class StaticPathError(Exception):
    """A path is not served. ``status_code`` is the answer (403 or 404), ``reason`` is for the log and names the
    rule.
    """

    def __init__(self, status_code: int, reason: str) -> None:
        super().__init__(f"{status_code}: {reason}")
        self.status_code = status_code
        self.reason = reason


def check_relative_path(path: str, *, dotfiles: bool = False, windows: bool = os.name == "nt") -> None:
    """Raise `StaticPathError` for a path (decoded once, without the prefix) that may not be looked for below the root.

    403: absolute paths, drives, UNC names and ``..`` segments, with ``\\`` counted as a separator; 404: NUL,
    segments beyond 255 bytes, names with a leading dot unless ``dotfiles`` (``.well-known`` is allowed), and on
    Windows device names, streams, short names, and names that end in a dot or blank. Looks at the text alone.
    """
    if "\0" in path:
        raise StaticPathError(404, "NUL in path")
    unified = path.replace("\\", "/")
    if unified.startswith("/") or _DRIVE.match(path):
        raise StaticPathError(403, f"{_OUTSIDE}: it is an absolute path")
    for segment in unified.split("/"):
        if segment == "..":
            raise StaticPathError(403, f"{_OUTSIDE}: it climbs with ..")
        if len(segment) > _MAX_SEGMENT_BYTES // 4 and len(os.fsencode(segment)) > _MAX_SEGMENT_BYTES:
            raise StaticPathError(404, "path segment too long")
        if segment.startswith(".") and segment != "." and not dotfiles and segment not in _PUBLIC_DOTFILES:
            raise StaticPathError(404, "hidden file")
        if windows and not is_plain_windows_name(segment):
            raise StaticPathError(404, "name with a special meaning on Windows")
    if "\\" in path and not windows:
        raise StaticPathError(404, "backslash in path")


def is_plain_windows_name(segment: str) -> bool:
    """Whether a path segment means on Windows the file of that name and nothing else."""
    if segment in ("", "."):
        return True
    if ":" in segment or segment[-1] in ". " or _SHORT_NAME.search(segment):
        return False
    return _DEVICE.match(segment) is None


def is_below(root: str, path: str) -> bool:
    """Whether ``path`` is ``root`` or lies in it, both absolute and normalised: ``/srv/static_x`` is not in
    ``/srv/static``.
    """
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


def joined(root: str, path: str) -> str:
    """The absolute, normalised path of ``path`` below ``root``; not checked, see `served_file`."""
    return os.path.abspath(os.path.join(root, path))


def served_file(
    root: str,
    absolute_path: str,
    *,
    allowed_symlink_directories: Sequence[str] = (),
) -> os.stat_result:
    """Return the status of a regular file below ``root``; the file may be opened.

    ``root`` itself may be a symbolic link. A link below it may lead anywhere below ``root``, or below one of the
    ``allowed_symlink_directories``. Raises `StaticPathError`: 403 for a path or link that leads out, for a folder,
    and for anything that is no regular file (opening a pipe would block, opening a device may act), 404 where
    nothing is or the path is too long.
    """
    root = os.path.abspath(root)
    if not is_below(root, absolute_path):
        raise StaticPathError(403, _OUTSIDE)
    if absolute_path.endswith(os.sep) and absolute_path != root:
        raise StaticPathError(404, "slash after a file name")
    try:
        real = os.path.realpath(absolute_path)
    except ValueError:  # NUL
        raise StaticPathError(404, "NUL in path") from None
    # Before anything is said about what is there: a link must not tell which files the machine has.
    _check_links(root, absolute_path, real, allowed_symlink_directories)
    return regular_file(absolute_path)


def regular_file(path: str) -> os.stat_result:
    """Return the status of a regular file, wherever it is; raises `StaticPathError` as `served_file` does."""
    try:
        found = os.stat(path)
    except ValueError:  # NUL
        raise StaticPathError(404, "NUL in path") from None
    except OSError as error:
        if error.errno in _MISSING:
            raise StaticPathError(404, NO_SUCH_FILE) from None
        raise StaticPathError(403, error.strerror or "not accessible") from None
    if stat.S_ISDIR(found.st_mode):
        raise StaticPathError(403, "is not a file: it is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise StaticPathError(403, "is not a file: it is a pipe, a socket or a device")
    return found


def check_below(root: str, absolute_path: str, allowed_symlink_directories: Sequence[str] = ()) -> None:
    """Raise `StaticPathError` 403 unless ``absolute_path`` lies below ``root``, links followed as in `served_file`.

    For folders, about which nothing may be told before this is known.
    """
    root = os.path.abspath(root)
    if not is_below(root, absolute_path):
        raise StaticPathError(403, _OUTSIDE)
    _check_links(root, absolute_path, os.path.realpath(absolute_path), allowed_symlink_directories)


def _check_links(root: str, absolute_path: str, real: str, allowed: Sequence[str]) -> None:
    if real != absolute_path and not any(is_below(os.path.realpath(home), real) for home in [root, *allowed]):
        raise StaticPathError(403, f"{_OUTSIDE}: a symbolic link leads out of it")


def directory_redirect(request_path: str) -> str:
    """Where a request for a folder without the slash goes: its own path with one slash at the end and one at the start.

    Slashes and backslashes at the start are folded into one, so that it never names a host.
    """
    return "/" + request_path.lstrip("/\\") + "/"
