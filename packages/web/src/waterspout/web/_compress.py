"""Response bodies compressed on the way out (RFC 9110, 8.4 and 12.5.3)."""

from typing import ClassVar

from waterspout.httputil import HTTPHeaders, parse_quality_list
from waterspout.util import is_tornado_compat
from waterspout.web._coders import Coder, available_codings, compress_whole, new_coder
from waterspout.web._contenttype import DEFAULT_COMPRESSIBLE_TYPES, is_compressible
from waterspout.web._etag import weakened
from waterspout.web._transform import OutputTransform, TransformedRequest


class GZipContentEncoding(OutputTransform):
    """Compresses responses with gzip, if the client accepts it and the content gains by it.

    Left alone are: types that are compressed already, whole bodies under ``MIN_LENGTH`` bytes, responses with a
    ``Content-Encoding``, with ``Cache-Control: no-transform``, to a range request, and without a body. Where a page
    shows a secret beside something that an attacker can choose, set ``Content-Encoding: identity`` on it: it is
    then sent uncompressed (BREACH) and without that field.

    ``Vary: Accept-Encoding`` is sent with every response, compressed or not. A strong ``ETag`` becomes weak when
    the response is compressed, for the bytes are no longer the same (not where Tornado's behaviour is the default).
    Each piece of a streamed response is flushed, so that an event stream arrives event by event.
    """

    __module__ = "waterspout.web"

    CONTENT_TYPES: ClassVar[set[str]] = set(DEFAULT_COMPRESSIBLE_TYPES)
    GZIP_LEVEL: ClassVar[int] = 6
    MIN_LENGTH: ClassVar[int] = 1024
    # The best first: the order counts between codings that the client wants equally.
    CODINGS: ClassVar[tuple[str, ...]] = ("gzip",)

    def __init__(self, request: TransformedRequest) -> None:
        self._accepted = request.headers.get("Accept-Encoding", "")
        self._coder: Coder | None = None

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        add_vary(headers)
        encoding = headers.get("Content-Encoding")
        if encoding is not None and encoding.lower() == "identity":
            del headers["Content-Encoding"]
        elif encoding is None and self._gains(status_code, headers, chunk, finishing):
            coding = accepted_coding(self._accepted, self.CODINGS)
            if coding is not None:
                chunk = self._begin(coding, headers, chunk, finishing)
        return status_code, headers, chunk

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        coder = self._coder
        if coder is None:
            return chunk
        return coder.add(chunk) + (coder.finish() if finishing else coder.flush())

    def _gains(self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool) -> bool:
        if finishing and len(chunk) < self.MIN_LENGTH:
            return False
        if status_code < 200 or status_code in (204, 206, 304):
            return False
        if "no-transform" in headers.get("Cache-Control", "").lower():
            return False
        return is_compressible(headers.get("Content-Type", ""), self.CONTENT_TYPES)

    def _begin(self, coding: str, headers: HTTPHeaders, chunk: bytes, finishing: bool) -> bytes:
        headers["Content-Encoding"] = coding
        etag = headers.get("Etag")
        if etag is not None and not is_tornado_compat(None):
            headers["Etag"] = weakened(etag)
        if finishing:
            chunk = compress_whole(coding, self.GZIP_LEVEL, chunk)
            if "Content-Length" in headers:
                headers["Content-Length"] = str(len(chunk))
            return chunk
        if "Content-Length" in headers:
            del headers["Content-Length"]
        self._coder = new_coder(coding, self.GZIP_LEVEL)
        return self.transform_chunk(chunk, finishing)


class NegotiatedContentEncoding(GZipContentEncoding):
    """Like `GZipContentEncoding`, with zstd and br too where they are installed; the client's wish decides, then
    their order.
    """

    __module__ = "waterspout.web"

    CODINGS: ClassVar[tuple[str, ...]] = available_codings()


def accepted_coding(header: str, codings: tuple[str, ...]) -> str | None:
    """The one of ``codings`` that an ``Accept-Encoding`` wants most; None if it wants none, or the plain content more.

    One with ``q=0`` is never chosen, by name or by ``*``. Without the header nothing is compressed, although RFC
    9110 would allow it: such clients seldom decode.
    """
    if not header:
        return None
    weights = dict(parse_quality_list(header))
    others = weights.get("*", 0.0)
    best, best_weight = None, 0.0
    for coding in codings:
        weight = weights.get(coding, weights.get("x-gzip", others) if coding == "gzip" else others)
        if weight > best_weight:
            best, best_weight = coding, weight
    return None if weights.get("identity", 0.0) > best_weight else best


def add_vary(headers: HTTPHeaders) -> None:
    vary = headers.get("Vary")
    if vary is None:
        headers["Vary"] = "Accept-Encoding"
    elif "accept-encoding" not in vary.lower() and vary.strip() != "*":
        headers["Vary"] = f"{vary}, Accept-Encoding"
