"""Reading files for responses: in pieces, never more or less than was promised, and hashed for their version."""

import hashlib
import os
import stat
from collections.abc import Iterator

PIECE = 64 * 1024


class FileChangedError(OSError):
    """A file became shorter, or another one, while it was being sent: the connection must be closed, not reused."""


def open_regular(path: str) -> int:
    """Return a descriptor of a regular file, opened for reading; the caller closes it.

    Never blocks on a pipe that took the file's place after it was checked: raises PermissionError for anything but a
    regular file, FileNotFoundError and the like as `os.open` does.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NOCTTY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PermissionError(f"{path} is not a file: not a regular file")
    return descriptor


def file_pieces(path: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file from ``start`` up to ``end`` in pieces of 64 KiB; None: its beginning, its end.

    How much is promised is settled when the file is opened, or by ``end``. If the file turns out shorter,
    `FileChangedError` is raised after what there was: a body that is too short must not look complete. What is
    added meanwhile is not sent.
    """
    descriptor = open_regular(path)
    try:
        position = start or 0
        stop = os.fstat(descriptor).st_size if end is None else end
        if position:
            os.lseek(descriptor, position, os.SEEK_SET)
        while position < stop:
            piece = os.read(descriptor, min(PIECE, stop - position))
            if not piece:
                raise FileChangedError(f"{path} has {position} bytes, {stop} were promised")
            position += len(piece)
            yield piece
    finally:
        os.close(descriptor)


def content_version(path: str, max_size: int) -> str:
    """Return the SHA-512 of a file in hex, for versioned URLs.

    Raises ValueError if it has more than ``max_size`` bytes (hashing runs on the event loop), OSError as
    `open_regular` does.
    """
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        if size > max_size:
            raise ValueError(
                f"{path} is larger than it may be: it has {size} bytes, versions are made of at most {max_size}"
            )
        digest = hashlib.sha512()
        while piece := os.read(descriptor, PIECE):
            digest.update(piece)
        return digest.hexdigest()
    finally:
        os.close(descriptor)
