"""Control characters, which no header field may hold (RFC 9110, 5.5): what has them is not sent, kept or believed."""

from __future__ import annotations

import re

__all__ = ["has_controls"]

_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def has_controls(text: str) -> bool:
    """Whether *text* holds a control character other than a tab."""
    return _control.search(text) is not None
