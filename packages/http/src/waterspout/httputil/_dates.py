"""HTTP dates (RFC 9110, 5.6.7): written in one form, read in three."""

from __future__ import annotations

import datetime
import re
import time
from calendar import timegm
from typing import Final

__all__ = ["format_timestamp", "parse_date"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = "(?:" + "|".join(_DAYS) + ")"
_MONTH: Final = "(?P<month>" + "|".join(_MONTHS) + ")"
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_IMF_FIXDATE: Final = re.compile(f"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT")
_RFC850: Final = re.compile(
    f"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"
)
_ASCTIME: Final = re.compile(f"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})")


def format_timestamp(ts: float | tuple[int, ...] | time.struct_time | datetime.datetime) -> str:
    """*ts* as an HTTP date: ``Sun, 27 Jan 2013 18:43:20 GMT``.

    *ts* is seconds since the epoch (fractions are dropped), a time tuple in UTC, or a datetime (naive means UTC).
    Raises TypeError for anything else, ValueError for a year outside 1-9999.
    """
    if isinstance(ts, int | float):
        seconds: float = ts
    elif isinstance(ts, tuple):
        seconds = timegm(ts)
    elif isinstance(ts, datetime.datetime):
        seconds = timegm(ts.utctimetuple())
    else:
        raise TypeError(f"unknown timestamp type: {ts!r}")
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(seconds)
    if not 0 < year < 10000:
        raise ValueError(f"year {year} is out of range for an HTTP date")
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_date(value: str, *, now: float | None = None) -> datetime.datetime | None:
    """The instant that an HTTP date names, in UTC; None if *value* is none, which a recipient has to ignore.

    Reads IMF-fixdate and the two obsolete forms (RFC 850, asctime), case-sensitive as the grammar is. Two-digit
    years that would be more than 50 years after *now* (seconds, default the clock) are of the past century.
    The day name is not compared with the date. A leap second counts as the second before it.
    """
    match = _IMF_FIXDATE.fullmatch(value) or _RFC850.fullmatch(value) or _ASCTIME.fullmatch(value)
    if match is None:
        return None
    month = _MONTHS.index(match["month"]) + 1
    year, day, hour, minute, second = (int(match[name]) for name in ("year", "day", "hour", "minute", "second"))
    if len(match["year"]) == 2:
        this_year = time.gmtime(now).tm_year
        year += this_year - this_year % 100
        if year > this_year + 50:
            year -= 100
    try:
        return datetime.datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=datetime.UTC)
    except ValueError:  # the 99th of a month, an hour of 25
        return None
