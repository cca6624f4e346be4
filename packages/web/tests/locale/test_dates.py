"""Dates in words."""

import datetime
from typing import Any

import pytest

from waterspout import locale
from waterspout.locale._dates import MONTHS, WEEKDAYS, DateWriter

NOW = datetime.datetime(2026, 11, 24, 15, 30, tzinfo=datetime.UTC)  # a Tuesday


def identity(message: str, plural: str | None = None, count: int | None = None) -> str:
    return message if plural is None or count == 1 else plural


def written(
    code: str = "en_US", *, offset: int = 0, now: datetime.datetime = NOW, age: float = 0, **options: bool
) -> str:
    writer = DateWriter(code, identity, list(MONTHS), list(WEEKDAYS))
    chosen = {"relative": True, "shorter": False, "full_format": False, **options}
    return writer.date(now - datetime.timedelta(seconds=age), now, datetime.timedelta(minutes=offset), **chosen)


DAY = 86400


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, "0 seconds ago"),
        (1, "1 second ago"),
        (49, "49 seconds ago"),
        (50, "1 minute ago"),
        (89, "1 minute ago"),
        (90, "2 minutes ago"),
        (50 * 60 - 1, "50 minutes ago"),
        (50 * 60, "1 hour ago"),
        (5400, "2 hours ago"),
        (DAY - 1, "24 hours ago"),
        (DAY, "yesterday at 3:30 pm"),
        (DAY + 15 * 3600 + 1800, "yesterday at 12:00 am"),
        (DAY + 15 * 3600 + 1801, "Sunday at 11:59 pm"),
        (4 * DAY, "Friday at 3:30 pm"),
        (5 * DAY, "November 19 at 3:30 pm"),
        (333 * DAY, "December 26 at 3:30 pm"),
        (334 * DAY, "December 25, 2025 at 3:30 pm"),
    ],
)
def test_the_age_decides_how_a_date_is_written(age: float, expected: str) -> None:
    assert written(age=age) == expected


@pytest.mark.parametrize(
    ("age", "options", "expected"),
    [
        (10, {"relative": False}, "3:29 pm"),
        (DAY, {"relative": False}, "Monday at 3:30 pm"),
        (DAY, {"shorter": True}, "yesterday"),
        (2 * DAY, {"shorter": True}, "Sunday"),
        (9 * DAY, {"shorter": True}, "November 15"),
        (400 * DAY, {"shorter": True}, "October 20, 2025"),
        (10, {"full_format": True}, "November 24, 2026 at 3:29 pm"),
        (10, {"full_format": True, "shorter": True}, "November 24, 2026"),
    ],
)
def test_the_options(age: float, options: dict[str, Any], expected: str) -> None:
    assert written(age=age, **options) == expected


def test_a_clock_that_is_a_little_ahead_means_now_and_more_means_a_full_date() -> None:
    assert written(age=-59) == "0 seconds ago"
    assert written(age=-60) == "November 24, 2026 at 3:31 pm"


def test_the_offset_moves_the_local_day() -> None:
    assert written(age=4 * DAY, offset=16 * 60) == "Thursday at 11:30 pm"
    assert written(age=4 * DAY, offset=-9 * 60) == "Saturday at 12:30 am"


@pytest.mark.parametrize(("code", "expected"), [("en", "3:30 pm"), ("fr_FR", "15:30"), ("zh_CN", "下午3:30")])
def test_the_time_of_day_is_written_as_the_country_does(code: str, expected: str) -> None:
    assert written(code, relative=False) == expected


@pytest.mark.parametrize(("hour", "expected"), [(0, "12:05 am"), (11, "11:05 am"), (12, "12:05 pm"), (13, "1:05 pm")])
def test_noon_and_midnight_are_twelve(hour: int, expected: str) -> None:
    assert written(now=NOW.replace(hour=hour, minute=5), relative=False) == expected


def test_a_locale_takes_seconds_and_naive_dates_in_utc() -> None:
    english = locale.get("en_US")
    for date in (0, datetime.datetime(1970, 1, 1)):
        assert english.format_date(date, full_format=True) == "January 1, 1970 at 12:00 am"
    assert english.format_date(datetime.datetime.now(datetime.UTC)) in ("0 seconds ago", "1 second ago")


def test_an_aware_date_is_shown_in_its_own_time_zone() -> None:
    kolkata = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    assert locale.get("en_US").format_date(datetime.datetime(1970, 1, 1, 2, tzinfo=kolkata), full_format=True) == (
        "January 1, 1970 at 2:00 am"
    )
    writer = DateWriter("en", identity, list(MONTHS), list(WEEKDAYS))
    date = datetime.datetime(2026, 11, 23, 20, tzinfo=kolkata)  # a Monday, 25 hours before NOW
    written_date = writer.date(date, NOW, datetime.timedelta(), relative=True, shorter=True, full_format=False)
    assert written_date == "yesterday"


def test_a_day_in_words() -> None:
    english = locale.get("en_US")
    assert english.format_day(datetime.datetime(2013, 4, 28, 18, 35)) == "Sunday, April 28"
    assert english.format_day(datetime.datetime(2013, 4, 28, 18, 35), dow=False) == "April 28"
    assert english.format_day(datetime.datetime(2013, 4, 28, 0, 35), gmt_offset=300) == "Saturday, April 27"


def test_dates_are_translated_with_their_own_messages() -> None:
    french = locale.CSVLocale(
        "fr",
        {
            "unknown": {"%(month_name)s %(day)s, %(year)s": "%(day)s %(month_name)s %(year)s", "January": "janvier"},
            "plural": {"%(minutes)d minutes ago": "il y a %(minutes)d minutes"},
        },
    )
    assert french.format_date(0, full_format=True, shorter=True) == "1 janvier 1970"
    earlier = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    assert french.format_date(earlier) == "il y a 5 minutes"
