import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import content_range, parse_range


@pytest.mark.parametrize(
    ("value", "ranges"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-", [(0, 100)]),
        ("BYTES=10-19", [(10, 20)]),
        ("bytes=90-1000", [(90, 100)]),
        ("bytes=-5", [(95, 100)]),
        ("bytes=-500", [(0, 100)]),
        ("bytes= 1-2 , 4-5,", [(1, 3), (4, 6)]),
        ("bytes=50-59,0-9", [(50, 60), (0, 10)]),
        ("bytes=100-", []),
        ("bytes=-0", []),
        ("bytes=100-200,5-6", [(5, 7)]),
    ],
)
def test_ranges_are_half_open_and_in_the_order_asked_for(value: str, ranges: list[tuple[int, int]]) -> None:
    assert parse_range(value, 100) == ranges


def test_empty_file_satisfies_nothing() -> None:
    assert parse_range("bytes=0-0", 0) == parse_range("bytes=-1", 0) == []


def test_SF14_many_ranges_are_ignored_in_linear_time() -> None:
    start = time.process_time()
    assert parse_range("bytes=" + "0-0," * 2000, 100) is None
    assert parse_range("bytes=" + "," * 60_000, 100) is None
    assert parse_range("bytes=" + " " * 60_000 + "x", 100) is None
    assert time.process_time() - start < 0.5
    assert len(parse_range("bytes=" + ",".join(f"{i}-{i}" for i in range(0, 32, 2)), 100) or []) == 16
    assert parse_range("bytes=" + ",".join(f"{i}-{i}" for i in range(0, 34, 2)), 100) is None


def test_SF14_overlapping_and_touching_ranges_are_merged() -> None:
    assert parse_range("bytes=10-20,0-5,15-30,6-9", 100) == [(0, 31)]
    assert parse_range("bytes=50-,-10,0-0", 100) == [(0, 1), (50, 100)]


def test_SF15_two_ranges_are_two() -> None:
    assert parse_range("bytes=0-1,5-6", 100) == [(0, 2), (5, 7)]


@pytest.mark.parametrize(
    "value",
    ["bytes=+0-5", "bytes=0_1-5", "bytes=-", "bytes=5-1", "items=0-1", "bytes=", "bytes", "", "bytes=0-1,x", "bytes=1",
     "bytes=0-1-2", "bytes=\u0661-2", "bytes:0-1", "bytes=0 -1", "bytes=1-2,5-4"],
)  # fmt: skip
def test_SF16_malformed_ranges_are_ignored(value: str) -> None:
    assert parse_range(value, 100) is None


def test_SF18_huge_numbers_are_beyond_the_end() -> None:
    nines = "9" * 5000
    assert parse_range("bytes=99999999999999999999999-", 100) == []
    assert parse_range(f"bytes={nines}-", 100) == parse_range(f"bytes={nines}-{nines}", 100) or []
    assert parse_range(f"bytes={nines}-", 100) == []
    assert parse_range(f"bytes=5-{nines}", 100) == [(5, 100)]
    assert parse_range(f"bytes=-{nines}", 100) == [(0, 100)]
    assert parse_range(f"bytes={'0' * 5000}5-6", 100) == [(5, 7)]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), min_size=1, max_size=16),
    st.integers(0, 30),
)
def test_merged_ranges_cover_exactly_what_was_asked_for(asked: list[list[int]], size: int) -> None:
    ranges = parse_range("bytes=" + ",".join(f"{a}-{b}" for a, b in asked), size)
    assert ranges is not None
    covered = [i for start, stop in ranges for i in range(start, stop)]
    assert len(covered) == len(set(covered))
    assert set(covered) == {i for a, b in asked for i in range(a, b + 1) if i < size}


def test_content_range_names_first_and_last_byte() -> None:
    assert content_range(0, 1, 100) == "bytes 0-0/100"
    assert content_range(None, None, 100) == "bytes */100"
