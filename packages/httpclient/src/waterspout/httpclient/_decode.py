"""Removing content codings (RFC 9110, 8.4), with limits on how much may come out.

A few kilobytes can be made to grow to gigabytes, so output is taken in small steps and counted before it is kept (CL5).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from waterspout.httpclient._errors import ContentDecodingError, ResponseTooLargeError
from waterspout.util import GzipDecompressor

#: Bytes of output taken from a decompressor in one step.
STEP = 64 * 1024
#: Bytes of input given to a decompressor that copies what it leaves of them: few, since it does so for every frame.
SLICE = 4096
#: More codings on top of each other than anybody means well with (CL6).
MAX_CODINGS = 2
#: What an outer coding may make of its input: so many times its size, after so many bytes. What is inside is compressed
#: already, so nothing grows much there that is not meant to keep the inner decompressor busy (CL5).
MAX_OUTER_GROWTH, FREE_OUTER_GROWTH = 16, 1024 * 1024


class Coding(Protocol):
    """One content coding on its way back."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most *max_length* bytes of output."""

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that must be given to `decompress` again; b"" if none."""

    def flush(self) -> Any:
        """Raises if the coded data is not complete."""


class Deflate:
    """The coding "deflate": zlib format (RFC 1950), or the bare deflate data that some servers send."""

    __slots__ = ("_started", "_zlib", "unconsumed_tail")

    def __init__(self) -> None:
        import zlib  # a shared library that most programs do without

        self._zlib = zlib.decompressobj()
        self._started = False
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Coding`."""
        import zlib

        try:
            output = self._zlib.decompress(data, max_length)
        except zlib.error:
            if self._started:
                raise
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            output = self._zlib.decompress(data, max_length)
        self._started = self._started or bool(data)
        if self._zlib.unused_data:
            raise zlib.error("data after the end of the deflate stream")
        self.unconsumed_tail = self._zlib.unconsumed_tail
        if not self.unconsumed_tail and len(output) == max_length and not self._zlib.eof:
            self.unconsumed_tail = _MORE  # bare deflate data may end before all that it stands for is out
        return output

    def flush(self) -> None:
        """See `Coding`."""
        import zlib

        if self._started and not self._zlib.eof:
            raise zlib.error("incomplete or truncated deflate stream")


