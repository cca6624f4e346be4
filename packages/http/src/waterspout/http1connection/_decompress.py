"""Undoing ``Content-Encoding: gzip`` of request bodies, within the limit that holds for the decoded body."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable

from waterspout.concurrent import convert_yielded
from waterspout.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from waterspout.log import gen_log
from waterspout.util import GzipDecompressor

__all__ = ["DecompressingDelegate", "decompress_whole"]

STEP = 64 * 1024
#: A body that grows to this many times its size, and beyond this many bytes, is worth a line in the log: real ones do
#: not (deflate reaches 1,032), and its sender may try the limit next.
ALARM_RATIO, ALARM_SIZE = 100, 1024 * 1024


def _is_gzip(headers: HTTPHeaders) -> bool:
    coding = headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return True
    if coding in ("identity", ""):
        return False
    raise HTTPInputError(f"Unsupported Content-Encoding: {coding[:40]!r}; gzip is understood", status=415)


def _mark_decoded(headers: HTTPHeaders) -> None:
    """Tornado's convention: what the coding was stays visible under another name."""
    headers["X-Consumed-Content-Encoding"] = headers["Content-Encoding"]
    del headers["Content-Encoding"]


class Decoder:
    """gzip bytes to plain ones, in steps, up to a limit in all."""

    __slots__ = ("_alarmed", "_decompressor", "_left", "_limit", "_taken")

    def __init__(self, limit: int) -> None:
        self._decompressor = GzipDecompressor()
        self._limit = self._left = limit
        self._taken = 0
        self._alarmed = False

    def decode(self, data: bytes, step: int = STEP) -> list[bytes]:
        """The decoded pieces of *data*; `HTTPInputError` where it is no gzip (400) or too much (413)."""
        pieces: list[bytes] = []
        self._taken += len(data)
        try:
            # In parts, because the decompressor copies what it leaves of each after every step.
            for start in range(0, len(data), STEP):
                part = data[start : start + STEP]
                while part:
                    piece = self._decompressor.decompress(part, min(step, self._left + 1))
                    self._left -= len(piece)
                    if self._left < 0:
                        raise HTTPInputError(f"decompressed body too large: limit {self._limit} bytes", status=413)
                    if piece:
                        pieces.append(piece)
                    part = self._decompressor.unconsumed_tail
                    self._watch_ratio()
        except (zlib.error, ValueError, OSError) as error:
            raise HTTPInputError(f"invalid gzip data: {error}") from error
        return pieces

    def _watch_ratio(self) -> None:
        given = self._limit - self._left
        if given > max(ALARM_SIZE, ALARM_RATIO * self._taken) and not self._alarmed:
            self._alarmed = True
            gen_log.warning("a body of %d bytes has been decompressed to more than %d", self._taken, given)

    def end(self) -> None:
        """Nothing more comes: `HTTPInputError` if the stream was cut short."""
        try:
            tail = self._decompressor.flush()
        except (zlib.error, ValueError, OSError) as error:
            raise HTTPInputError(f"invalid gzip data: {error}") from error
        if tail:
            raise HTTPInputError("invalid gzip data: it ends too early")


def decompress_whole(request: HTTPServerRequest, limit: int) -> None:
    """Replace a collected gzip body by what it decodes to."""
    if _is_gzip(request.headers):
        decoder = Decoder(limit)
        pieces = decoder.decode(request.body)
        decoder.end()
        request.body = b"".join(pieces)
        _mark_decoded(request.headers)


class DecompressingDelegate(HTTPMessageDelegate):
    """Stands before a delegate and hands it the decoded body."""

    def __init__(self, delegate: HTTPMessageDelegate, limit: Callable[[], int], chunk_size: int | None) -> None:
        """*limit* is asked when the body comes, because the delegate may change it when it sees the head."""
        self._delegate = delegate
        self._limit = limit
        self._step = chunk_size or STEP
        self._decoder: Decoder | None = None
        self._coded = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        if _is_gzip(headers):
            self._coded = True
            _mark_decoded(headers)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if not self._coded:
            return self._delegate.data_received(chunk)
        if self._decoder is None:
            self._decoder = Decoder(self._limit())
        return self._hand_on(self._decoder.decode(chunk, self._step))

    async def _hand_on(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            result = self._delegate.data_received(piece)
            if result is not None:
                await convert_yielded(result)

    def finish(self) -> None:
        if self._decoder is not None:
            self._decoder.end()
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
