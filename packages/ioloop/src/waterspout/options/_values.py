"""Values of options from text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from waterspout.options._errors import BadValueError
from waterspout.util import is_tornado_compat

_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
# All that Tornado takes for false; anything else is true there.
_FALSE_IN_TORNADO = frozenset({"false", "f", "0"})

_DATETIME_FORMATS = (
    "%a %b %d %H:%M:%S %Y",  # as C's ctime writes it
    "%Y%m%d %H:%M:%S",
    "%Y%m%d %H:%M",
    "%H:%M:%S",
    "%H:%M",
)

_UNITS = {
    **dict.fromkeys(("w", "week", "weeks"), "weeks"),
    **dict.fromkeys(("d", "day", "days"), "days"),
    **dict.fromkeys(("h", "hour", "hours"), "hours"),
    **dict.fromkeys(("m", "min", "minute", "minutes"), "minutes"),
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), "seconds"),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), "milliseconds"),
    **dict.fromkeys(("us", "microsecond", "microseconds"), "microseconds"),
}
_AMOUNT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parser_for(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """The function that makes a value of the type `kind` of text, raising ValueError if it cannot."""
    special: dict[Any, Callable[[str], Any]] = {
        bool: parse_bool,
        datetime.datetime: parse_datetime,
        datetime.timedelta: parse_timedelta,
    }
    return special.get(kind, kind)


def parse_bool(text: str) -> bool:
    """true, t, yes, y, on, 1, or their opposites; in Tornado's way all but false, f and 0 is true."""
    word = text.strip().lower()
    if is_tornado_compat():
        return word not in _FALSE_IN_TORNADO
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadValueError(f"{text!r} is neither true nor false")


def parse_datetime(text: str) -> datetime.datetime:
    """ISO 8601, ``20111012 15:00[:01]``, ``15:00[:01]`` (on the first of January 1900), or ctime's format."""
    for form in _DATETIME_FORMATS:
        try:
            return datetime.datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise BadValueError(f"Unrecognized date/time format: {text!r}") from None


def parse_timedelta(text: str) -> datetime.timedelta:
    """Numbers with units, as in ``1h30m`` or ``5 seconds``; a number without one is seconds."""
    total = datetime.timedelta()
    position = 0
    while position < len(text):
        amount = _AMOUNT.match(text, position)
        unit = _UNITS.get(amount[2].lower()) if amount else None
        if amount is None or unit is None:
            raise BadValueError(f"Unrecognized duration: {text!r} (write 90s, 1h30m, 2 days, 250ms)")
        total += datetime.timedelta(**{unit: float(amount[1])})
        position = amount.end()
    return total
