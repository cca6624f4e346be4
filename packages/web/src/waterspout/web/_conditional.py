"""Conditional and range requests: which answer a representation gets (RFC 9110, 13.2.2 and 14.2)."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

from waterspout.httputil import parse_date, parse_range
from waterspout.util import is_tornado_compat
from waterspout.web._etag import matches_strongly, matches_weakly

# What `parse_range` refuses and the compat mode reads: "bytes=5", and the backward "bytes=5-1".
_LENIENT_RANGE = re.compile(r"bytes=([0-9]{1,18})(-[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class Answer:
    """``status``: 200, 206, 304, 412 or 416. ``ranges``: the half-open parts to send for 206, else empty."""

    status: int
    ranges: tuple[tuple[int, int], ...] = ()


def evaluate(
    headers: Mapping[str, str],
    *,
    etag: str | None,
    modified: datetime.datetime | None,
    size: int,
    method: str = "GET",
    compat: str | None = None,
    unchanged: bool | None = None,
) -> Answer:
    """Return the answer to a request for a representation that exists.

    ``etag`` has its quotes; ``modified`` is aware or naive in UTC; ``size`` is in bytes. The steps are those of RFC
    9110, 13.2.2: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, then Range, which If-Range may
    void. Dates and ranges that are malformed are ignored. ``unchanged`` is the answer to If-None-Match and
    If-Modified-Since of whoever knows better than `is_unchanged`.

    With ``compat="tornado"`` a HEAD gets the answer that a GET would get for its range (RFC 9110, 14.2: only GET has
    ranges), a single range that ends before it begins is answered with 416 instead of being ignored, and ``bytes=5`` is
    read as ``bytes=5-``.
    """
    if not _preconditions_hold(headers, etag, modified):
        return Answer(412)
    if method in ("GET", "HEAD"):
        if is_unchanged(headers, etag, modified) if unchanged is None else unchanged:
            return Answer(304)
    elif "If-None-Match" in headers and etag is not None and matches_weakly(headers["If-None-Match"], etag):
        return Answer(412)
    value = headers.get("Range")
    lenient = is_tornado_compat(compat)
    ranged = method == "GET" or (lenient and method == "HEAD")
    if value is None or not ranged or not _range_applies(headers.get("If-Range"), etag, modified):
        return Answer(200)
    ranges = parse_range(value, size)
    if ranges is None and lenient and (open_or_backward := _LENIENT_RANGE.fullmatch(value)):
        # Backward: no such part. Without the dash: from there to the end.
        ranges = [] if open_or_backward[2] else parse_range(value + "-", size)
    if ranges is None:
        return Answer(200)
    if not ranges:
        return Answer(416)
    return Answer(206, tuple(ranges))


def is_unchanged(headers: Mapping[str, str], etag: str | None, modified: datetime.datetime | None) -> bool:
    """Whether the client has this version already: by If-None-Match, or where that is absent by If-Modified-Since."""
    tags = headers.get("If-None-Match")
    if tags is not None:
        return etag is not None and matches_weakly(tags, etag)
    since = _date(headers.get("If-Modified-Since"))
    return since is not None and modified is not None and _second(modified) <= since


def _preconditions_hold(headers: Mapping[str, str], etag: str | None, modified: datetime.datetime | None) -> bool:
    tags = headers.get("If-Match")
    if tags is not None:
        return matches_strongly(tags, etag)
    since = _date(headers.get("If-Unmodified-Since"))
    return since is None or modified is None or _second(modified) <= since


def _range_applies(condition: str | None, etag: str | None, modified: datetime.datetime | None) -> bool:
    """If-Range: a strong tag that is ours, or the exact date. A part of another version must never be sent (13.1.5)."""
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return etag is not None and not etag.startswith("W/") and condition == etag
    date = _date(condition)
    return date is not None and modified is not None and _second(modified) == date


def _date(value: str | None) -> datetime.datetime | None:
    return None if value is None else parse_date(value)


def _second(moment: datetime.datetime) -> datetime.datetime:
    """In UTC and whole seconds, as HTTP dates are."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return aware.replace(microsecond=0)
