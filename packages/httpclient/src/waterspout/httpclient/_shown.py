"""URLs as they may be shown: in errors, logs and reprs, where no password belongs."""

from __future__ import annotations

import re
from typing import Any

#: User information, and what stands in its place by mistake: a password with a slash, question or number sign of its
#: own is no user information for those who parse URLs, and still a password.
_userinfo = re.compile(
    r"((?:[a-z][a-z0-9+.\-]*:)?[/\\]{2}|\A(?:https?:)?)"
    r"(?:[^/?#\\]*|[^/?#\\@]*:[0-9]*[^0-9/?#\\@].*)@",
    re.IGNORECASE | re.DOTALL,
)


def without_userinfo(url: Any) -> Any:
    """*url* without user name and password; what is no text is left to whoever refuses it."""
    return _userinfo.sub(r"\1", url, count=1) if isinstance(url, str) and "@" in url else url


def shown(url: str) -> str:
    """*url*, perhaps malformed, for a message: user information left out, long ones cut."""
    url = _userinfo.sub(r"\1...@", url, count=1)
    return url if len(url) <= 200 else url[:200] + "..."
