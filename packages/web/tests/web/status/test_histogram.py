"""Percentiles from a fixed number of counters, against the sorted times themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from waterspout.web.status._histogram import SIZE, Histogram, Recent

seconds = st.floats(min_value=2**-17, max_value=120.0, allow_nan=False)


@given(st.lists(seconds, min_size=1, max_size=300), st.sampled_from([1, 50, 90, 95, 99, 100]))
def test_percentile_is_within_a_counter_of_the_true_one(times: list[float], percent: int) -> None:
    histogram = Histogram()
    for each in times:
        histogram.observe(each)
    rank = max(1, -(-len(times) * percent // 100))
    true = sorted(times)[rank - 1]
    # A counter is a quarter of an octave: a fifth at most.
    assert true * 0.79 <= histogram.percentile(percent) <= true * 1.26
    assert histogram.count == len(times) and histogram.longest == max(times)


@given(st.lists(seconds, max_size=200))
def test_octaves_count_what_was_no_longer(times: list[float]) -> None:
    histogram = Histogram()
    for each in times:
        histogram.observe(each)
    for end, number in histogram.octaves():
        assert number == sum(each < end for each in times)


def test_nothing_counted_is_zero() -> None:
    assert Histogram().percentile(99) == 0.0 and Histogram().octaves()[-1][1] == 0


def test_too_short_and_too_long_are_counted_at_the_ends() -> None:
    histogram = Histogram()
    for each in (0.0, -1e-9, 1e-12, 1e6):
        histogram.observe(each)
    assert histogram.count == 4 and len(histogram.counters) == SIZE
    assert histogram.counters[0] == 3 and histogram.counters[-1] == 1
    assert histogram.percentile(100) <= 1e6


@given(st.lists(seconds, max_size=100), st.lists(seconds, max_size=100))
def test_sum_of_two_is_one_that_counted_both(first: list[float], second: list[float]) -> None:
    one, two, both = Histogram(), Histogram(), Histogram()
    for histogram, times in ((one, first), (two, second), (both, first + second)):
        for each in times:
            histogram.observe(each)
    merged = Histogram().add((one, two))
    assert merged.counters == both.counters and merged.count == both.count and merged.longest == both.longest


def test_recent_forgets_after_one_to_two_periods() -> None:
    recent = Recent(60.0)
    recent.observe(0.5, 1000.0)
    assert recent.at(1059.0).count == 1
    recent.observe(0.1, 1061.0)
    assert recent.at(1119.0).count == 2
    assert recent.at(1122.0).count == 1  # the first one's period is over
    assert recent.at(1500.0).count == 0
