"""Decompression piece by piece: members, limits, and streams that end badly."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.util import GzipDecompressor

HELLO = gzip.compress(b"hello ")
WORLD = gzip.compress(b"world")


def decompress(*chunks: bytes, max_length: int = 1000) -> bytes:
    decompressor = GzipDecompressor()
    output = []
    for chunk in chunks:
        while chunk:
            piece = decompressor.decompress(chunk, max_length)
            assert len(piece) <= max_length
            output.append(piece)
            chunk = decompressor.unconsumed_tail
    assert decompressor.flush() == b""
    return b"".join(output)


def test_a_member_comes_out_whole() -> None:
    assert decompress(HELLO) == b"hello "


def test_no_input_is_a_complete_stream() -> None:
    assert decompress() == b""
    assert decompress(gzip.compress(b"")) == b""


def test_CL7_several_members_come_out_one_after_the_other() -> None:
    assert decompress(HELLO + WORLD) == b"hello world"
    assert decompress(HELLO, WORLD) == b"hello world"
    assert decompress(HELLO + gzip.compress(b"") + WORLD) == b"hello world"


@pytest.mark.parametrize("split", range(len(HELLO + WORLD)))
def test_members_come_out_wherever_the_stream_is_split(split: int) -> None:
    stream = HELLO + WORLD
    assert decompress(stream[:split], stream[split:]) == b"hello world"
    assert decompress(stream[:split], stream[split:], max_length=1) == b"hello world"


def test_members_come_out_byte_by_byte() -> None:
    stream = HELLO + WORLD
    assert decompress(*(stream[i : i + 1] for i in range(len(stream)))) == b"hello world"


@pytest.mark.parametrize("kept", range(1, len(HELLO)))
def test_CL7_a_truncated_stream_is_an_error_at_flush(kept: int) -> None:
    with pytest.raises(zlib.error, match="truncated"):
        decompress(HELLO[:kept])
    with pytest.raises(zlib.error, match="truncated"):
        decompress(WORLD + HELLO[:kept])


@pytest.mark.parametrize("garbage", [b"x", b"\0", b"\0" * 20, b"\x1fx", b"hello", b"\x1e\x8b"])
def test_CL7_anything_but_a_member_after_a_member_is_an_error(garbage: bytes) -> None:
    with pytest.raises(zlib.error, match="expected a gzip member"):
        decompress(HELLO + garbage)
    with pytest.raises(zlib.error, match="expected a gzip member"):
        decompress(HELLO, garbage)


def test_CL7_a_wrong_checksum_or_length_is_an_error() -> None:
    for position in (-8, -1):
        broken = bytearray(HELLO)
        broken[position] ^= 1
        with pytest.raises(zlib.error):
            decompress(bytes(broken))


def test_what_is_not_gzip_is_an_error() -> None:
    for wrong in (b"hello", zlib.compress(b"hello"), b"\x1f\x8b\x09" + HELLO[3:]):
        with pytest.raises(zlib.error):
            decompress(wrong)


def test_DB4_output_is_bounded_by_max_length() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    decompressor = GzipDecompressor()
    assert decompressor.decompress(bomb, 1000) == bytes(1000)
    assert decompressor.unconsumed_tail
    with pytest.raises(ValueError, match="unconsumed_tail must be passed to decompress before flush"):
        decompressor.flush()


def test_DB4_a_limit_must_be_given(strict: None) -> None:
    with pytest.raises(ValueError, match="needs max_length"):
        GzipDecompressor().decompress(HELLO)
    with pytest.raises(ValueError, match="non-negative"):
        GzipDecompressor().decompress(HELLO, -1)


def test_DB4_in_tornados_way_no_limit_is_deprecated_and_gives_all(tornado_compat: None) -> None:
    decompressor = GzipDecompressor()
    with pytest.warns(DeprecationWarning, match="without max_length") as warned:
        assert decompressor.decompress(HELLO + WORLD) == b"hello world"
    assert warned[0].filename == __file__
    assert decompressor.unconsumed_tail == b""
    assert decompressor.flush() == b""


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 50), st.integers(1, 60))
def test_any_members_come_out_in_pieces_of_any_size(contents: list[bytes], size: int, max_length: int) -> None:
    stream = b"".join(map(gzip.compress, contents))
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert decompress(*chunks, max_length=max_length) == b"".join(contents)


class CopyingZlib:
    """zlib, counting the bytes that its objects copy because they leave them."""

    error = zlib.error

    def __init__(self) -> None:
        self.copied = 0

    def decompressobj(self, window: int) -> "CountedMember":
        return CountedMember(self, zlib.decompressobj(window))


class CountedMember:
    def __init__(self, owner: CopyingZlib, member: "zlib._Decompress") -> None:
        self.owner = owner
        self.member = member

    def __getattr__(self, name: str) -> object:
        return getattr(self.member, name)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        output = self.member.decompress(data, max_length)
        self.owner.copied += len(self.member.unused_data) + len(self.member.unconsumed_tail)
        return output


def copied_for(members: int) -> int:
    decompressor = GzipDecompressor()
    counting = decompressor._zlib = CopyingZlib()
    data = gzip.compress(b"") * members
    while data:
        assert decompressor.decompress(data, 65536) == b""
        data = decompressor.unconsumed_tail
    decompressor.flush()
    return counting.copied


def test_DB1_the_work_for_a_body_of_empty_members_grows_with_their_number_and_not_with_its_square() -> None:
    assert copied_for(40_000) < 3 * copied_for(20_000)


def test_what_came_before_bytes_that_are_no_member_comes_out() -> None:
    decompressor = GzipDecompressor()
    assert decompressor.decompress(HELLO + WORLD + b"xx", 1000) == b"hello world"
    with pytest.raises(zlib.error, match="expected a gzip member"):
        decompressor.decompress(decompressor.unconsumed_tail, 1000)
