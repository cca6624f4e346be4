"""Requests in the log: one record each, whatever was sent.

Paths come from strangers. In a log they must not begin a new line, not colour a terminal, not flood the disk, and
not keep the passwords that somebody put into a query.
"""

import re

MAX_LENGTH = 2048

# Query parameters whose values are secrets, by what their name contains.
_SECRET_NAME = re.compile(
    r"token|passw|passphrase|_pwd\b|secret|(?:api|private|access|signing|encryption|master)[_-]?key|\bkey\b|auth(?!ors?(?![a-z]))|session|\bsid\b|signature|\bsig\b|\bcode\b|credential|verifier|assertion|_xsrf|csrf|\bpin\b|otp",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"([?&;])([^=&;#]{1,200})=([^&;#]*)")
# Control characters of C0 and C1, line separators, and what turns the direction of text.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

MASK = "***"


def is_secret_name(name: str) -> bool:
    """Whether a parameter, header, cookie or variable of this name is likely to hold a secret."""
    return _SECRET_NAME.search(name.replace("%5f", "_").replace("%5F", "_")) is not None


def mask_query(uri: str) -> str:
    """``uri`` with ``***`` for the values of query parameters whose names look like secrets."""
    if "=" not in uri:
        return uri
    return _PARAMETER.sub(lambda found: f"{found[1]}{found[2]}={MASK}" if is_secret_name(found[2]) else found[0], uri)


def loggable(text: str, limit: int = MAX_LENGTH) -> str:
    """``text`` on one line: control characters as ``\\xNN`` or ``\\uNNNN``, at most ``limit`` characters and
    ``...``.
    """
    cut = text[:limit]
    if not cut.isprintable() or not cut.isascii():
        cut = _UNSAFE.sub(_escape, cut)
    return cut if len(cut) <= limit and len(text) <= limit else cut[:limit] + "..."


def request_summary(method: str | None, uri: str | None, remote_ip: str | None) -> str:
    """``GET /path?query (127.0.0.1)``, safe to be logged; at most 2 KB of each part."""
    # Cut before the search for secrets, too: a target may have any length.
    target = mask_query((uri or "")[: 2 * MAX_LENGTH])
    return f"{loggable(method or '', 32)} {loggable(target)} ({loggable(str(remote_ip), 64)})"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
