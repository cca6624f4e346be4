"""Content codings undone: to the last byte, within the limits, and in time that grows with what has come."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from waterspout.httpclient import ContentDecodingError, ResponseTooLargeError
from waterspout.httpclient._decode import STEP, Zstandard, decoder_for


def brotli(data: bytes) -> bytes:
    return pytest.importorskip("brotli").compress(data, quality=5)


def zstd(data: bytes) -> bytes:
    return pytest.importorskip("backports.zstd").compress(data)


def bare_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare deflate": bare_deflate,
    "br": brotli,
    "zstd": zstd,
}
every_coding = pytest.mark.parametrize("coding", CODINGS)


def decoded(coding: str, *pieces: bytes, limit: int = 100_000_000) -> bytes:
    decoder = decoder_for(coding.removeprefix("bare ").encode(), limit, "http://example.com/")
    assert decoder is not None
    output: list[bytes] = []
    for piece in pieces:
        for part in decoder.decode(piece):
            assert len(part) <= 2 * STEP
            output.append(part)
    decoder.finish()
    return b"".join(output)


@every_coding
@pytest.mark.parametrize("size", [1, STEP - 1, STEP, STEP + 1, STEP + 200, 2 * STEP + 1, 99_000, 131_050, 400_000])
@pytest.mark.parametrize("pattern", [b"\0", b"abcdefghij" * 7 + b"\n"], ids=["zeros", "lines"])
def test_a_body_of_any_size_comes_out_to_its_last_byte(coding: str, size: int, pattern: bytes) -> None:
    plain = (pattern * (size // len(pattern) + 1))[:size]
    coded = CODINGS[coding](plain)
    assert decoded(coding, coded) == plain
    assert decoded(coding, *(coded[i : i + 100] for i in range(0, len(coded), 100))) == plain


@every_coding
def test_a_coded_body_of_no_bytes_at_all_is_an_empty_one(coding: str) -> None:
    CODINGS[coding](b"")  # skips where its library is missing
    assert decoded(coding) == b""


@every_coding
def test_CL7_a_body_cut_anywhere_is_an_error(coding: str) -> None:
    coded = CODINGS[coding](b"hello " * 100)
    for end in range(1, len(coded)):
        with pytest.raises(ContentDecodingError):
            decoded(coding, coded[:end])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare deflate", "br", "zstd"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
def test_CL7_what_follows_the_end_is_an_error(coding: str, together: bool) -> None:
    coded, rest = CODINGS[coding](b"hello"), b"garbage"
    with pytest.raises(ContentDecodingError):
        decoded(coding, *([coded + rest] if together else [coded, rest]))


@pytest.mark.parametrize(
    ("outer", "inner", "small"),
    [
        ("gzip", "gzip", lambda: gzip.compress(b"")),
        ("br", "gzip", lambda: gzip.compress(b"")),
        ("gzip", "zstd", lambda: b"\x50\x2a\x4d\x18\0\0\0\0"),
        ("gzip", "deflate", lambda: b"\0\0\0\xff\xff"),
    ],
)
def test_CL5_an_outer_coding_that_is_a_bomb_is_refused_though_nothing_comes_out(
    outer: str, inner: str, small: Callable[[], bytes]
) -> None:
    CODINGS[inner](b"")  # skips where its library is missing
    bomb = CODINGS[outer](small() * 400_000)
    with pytest.raises(ResponseTooLargeError, match="coded twice"):
        decoded(f"{inner}, {outer}", bomb)


@pytest.mark.parametrize("outer", ["gzip", "br", "zstd", "deflate"])
@pytest.mark.parametrize("inner", ["gzip", "br", "zstd", "deflate"])
def test_two_codings_of_what_is_no_bomb_are_undone(outer: str, inner: str) -> None:
    plain = b"".join(b"%d\n" % number for number in range(300_000))
    assert decoded(f"{inner}, {outer}", CODINGS[outer](CODINGS[inner](plain))) == plain


def test_CL5_the_work_for_empty_zstd_frames_grows_with_their_number_and_not_with_its_square() -> None:
    coding = Zstandard() if pytest.importorskip("backports.zstd") else None
    assert coding is not None
    new, copied = coding._new, 0

    class Counted:
        def __init__(self) -> None:
            self.decoder = new()

        def __getattr__(self, name: str) -> object:
            nonlocal copied
            found = getattr(self.decoder, name)
            if name == "unused_data":
                copied += len(found)
            return found

    def copied_for(frames: int) -> int:
        nonlocal copied
        copied = 0
        data = b"\x50\x2a\x4d\x18\0\0\0\0" * frames
        while data:
            assert coding.decompress(data, STEP) == b""
            data = coding.unconsumed_tail
        return copied

    coding._new = Counted
    assert copied_for(40_000) < 3 * copied_for(20_000)
