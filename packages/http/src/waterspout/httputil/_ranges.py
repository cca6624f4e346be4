"""Byte ranges (RFC 9110, 14)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["content_range", "parse_range"]

#: Ranges of one request that are honoured; a request for more is answered with the whole (14.2 allows it).
MAX_RANGES: Final = 16

_RANGE_SET: Final = re.compile(r"(?i:bytes)=([0-9,\- \t]++)")
_RANGE: Final = re.compile(r"([0-9]*+)-([0-9]*+)")
#: Longer numbers are beyond any file, and int() refuses very long ones.
_MAX_DIGITS: Final = 18
_BEYOND: Final = 10**_MAX_DIGITS


def parse_range(value: str, size: int, *, max_ranges: int = MAX_RANGES) -> list[tuple[int, int]] | None:
    """Which parts of *size* bytes the ``Range`` header *value* asks for, as half-open ``(start, stop)``.

    None: the header has to be ignored and the whole sent (another unit, malformed, more than *max_ranges*).
    An empty list: none of the ranges lies within (answer 416). Ranges are in the order asked for, unless some
    overlap or touch: then all are merged, in ascending order.
    """
    match = _RANGE_SET.fullmatch(value.strip(" \t"))
    if match is None:
        return None
    asked = 0
    ranges: list[tuple[int, int]] = []
    for item in match[1].split(",", 4 * max_ranges):
        item = item.strip(" \t")
        if not item:  # empty list elements are to be skipped (5.6.1)
            continue
        asked += 1
        bounds = _RANGE.fullmatch(item)
        if bounds is None or asked > max_ranges:
            return None
        first, last = bounds.groups()
        if first:
            start, stop = _number(first), _number(last) + 1 if last else size
            if start >= stop and last:
                return None
        elif last:
            start, stop = max(0, size - _number(last)), size
        else:
            return None
        if start < size and start < stop:
            ranges.append((start, min(stop, size)))
    return None if asked == 0 else _merged(ranges)


def content_range(start: int | None, stop: int | None, size: int) -> str:
    """The ``Content-Range`` of ``(start, stop)`` out of *size* bytes; of a 416 answer where *start* is None."""
    if start is None or stop is None:
        return f"bytes */{size}"
    return f"bytes {start}-{stop - 1}/{size}"


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else _BEYOND


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    ascending = sorted(ranges)
    merged: list[tuple[int, int]] = []
    for start, stop in ascending:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return ranges if len(merged) == len(ranges) else merged
