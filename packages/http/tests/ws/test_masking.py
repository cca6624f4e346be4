import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.ws._masking import apply_mask


def by_definition(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_each_byte_is_xored_with_the_key_byte_at_its_place(payload: bytes, key: bytes) -> None:
    masked = apply_mask(payload, key)
    assert masked == by_definition(payload, key)
    assert apply_mask(masked, key) == payload


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 125, 6143, 6144, 6145, 6146, 6147, 65537, 2**20 + 1])
def test_WS22_every_tail_on_both_sides_of_the_change_of_method(size: int) -> None:
    payload = bytes(range(251)) * (size // 251 + 1)
    for key in (b"\0\0\0\0", b"\xff\x00\x80\x01", b"\1\2\3\4"):
        assert apply_mask(payload[:size], key) == by_definition(payload[:size], key)


def test_masking_is_linear() -> None:
    payload = bytes(16 * 2**20)
    start = time.process_time()
    assert apply_mask(payload, b"abcd")[-4:] == b"abcd"
    assert time.process_time() - start < 1
