import datetime
import email.utils
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httputil import format_timestamp, parse_date

INSTANT = datetime.datetime(2013, 1, 27, 18, 43, 20, tzinfo=datetime.UTC)
TEXT = "Sun, 27 Jan 2013 18:43:20 GMT"


@pytest.mark.parametrize(
    "ts",
    [
        1359312200,
        1359312200.503611,
        time.gmtime(1359312200),
        tuple(time.gmtime(1359312200)),
        INSTANT,
        INSTANT.replace(tzinfo=None),
        INSTANT.astimezone(datetime.timezone(datetime.timedelta(hours=-5))),
    ],
)
def test_every_kind_of_timestamp_is_formatted(ts: object) -> None:
    assert format_timestamp(ts) == TEXT  # type: ignore[arg-type]


@pytest.mark.parametrize("ts", ["x", None, datetime.date(2013, 1, 1), [1]])
def test_other_types_are_refused(ts: object) -> None:
    with pytest.raises(TypeError, match="unknown timestamp type"):
        format_timestamp(ts)  # type: ignore[arg-type]


def test_years_that_have_no_four_digits_are_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        format_timestamp(1e12)


@given(st.integers(-10_000_000_000, 200_000_000_000))
def test_dates_are_those_of_the_standard_library_and_read_back(seconds: int) -> None:
    text = format_timestamp(seconds)
    if seconds >= 0:
        assert text == email.utils.formatdate(seconds, usegmt=True)
    parsed = parse_date(text)
    assert parsed is not None
    assert int(parsed.timestamp()) == seconds


def test_three_forms_are_read() -> None:
    assert parse_date(TEXT) == INSTANT
    assert parse_date("Sunday, 27-Jan-13 18:43:20 GMT") == INSTANT
    assert parse_date("Sun Jan 27 18:43:20 2013") == INSTANT
    first = parse_date("Tue Jan  1 00:00:00 2013")
    assert first == datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)


def test_two_digit_years_are_at_most_fifty_years_ahead() -> None:
    now = INSTANT.timestamp()
    years = {yy: parse_date(f"Sunday, 27-Jan-{yy:02} 18:43:20 GMT", now=now) for yy in (0, 13, 63, 64, 99)}
    assert {yy: date and date.year for yy, date in years.items()} == {0: 2000, 13: 2013, 63: 2063, 64: 1964, 99: 1999}


def test_leap_second_is_the_second_before() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime.datetime(
        2016, 12, 31, 23, 59, 59, tzinfo=datetime.UTC
    )


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 99 Foo 2099 00:00:00 GMT",
        "Thu, 99 Jan 2099 00:00:00 GMT",
        "Sun, 27 Jan 2013 25:43:20 GMT",
        "Sun, 27 Jan 2013 18:43:61 GMT",
        "Sun, 27 Jan 0000 18:43:20 GMT",
        "sun, 27 jan 2013 18:43:20 gmt",
        "Sun, 27 Jan 2013 18:43:20",
        "Sun, 27 Jan 2013 18:43:20 +0000",
        "Sun, 27 Jan 2013 18:43:20 GMT ",
        "Sun, 7 Jan 2013 18:43:20 GMT",
        "Sun, \u0662\u0667 Jan 2013 18:43:20 GMT",
        "1359312200",
        "",
    ],
)
def test_SF20_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None
