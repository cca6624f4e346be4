import pytest

from waterspout.ws import Opcode, frame
from waterspout.ws._frames import BINARY_HEADS, TEXT_HEADS, head, masked_frame
from waterspout.ws._masking import apply_mask


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_length_takes_the_shortest_form(size: int, expected: bytes) -> None:
    assert head(0x82, size, 0) == expected
    assert head(0x82, size, 0x80)[:2] == bytes((0x82, expected[1] | 0x80))
    assert frame(Opcode.BINARY, b"x" * size) == expected + b"x" * size


def test_prepared_heads_are_those_that_would_be_made() -> None:
    for size in range(126):
        assert TEXT_HEADS[size] == head(0x81, size, 0)
        assert BINARY_HEADS[size] == head(0x82, size, 0)


def test_WS21_each_masked_frame_has_a_key_of_its_own() -> None:
    frames = [masked_frame(0x81, b"hello") for _ in range(100)]
    assert len({data[2:6] for data in frames}) == 100
    for data in frames:
        assert data[:2] == b"\x81\x85"
        assert apply_mask(data[6:], data[2:6]) == b"hello"