class Brotli:
    """The coding "br" (RFC 7932), with the extra of that name."""

    __slots__ = ("_decoder", "_started", "unconsumed_tail")

    def __init__(self) -> None:
        self._decoder: Any = _first_of("brotli", "brotlicffi").Decompressor()
        self._started = False
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Coding`."""
        self.unconsumed_tail = b""
        self._started = True
        output: bytes = self._decoder.process(data, output_buffer_limit=max_length)
        if not self._decoder.is_finished() and (output or (len(data) and not self._decoder.can_accept_more_data())):
            # It may have taken all input and hold back output, which `can_accept_more_data` does not always tell: ask
            # again, with nothing but a sign that there is more, until nothing comes.
            self.unconsumed_tail = _MORE
        return output

    def flush(self) -> None:
        """See `Coding`."""
        if self._started and not self._decoder.is_finished():
            raise ValueError("incomplete or truncated brotli stream")


class Zstandard:
    """The coding "zstd" (RFC 8878): Python 3.14's own module, or the extra."""

    __slots__ = ("_decoder", "_new", "unconsumed_tail")

    #: RFC 9659, 3.2: a larger window may be refused.
    WINDOW_LOG_MAX = 23

    def __init__(self) -> None:
        module = _first_of("compression.zstd", "backports.zstd")
        options = {module.DecompressionParameter.window_log_max: self.WINDOW_LOG_MAX}
        self._new: Callable[[], Any] = lambda: module.ZstdDecompressor(options=options)
        self._decoder: Any = None
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Coding`."""
        if data is _MORE:
            data = b""
        pieces: list[bytes] = []
        position = 0
        while True:
            decoder = self._decoder
            if decoder is None:
                decoder = self._decoder = self._new()
            part = data[position : position + SLICE]
            pieces.append(decoder.decompress(part, max_length))
            position += len(part)
            max_length -= len(pieces[-1])
            if decoder.eof:
                position -= len(decoder.unused_data)
                self._decoder = None  # another frame may follow (RFC 8878, 3.1)
            if position == len(data) or not max_length:
                break
        self.unconsumed_tail = data[position:]
        if not self.unconsumed_tail and self._decoder is not None and not decoder.needs_input:
            self.unconsumed_tail = _MORE
        return b"".join(pieces)

    def flush(self) -> None:
        """See `Coding`."""
        if self._decoder is not None:
            raise ValueError("incomplete or truncated zstd stream")


#: A tail of no bytes that is still true: the decompressor holds its input itself.
class _More(bytes):
    def __bool__(self) -> bool:
        return True


_MORE = _More()

_CODINGS: dict[str, Callable[[], Coding]] = {
    "gzip": GzipDecompressor,
    "x-gzip": GzipDecompressor,
    "deflate": Deflate,
    "br": Brotli,
    "zstd": Zstandard,
}
_NEEDED_MODULES = {"br": ("brotli", "brotlicffi"), "zstd": ("compression.zstd", "backports.zstd")}


class Decoder:
    """Undoes the codings of one body and counts what comes out."""

    __slots__ = ("_codings", "_left", "_limit", "_outer_room", "_url")

    def __init__(self, codings: list[Coding], limit: int, url: str) -> None:
        self._codings = codings
        self._limit = self._left = limit
        self._outer_room = FREE_OUTER_GROWTH
        self._url = url

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What *data* becomes, in pieces of at most `STEP` bytes, each made when it is asked for.

        Raises `ContentDecodingError` and, for more than the limit altogether, `ResponseTooLargeError`.
        """
        self._outer_room += MAX_OUTER_GROWTH * len(data)
        for piece in self._through(data, len(self._codings)):
            self._left -= len(piece)
            if self._left < 0:
                raise ResponseTooLargeError(
                    f"The decompressed body of {self._url} exceeds the limit of {self._limit} bytes", url=self._url
                )
            yield piece

    def finish(self) -> None:
        """The body is complete: raises `ContentDecodingError` if the coded data is not."""
        for coding in self._codings:
            try:
                coding.flush()
            except Exception as error:
                raise self._broken(error) from error

    def _through(self, data: bytes, depth: int) -> Iterator[bytes]:
        if not depth:
            yield data
            return
        coding = self._codings[-depth]
        while data:
            try:
                output = coding.decompress(data, STEP)
            except Exception as error:  # each library has an error class of its own
                raise self._broken(error) from error
            if output and depth > 1:
                self._outer_room -= len(output)
                if self._outer_room < 0:
                    raise ResponseTooLargeError(
                        f"The body of {self._url} is coded twice, and the outer coding grows to more than"
                        f" {MAX_OUTER_GROWTH} times its size, as nothing does that is compressed already",
                        url=self._url,
                    )
            if output:
                yield from self._through(output, depth - 1)
            data = coding.unconsumed_tail

    def _broken(self, error: Exception) -> ContentDecodingError:
        return ContentDecodingError(
            f"The body of {self._url} is not what its Content-Encoding says: {error}", url=self._url
        )


def decoder_for(content_encoding: bytes, limit: int, url: str) -> Decoder | None:
    """A decoder for a Content-Encoding value; None where a coding is unknown, and the body is passed on as it is.

    Raises `ContentDecodingError` for more than `MAX_CODINGS` codings.
    """
    names = [name.strip().lower() for name in content_encoding.decode("latin-1").split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > MAX_CODINGS:
        raise ContentDecodingError(
            f"The body of {url} has {len(names)} content codings; at most {MAX_CODINGS} are undone", url=url
        )
    if not names or not all(name in _CODINGS and _is_available(name) for name in names):
        return None
    # Codings are listed in the order they were applied, so the last one is undone first.
    return Decoder([_CODINGS[name]() for name in reversed(names)], limit, url)


def accepted_codings() -> str:
    """The Accept-Encoding value for what this installation can decode."""
    return ", ".join(name for name in ("gzip", "deflate", "br", "zstd") if _is_available(name))


def _is_available(coding: str) -> bool:
    modules = _NEEDED_MODULES.get(coding)
    return modules is None or any(_exists(module) for module in modules)


def _exists(module: str) -> bool:
    package = module.rpartition(".")[0]
    try:
        return (not package or importlib.util.find_spec(package) is not None) and importlib.util.find_spec(
            module
        ) is not None
    except ImportError:
        return False


def _first_of(*modules: str) -> Any:
    for module in modules:
        if _exists(module):
            return importlib.import_module(module)
    raise ImportError(f"none of {', '.join(modules)} is installed")
