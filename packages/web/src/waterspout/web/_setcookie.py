"""The Set-Cookie header (RFC 6265bis, 4.1), and the reasons to refuse one."""

import datetime
import re
import time
from http.cookies import CookieError
from typing import Any

from waterspout.escape import to_unicode
from waterspout.httputil import format_timestamp
from waterspout.util import is_tornado_compat

Expires = float | tuple[int, ...] | time.struct_time | datetime.datetime
"""Seconds since the epoch, a time tuple in UTC, or a datetime (naive means UTC)."""

# Browsers drop cookies whose name and value are longer together (RFC 6265bis, 5.6).
MAX_NAME_AND_VALUE = 4096

_DAY = 86400
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token (RFC 9110, 5.6.2)
_PLAIN_VALUE = re.compile(r"[!#$%&'*+\-.^_`|~:0-9A-Za-z]+")
_FORBIDDEN_IN_VALUE = re.compile(r"[^!-\xff]")
_FORBIDDEN_IN_ATTRIBUTE = re.compile(r"[^ -:<-~\x80-\xff]")
_TO_ESCAPE = re.compile(r'["\\,;\x7f-\xff]')
_SAMESITE = ("strict", "lax", "none")


class CookieSyntaxError(CookieError, ValueError):
    """Name or attribute of a cookie are malformed. Both what the standard library raises for it, and a ValueError."""


def set_cookie_header(
    name: str | bytes,
    value: str | bytes,
    domain: str | None = None,
    expires: Expires | None = None,
    path: str | None = "/",
    expires_days: float | None = None,
    *,
    max_age: int | None = None,
    httponly: bool = False,
    secure: bool = False,
    samesite: str | None = None,
    partitioned: bool = False,
    compat: str | None = None,
    **others: Any,
) -> str:
    """Return the value of a ``Set-Cookie`` header field.

    ``expires`` goes before ``expires_days`` (days from now). A value with characters that a cookie cannot hold
    plainly is put in double quotes, ``;`` and ``,`` in it as octal escapes, which `parse_cookie` reads back. The
    arguments are taken in any case (``Path=``), and ``comment`` and ``version`` as well.

    Raises ValueError, and then nothing may be sent, for: a name that is no token; white space or control characters
    in the value; control characters or ``;`` in any attribute; what is not Latin-1, in either; and unless
    ``compat="tornado"``: prefixes ``__Host-`` and ``__Secure-`` without what they promise, ``samesite="none"`` or
    ``partitioned`` without ``secure``, another ``samesite`` than strict, lax and none, name and value beyond 4,096
    bytes. TypeError for an unknown argument.
    """
    name, value = to_unicode(name), to_unicode(value)
    spelled: dict[str, str] = {}
    attributes: dict[str, Any] = {
        "domain": domain,
        "expires": expires,
        "httponly": httponly,
        "max_age": max_age,
        "partitioned": partitioned,
        "path": path,
        "samesite": samesite,
        "secure": secure,
    }
    for key, given in others.items():
        lowered = key.lower().replace("-", "_")
        if lowered not in attributes and lowered not in ("comment", "version"):
            raise TypeError(f"a cookie has no attribute {key!r}")
        attributes[lowered] = given
        spelled[lowered] = key
    if expires_days is not None and not attributes["expires"]:
        attributes["expires"] = time.time() + expires_days * _DAY
    if attributes["expires"]:
        attributes["expires"] = format_timestamp(attributes["expires"])
    _check_syntax(name, value, attributes, spelled)
    if not is_tornado_compat(compat):
        _check_browser_rules(name, value, attributes)
    return "; ".join([f"{name}={_quoted(value)}", *_written(attributes)])


# In the order in which http.cookies writes them.
_SPELLED = {
    "comment": "Comment",
    "domain": "Domain",
    "expires": "expires",
    "httponly": "HttpOnly",
    "max_age": "Max-Age",
    "partitioned": "Partitioned",
    "path": "Path",
    "samesite": "SameSite",
    "secure": "Secure",
    "version": "Version",
}
_FLAGS = ("httponly", "partitioned", "secure")


def _written(attributes: dict[str, Any]) -> list[str]:
    written = []
    for key, spelling in _SPELLED.items():
        value = attributes.get(key)
        if key in _FLAGS:
            if value:
                written.append(spelling)
        elif value is not None and value != "":
            written.append(f"{spelling}={int(value) if key == 'max_age' else value}")
    return written


def _check_syntax(name: str, value: str, attributes: dict[str, Any], spelled: dict[str, str]) -> None:
    if _NAME.fullmatch(name) is None:
        raise CookieSyntaxError(
            f"Invalid cookie attribute name={name!r} for cookie {name!r}: it must be a token, without separators"
        )
    if _FORBIDDEN_IN_VALUE.search(value):
        raise ValueError(
            f"Invalid cookie {name!r}: white space, control characters and what is not Latin-1 must be encoded before"
        )
    for key, given in attributes.items():
        if key not in _FLAGS and given is not None and _FORBIDDEN_IN_ATTRIBUTE.search(str(given)):
            raise CookieSyntaxError(f"Invalid cookie attribute {spelled.get(key, key)}={given!r} for cookie {name!r}")


def _check_browser_rules(name: str, value: str, attributes: dict[str, Any]) -> None:
    """Refuse what browsers would drop without a word."""
    secure, prefix = attributes["secure"], name.lower()
    if prefix.startswith(("__host-", "__secure-")) and not secure:
        raise ValueError(f"cookie {name!r} needs secure=True: its prefix promises it")
    if prefix.startswith("__host-") and (attributes["domain"] or attributes["path"] != "/"):
        raise ValueError(f"cookie {name!r} must have path='/' and no domain: its prefix promises it")
    samesite = attributes["samesite"]
    if samesite and samesite.lower() not in _SAMESITE:
        raise ValueError(f"samesite={samesite!r} for cookie {name!r} must be 'strict', 'lax' or 'none'")
    if samesite and samesite.lower() == "none" and not secure:
        raise ValueError(f"cookie {name!r} with samesite='none' needs secure=True")
    if attributes["partitioned"] and not secure:
        raise ValueError(f"cookie {name!r} with partitioned=True needs secure=True")
    size = len(name.encode()) + len(_quoted(value).encode())
    if size > MAX_NAME_AND_VALUE:
        raise ValueError(f"cookie {name!r} has {size} bytes, browsers drop those over {MAX_NAME_AND_VALUE}")


def _quoted(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return f'"{_TO_ESCAPE.sub(_escaped, value)}"'


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in '"\\' else f"\\{ord(character):03o}"
