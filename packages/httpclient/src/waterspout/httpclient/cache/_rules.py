"""What may be stored, how long it is fresh, and what must be asked again (RFC 9111): pure functions.

A private cache is meant: what is for one user only may be stored, ``s-maxage`` and ``proxy-revalidate`` say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf

from waterspout.httputil import HTTPHeaders, parse_date

#: RFC 9110, 15.1: may be cached without being told so.
HEURISTICALLY_CACHEABLE = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
#: RFC 9111, 4.2.2: a tenth of the time since the last change, but not for ever.
HEURISTIC_PART, HEURISTIC_MAX = 0.1, 24 * 3600.0
#: A 304 response does not change what describes the stored content (RFC 9111, 3.2).
_NOT_UPDATED = frozenset(
    {"Content-Encoding", "Content-Type", "Content-Range", "Content-Length", "Connection", "Transfer-Encoding"}
)

_directive = re.compile(r"[ \t,]*([^\s=,]+)(?:[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,]*)))?")


def directives(headers: Mapping[str, str]) -> dict[str, str]:
    """The Cache-Control directives by lower-case name; "" for one without an argument."""
    found: dict[str, str] = {}
    text = headers.get("Cache-Control", "")
    for name, quoted, plain in _directive.findall(text):
        found.setdefault(name.lower(), quoted or plain)
    if not text and "no-cache" in headers.get("Pragma", "").lower():
        found["no-cache"] = ""
    return found


def seconds(value: str | None) -> float | None:
    """A delta-seconds argument; None for a malformed one, whose directive is as if it were not there."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return float(value) if len(value) < 10 else inf


def may_store(method: str, request: Mapping[str, str], status: int, response: HTTPHeaders) -> bool:
    """Whether a response may be stored (RFC 9111, 3)."""
    if method != "GET" or "Range" in request or status == 206 or status < 200:
        return False
    said = directives(response)
    if "no-store" in said or "no-store" in directives(request) or response.get("Vary", "").strip() == "*":
        return False
    if freshness(status, response) > 0:
        return True
    # Not fresh for a moment, but it can be asked after with a condition.
    return status in HEURISTICALLY_CACHEABLE and ("Etag" in response or "Last-Modified" in response)


def freshness(status: int, response: HTTPHeaders) -> float:
    """Seconds for which a response is fresh from its origin on (RFC 9111, 4.2.1)."""
    said = directives(response)
    if "no-cache" in said:
        return 0.0
    if "max-age" in said:
        return seconds(said["max-age"]) or 0.0
    date = _moment(response, "Date")
    if "Expires" in response:
        expires = _moment(response, "Expires")
        return 0.0 if expires is None or date is None else max(0.0, expires - date)
    modified = _moment(response, "Last-Modified")
    if status in HEURISTICALLY_CACHEABLE and date is not None and modified is not None:
        return min(HEURISTIC_MAX, max(0.0, (date - modified) * HEURISTIC_PART))
    return 0.0


def age(response: HTTPHeaders, requested: float, received: float, now: float) -> float:
    """Seconds since the origin generated or confirmed a response (RFC 9111, 4.2.3). Times are since the epoch."""
    date = _moment(response, "Date")
    apparent = 0.0 if date is None else max(0.0, received - date)
    corrected = (seconds(response.get("Age")) or 0.0) + (received - requested)
    return max(apparent, corrected) + max(0.0, now - received)


def may_use(request: Mapping[str, str], status: int, response: HTTPHeaders, current_age: float) -> bool:
    """Whether a stored response may be used without asking the server (RFC 9111, 4.2 and 5.2.1)."""
    asked, said = directives(request), directives(response)
    if "no-cache" in asked or "no-cache" in said:
        return False
    lifetime = freshness(status, response)
    wanted = seconds(asked.get("max-age"))
    if wanted is not None and current_age > wanted and "immutable" not in said:
        return False
    if lifetime - current_age > (seconds(asked.get("min-fresh")) or 0.0):
        return True
    if "max-stale" in asked and "must-revalidate" not in said:
        limit = seconds(asked["max-stale"]) if asked["max-stale"] else inf
        return limit is not None and current_age - lifetime <= limit
    return False


def may_use_after_error(response: HTTPHeaders, status: int, current_age: float) -> bool:
    """Whether a stale response may stand in for a server that fails (RFC 5861, 4)."""
    said = directives(response)
    limit = seconds(said.get("stale-if-error"))
    return limit is not None and "must-revalidate" not in said and current_age - freshness(status, response) <= limit


def selects(vary: str, stored: Mapping[str, str], request: Mapping[str, str]) -> bool:
    """Whether a response to the headers *stored* also answers *request* (RFC 9111, 4.1)."""
    names = [name.strip() for name in vary.split(",") if name.strip()]
    return "*" not in names and all(stored.get(name) == request.get(name) for name in names)


def conditions(response: HTTPHeaders) -> dict[str, str]:
    """Header fields that ask whether a stored response still holds (RFC 9110, 13.1)."""
    found = {}
    if "Etag" in response:
        found["If-None-Match"] = response["Etag"]
    if "Last-Modified" in response:
        found["If-Modified-Since"] = response["Last-Modified"]
    return found


def updated(stored: HTTPHeaders, confirmation: HTTPHeaders) -> HTTPHeaders:
    """The stored fields as a 304 response's change them (RFC 9111, 3.2)."""
    headers = stored.copy()
    for name in confirmation:
        if name not in _NOT_UPDATED:
            headers.pop(name, None)
            for value in confirmation.get_list(name):
                headers.add(name, value)
    return headers


def _moment(headers: HTTPHeaders, name: str) -> float | None:
    value = headers.get(name)
    found = None if value is None else parse_date(value)
    return None if found is None else found.timestamp()
