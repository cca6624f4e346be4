"""Versioned URLs of static files, and the cache of versions behind them."""

import threading
from collections.abc import Callable
from urllib.parse import quote

MAX_VERSIONS = 10_000


class VersionCache:
    """Versions of files by path, at most ``limit``; the longest unused goes first. Safe to use from several threads.

    That a file has no version (it is missing, too large) is remembered as None, so that it is not tried at every page.
    """

    __slots__ = ("_limit", "_lock", "_marks", "_versions")

    def __init__(self, limit: int = MAX_VERSIONS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._versions: dict[str, str | None] = {}
        self._marks: dict[str, object] = {}

    def __len__(self) -> int:
        return len(self._versions)

    def get(self, path: str, compute: Callable[[str], str | None], limit: int | None = None) -> str | None:
        """Return the version of ``path``, from ``compute(path)`` at the first time. What ``compute`` raises passes
        through, not remembered. ``limit`` replaces the cache's own.
        """
        with self._lock:
            if path in self._versions:
                version = self._versions[path] = self._versions.pop(path)
                return version
        version = compute(path)
        with self._lock:
            while len(self._versions) >= (limit or self._limit):
                del self._versions[next(iter(self._versions))]
            self._versions[path] = version
        return version

    def note(self, path: str, mark: object, limit: int | None = None) -> None:
        """Say what *mark* a file has whose version may be made now, for `check` to know. ``limit`` as for `get`."""
        with self._lock:
            if path not in self._versions:
                self._keep_mark(path, mark, limit)

    def check(self, path: str, mark: object, limit: int | None = None) -> None:
        """Forget the version of a file that has changed: *mark* is another than last time. ``limit`` as for `get`."""
        with self._lock:
            if self._marks.get(path, mark) != mark:
                self._versions.pop(path, None)
            self._keep_mark(path, mark, limit)

    def _keep_mark(self, path: str, mark: object, limit: int | None) -> None:
        """The mark that was asked for longest ago goes first, and its version with it: nothing could tell its age."""
        self._marks.pop(path, None)
        self._marks[path] = mark
        while len(self._marks) > (limit or self._limit):
            first = next(iter(self._marks))
            del self._marks[first]
            self._versions.pop(first, None)

    def reset(self) -> None:
        """Forget all versions: files are read anew. (Setting ``static_hash_cache=False`` does so at every page.)"""
        with self._lock:
            self._versions.clear()
            self._marks.clear()


def versioned_url(prefix: str, path: str, version: str | None) -> str:
    """``prefix + path``, with ``?v=version`` where there is one. Both parts stand as they are given."""
    return f"{prefix}{path}?v={version}" if version else prefix + path


def encode_segment(value: str | bytes) -> str:
    """Percent-encode a value so that it stays inside one segment of a path: ``/``, ``?``, ``#``, ``%``, and a whole
    ``.`` or ``..``.
    """
    encoded = quote(value, safe="")
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded


def is_absolute(path: str) -> bool:
    """Whether a path needs no static prefix: it begins with ``/``, ``http:`` or ``https:``."""
    return path.startswith(("/", "http:", "https:"))


is_absolute.__module__ = "waterspout.web"
