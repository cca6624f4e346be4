"""Values of options from text."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.options._values import parse_bool, parse_datetime, parse_timedelta
from waterspout.util import is_tornado_compat, set_compat_default

D = datetime.datetime
T = datetime.timedelta


@pytest.fixture
def compat() -> Iterator[Any]:
    before = is_tornado_compat()
    yield set_compat_default
    set_compat_default("tornado" if before else "waterspout")


@pytest.mark.parametrize("word", ["true", "T", "yes", "y", "on", "1", " True "])
def test_words_for_true(word: str) -> None:
    assert parse_bool(word) is True


def test_words_for_false(compat: Any) -> None:
    compat("waterspout")
    assert [parse_bool(word) for word in ("false", "F", "no", "n", "off", "0")] == [False] * 6


def test_other_words_are_refused(compat: Any) -> None:
    compat("waterspout")
    with pytest.raises(ValueError, match="'ture' is neither true nor false"):
        parse_bool("ture")


def test_in_tornados_way_all_but_false_f_and_0_is_true(compat: Any) -> None:
    compat("tornado")
    assert [parse_bool(word) for word in ("false", "F", "0", "no", "ture")] == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Wed Oct 12 15:00:00 2011", D(2011, 10, 12, 15)),
        ("2011-10-12 15:00:01", D(2011, 10, 12, 15, 0, 1)),
        ("2011-10-12 15:00", D(2011, 10, 12, 15)),
        ("2011-10-12T15:00", D(2011, 10, 12, 15)),
        ("20111012 15:00:01", D(2011, 10, 12, 15, 0, 1)),
        ("20111012 15:00", D(2011, 10, 12, 15)),
        ("2011-10-12", D(2011, 10, 12)),
        ("20111012", D(2011, 10, 12)),
        ("15:02:03", D(1900, 1, 1, 15, 2, 3)),
        ("15:02", D(1900, 1, 1, 15, 2)),
        ("2011-10-12T15:00:01Z", D(2011, 10, 12, 15, 0, 1, tzinfo=datetime.UTC)),
    ],
)
def test_dates_are_read_in_many_forms(text: str, value: D) -> None:
    assert parse_datetime(text) == value


def test_other_dates_are_refused() -> None:
    with pytest.raises(ValueError, match="Unrecognized date/time format: '12/10/11'"):
        parse_datetime("12/10/11")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", T(seconds=5)),
        ("5s", T(seconds=5)),
        ("5 seconds", T(seconds=5)),
        ("1.5hours", T(minutes=90)),
        ("1h30m", T(minutes=90)),
        ("1 minute 2 sec", T(seconds=62)),
        ("2d", T(days=2)),
        ("1W", T(weeks=1)),
        ("3ms", T(milliseconds=3)),
        ("3us", T(microseconds=3)),
        ("-5s", T(seconds=-5)),
        (".5m", T(seconds=30)),
        ("1e3s", T(seconds=1000)),
        ("", T()),
    ],
)
def test_durations_are_numbers_with_units(text: str, value: T) -> None:
    assert parse_timedelta(text) == value


@pytest.mark.parametrize("text", ["x", "5x", "min", "1hr", "5s,", "--5"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Unrecognized duration"):
        parse_timedelta(text)


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        parse_timedelta(text)
    except (ValueError, OverflowError):
        return
