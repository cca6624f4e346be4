import random
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waterspout.ws import DeflateOptions, PerMessageDeflate
from waterspout.ws._errors import ProtocolViolation

LIMIT = 1 << 20


def deflated(message: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(message) + compressor.flush(flush)


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_messages_come_back_whole_and_in_pieces(bits: int, takeover: bool) -> None:
    rng = random.Random(bits)
    sender = PerMessageDeflate(deflate_bits=bits, deflate_takeover=takeover)
    receiver = PerMessageDeflate(inflate_bits=bits, inflate_takeover=takeover)
    for size in (1, 5, 100, 70_000):
        message = bytes(rng.randrange(16) for _ in range(size))
        for _ in range(2):
            data = sender.compress(message)
            assert not data.endswith(b"\x00\x00\xff\xff")
            pieces = [receiver.decompress(data[i : i + 1], False, LIMIT) for i in range(len(data))]
            assert b"".join(pieces) + receiver.decompress(b"", True, LIMIT) == message


def test_context_takeover_makes_repetitions_shorter_and_none_does_not() -> None:
    message = random.Random(1).randbytes(300)
    keeping, forgetting = PerMessageDeflate(), PerMessageDeflate(deflate_takeover=False)
    assert len(keeping.compress(message)) > 10 * len(keeping.compress(message))
    assert forgetting.compress(message) == forgetting.compress(message)


def test_examples_of_the_rfc() -> None:
    # RFC 7692, 7.2.3: one block, sharing the window, no compression, final block, two blocks.
    examples = (
        "f248cdc9c90700",
        "f200110000",
        "000500faff48656c6c6f00",
        "f348cdc9c90700",
        "f2480500 0000ffff cac9c90700",
    )
    receiver = PerMessageDeflate()
    for data in examples:
        assert receiver.decompress(bytes.fromhex(data), True, 5) == b"Hello"


def test_a_new_context_begins_after_a_final_block() -> None:
    receiver = PerMessageDeflate()
    assert receiver.decompress(deflated(b"Hello", zlib.Z_FINISH), True, 5) == b"Hello"
    assert receiver.decompress(deflated(b"Hello", zlib.Z_FINISH) + b"\0", True, 5) == b"Hello"
    assert receiver.decompress(deflated(b"Hello")[:-4], True, 5) == b"Hello"


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x07",
        deflated(b"Hello" * 50)[:-9],
        deflated(bytes(range(256)) * 4)[:100],
        b"\x00\x05\x00\xfa\xffHe",
        deflated(b"Hello", zlib.Z_FINISH) + b"\x01",
        deflated(b"Hello", zlib.Z_FINISH) + deflated(b"Hello")[:-4],
        deflated(b"Hello", zlib.Z_FINISH) * 2,
        b"",
    ],
)
def test_WS11_garbage_missing_tail_and_trailing_block_are_refused(data: bytes, takeover: bool) -> None:
    receiver = PerMessageDeflate(inflate_takeover=takeover)
    with pytest.raises(ProtocolViolation) as caught:
        receiver.decompress(data, True, LIMIT)
    assert caught.value.code == 1007


def test_WS11_data_after_a_final_block_is_not_collected() -> None:
    receiver = PerMessageDeflate()
    assert receiver.decompress(deflated(b"Hello", zlib.Z_FINISH), False, LIMIT) == b"Hello"
    with pytest.raises(ProtocolViolation) as caught:
        receiver.decompress(b"x" * 1000, False, LIMIT)
    assert caught.value.code == 1007


def test_WS10_decompression_stops_at_the_limit() -> None:
    data = PerMessageDeflate().compress(bytes(20_000_000))
    receiver = PerMessageDeflate()
    tracemalloc.start()
    with pytest.raises(ProtocolViolation) as caught:
        receiver.decompress(data, True, LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == 1009
    assert peak < 2 * LIMIT + 65536  # zlib's result is cut to size once


def test_the_limit_itself_is_allowed() -> None:
    data = PerMessageDeflate().compress(b"x" * 1000)
    assert len(PerMessageDeflate().decompress(data, True, 1000)) == 1000
    with pytest.raises(ProtocolViolation) as caught:
        PerMessageDeflate().decompress(data, True, 999)
    assert caught.value.code == 1009
    with pytest.raises(ProtocolViolation):
        PerMessageDeflate().decompress(data, True, 0)


def test_WS25_nothing_is_kept_between_messages_without_context_takeover() -> None:
    extension = PerMessageDeflate(deflate_takeover=False, inflate_takeover=False)
    other = PerMessageDeflate(deflate_takeover=False, inflate_takeover=False)
    message = b"hello" * 1000
    assert extension.decompress(other.compress(message), True, LIMIT) == message
    extension.compress(message)
    assert extension._compressor is extension._inflater is None


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_data_is_inflated_or_refused(data: bytes) -> None:
    try:
        PerMessageDeflate().decompress(data, True, LIMIT)
    except ProtocolViolation as violation:
        assert violation.code in (1007, 1009)


def test_options_reach_the_compressor() -> None:
    message = b"".join(b"%d," % i for i in range(2000))
    stored = PerMessageDeflate(options=DeflateOptions(level=0, mem_level=1))
    small = PerMessageDeflate(options=DeflateOptions(level=9, mem_level=9))
    assert len(small.compress(message)) < len(message) < len(stored.compress(message))
    assert PerMessageDeflate(options=DeflateOptions(threshold=0)).threshold == 1
