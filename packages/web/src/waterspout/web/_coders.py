"""The content codings that can be produced here: gzip always, br and zstd where a library for them is installed."""

import sys
import zlib
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any, Protocol


class Coder(Protocol):
    """Compresses one response."""

    def add(self, data: bytes) -> bytes:
        """Take data, return what is ready."""

    def flush(self) -> bytes:
        """Return all so far, so that the receiver can decode it at once."""

    def finish(self) -> bytes:
        """Return the rest."""


class _Gzip:
    def __init__(self, level: int) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        self.add = self._stream.compress

    def flush(self) -> bytes:
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush(zlib.Z_FINISH)


class _Brotli:
    # 4 costs about what gzip 6 does and is smaller; 11, the library's default, is for files made once.
    def __init__(self, level: int) -> None:
        try:
            import brotli  # type: ignore[import-not-found,unused-ignore]  # only where it is asked for
        except ImportError:
            import brotlicffi as brotli  # type: ignore[import-not-found,unused-ignore]

        self._stream: Any = brotli.Compressor(quality=min(level, 4))
        self.add: Callable[[bytes], bytes] = self._stream.process

    def flush(self) -> bytes:
        return bytes(self._stream.flush())

    def finish(self) -> bytes:
        return bytes(self._stream.finish())


class _Zstd:
    def __init__(self, level: int) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd  # only where it is asked for

        self._stream: Any = zstd.ZstdCompressor(level=min(level, 3))
        self.add: Callable[[bytes], bytes] = self._stream.compress

    def flush(self) -> bytes:
        return bytes(self._stream.flush(self._stream.FLUSH_BLOCK))

    def finish(self) -> bytes:
        return bytes(self._stream.flush(self._stream.FLUSH_FRAME))


_CODERS: dict[str, type[Coder]] = {"zstd": _Zstd, "br": _Brotli, "gzip": _Gzip}


def _installed(name: str) -> bool:
    """Whether a module can be found, without importing it."""
    package, _, module = name.rpartition(".")
    if not package:
        return PathFinder.find_spec(name) is not None
    parent = PathFinder.find_spec(package)
    locations = parent.submodule_search_locations if parent else None
    return locations is not None and PathFinder.find_spec(name, locations) is not None


def available_codings() -> tuple[str, ...]:
    """The codings that can be produced, the best first."""
    has_zstd = sys.version_info >= (3, 14) or _installed("backports.zstd")
    has_br = _installed("brotli") or _installed("brotlicffi")
    return (*(("zstd",) if has_zstd else ()), *(("br",) if has_br else ()), "gzip")


def new_coder(coding: str, level: int) -> Coder:
    """A coder for one response; ``level`` as zlib counts (1 fast to 9 small). Raises KeyError for an unknown coding."""
    return _CODERS[coding](level)  # type: ignore[call-arg]  # a Protocol has no constructor


def compress_whole(coding: str, level: int, data: bytes) -> bytes:
    """``data`` compressed in one go."""
    if coding == "gzip":
        return zlib.compress(data, level, zlib.MAX_WBITS | 16)
    coder = new_coder(coding, level)
    return coder.add(data) + coder.finish()
