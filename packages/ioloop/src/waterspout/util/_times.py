"""Durations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime


def timedelta_to_seconds(td: datetime.timedelta) -> float:
    """The length of `td` in seconds; the same as ``td.total_seconds()``."""
    return td.total_seconds()
