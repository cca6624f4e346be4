"""Dates in words: which message says a date best, and what goes into it.

The messages are those that translators of Tornado applications have translated; they are keys of their files.
"""

import datetime
from collections.abc import Callable

Translate = Callable[..., str]

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_TWELVE_HOURS = ("en", "en_US")
_ALMOST = 50  # from 50 seconds or minutes on, the next larger unit says it better
_SOON = 60  # seconds that the clock of another machine may be ahead of ours
_DAYS_BY_NAME = 5
_DAYS_WITHOUT_YEAR = 334  # 11 months: after that the month alone could be taken for the coming one


class DateWriter:
    """Writes dates for one locale. ``months`` and ``weekdays`` are translated already."""

    __slots__ = ("_code", "_months", "_translate", "_weekdays")

    def __init__(self, code: str, translate: Translate, months: list[str], weekdays: list[str]) -> None:
        self._code = code
        self._translate = translate
        self._months = months
        self._weekdays = weekdays

    def date(
        self,
        date: datetime.datetime,
        now: datetime.datetime,
        offset: datetime.timedelta,
        *,
        relative: bool,
        shorter: bool,
        full_format: bool,
    ) -> str:
        """``date`` as seen from ``now`` (both aware), in its own time zone less ``offset``."""
        now = now.astimezone(date.tzinfo)
        if date > now:
            if (date - now).total_seconds() < _SOON:
                date = now
            else:
                full_format = True
        age = now - date
        local, yesterday = date - offset, now - offset - datetime.timedelta(days=1)
        if full_format:
            return self._with_time("%(month_name)s %(day)s, %(year)s", local, shorter)
        if age.days == 0:
            return self._ago(age.seconds) if relative else self._time(local)
        if age.days == 1 and relative and local.day == yesterday.day:
            return self._with_time("yesterday", local, shorter)
        if age.days < _DAYS_BY_NAME:
            return self._with_time("%(weekday)s", local, shorter)
        if age.days < _DAYS_WITHOUT_YEAR:
            return self._with_time("%(month_name)s %(day)s", local, shorter)
        return self._with_time("%(month_name)s %(day)s, %(year)s", local, shorter)

    def day(self, local: datetime.datetime, *, weekday: bool) -> str:
        """Month and day, after the day of the week if that is wanted."""
        message = "%(weekday)s, %(month_name)s %(day)s" if weekday else "%(month_name)s %(day)s"
        return self._translate(message) % self._fields(local)

    def _ago(self, seconds: int) -> str:
        if seconds < _ALMOST:
            return self._counted("1 second ago", "%(seconds)d seconds ago", seconds=seconds)
        if seconds < _ALMOST * 60:
            return self._counted("1 minute ago", "%(minutes)d minutes ago", minutes=round(seconds / 60))
        return self._counted("1 hour ago", "%(hours)d hours ago", hours=round(seconds / 3600))

    def _counted(self, singular: str, plural: str, **number: int) -> str:
        (count,) = number.values()
        return self._translate(singular, plural, count) % number

    def _with_time(self, message: str, local: datetime.datetime, shorter: bool) -> str:
        return self._translate(message if shorter else f"{message} at %(time)s") % self._fields(local)

    def _fields(self, local: datetime.datetime) -> dict[str, str]:
        return {
            "month_name": self._months[local.month - 1],
            "weekday": self._weekdays[local.weekday()],
            "day": str(local.day),
            "year": str(local.year),
            "time": self._time(local),
        }

    def _time(self, local: datetime.datetime) -> str:
        if self._code in _TWELVE_HOURS:
            return f"{local.hour % 12 or 12}:{local.minute:02} {'am' if local.hour < 12 else 'pm'}"
        if self._code == "zh_CN":
            return f"{'上午' if local.hour < 12 else '下午'}{local.hour % 12 or 12}:{local.minute:02}"
        return f"{local.hour}:{local.minute:02}"
