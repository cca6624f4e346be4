"""CookieJar: cookies as browsers keep and send them (RFC 6265bis).

A cookie is found by domain, path, name and whether it is its host's alone, so that a subdomain cannot replace its
parent's. What a server says is taken apart by the algorithm of section 5.6, which differs from the grammar: servers
send what the grammar forbids. What is malformed beyond that, too large, or meant for somebody else's domain is dropped
in silence, as the RFC asks.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any

from waterspout.httpclient._controls import has_controls
from waterspout.httpclient._suffixes import is_probably_public_suffix

if TYPE_CHECKING:
    from waterspout.httpclient._url import URL

#: RFC 6265bis, 5.6: longer cookies, and longer attribute values, are ignored.
MAX_COOKIE = 4096
MAX_ATTRIBUTE = 1024
#: RFC 6265bis, 5.5: no cookie lives longer than 400 days.
MAX_AGE = 400 * 24 * 3600.0
#: RFC 6265bis, 6.1 asks for at least 50 a domain and 3000 altogether.
MAX_PER_DOMAIN, MAX_TOTAL = 180, 3000

_ip = re.compile(r"[0-9.]+\Z|.*:")


class Cookie:
    """One cookie. Times are seconds since the epoch; `expires` is ``inf`` for one that lasts as long as the jar."""

    __module__ = "waterspout.httpclient"
    __slots__ = (
        "created", "domain", "expires", "host_only", "http_only", "name", "path", "same_site", "secure", "value",
    )  # fmt: skip

    name: str
    value: str
    domain: str
    path: str
    expires: float
    host_only: bool
    secure: bool
    http_only: bool
    same_site: str
    created: float

    def __init__(self, name: str, value: str, domain: str, path: str = "/", *, secure: bool = False) -> None:
        self.name = name
        self.value = value
        self.domain = domain
        self.path = path
        self.expires = inf
        self.host_only = True
        self.secure = secure
        self.http_only = False
        self.same_site = ""
        self.created = time.time()

    def __repr__(self) -> str:
        # Not the value: it is a credential more often than not.
        return f"<{type(self).__name__} {self.name} for {self.domain}{self.path}>"


class CookieJar:
    """Keeps the cookies of responses and adds them to requests: ``AsyncHTTPClient(cookies=CookieJar())``.

    *public_suffix* tells whether a domain is one under which strangers register names, as ``co.uk``: no cookie may be
    set for it. The built-in one knows the usual patterns; give one made from the Public Suffix List (for example
    ``publicsuffixlist.PublicSuffixList().is_public``) where cookies of hostile sites are a concern.
    """

    __module__ = "waterspout.httpclient"

    def __init__(self, public_suffix: Callable[[str], bool] = is_probably_public_suffix) -> None:
        self._is_public_suffix = public_suffix
        self._by_domain: dict[str, dict[tuple[str, str, bool], Cookie]] = {}

    def __iter__(self) -> Iterator[Cookie]:
        """All cookies that have not expired."""
        now = time.time()
        for cookies in list(self._by_domain.values()):
            yield from [cookie for cookie in cookies.values() if cookie.expires > now]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self, domain: str | None = None) -> None:
        """Remove all cookies, or those of one domain."""
        if domain is None:
            self._by_domain.clear()
        else:
            self._by_domain.pop(domain.lower(), None)

    def set(self, name: str, value: str, domain: str, path: str = "/", *, secure: bool = False) -> None:
        """Add a cookie by hand, for *domain* alone. Raises ValueError for what a Cookie header cannot hold."""
        if not re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name):
            raise ValueError(f"{name!r} is no cookie name")
        if not re.fullmatch(r"[!#-+\--:<-\[\]-~]*", value):
            raise ValueError(f"the value of cookie {name!r} holds characters that a Cookie header cannot")
        self._add(Cookie(name, value, domain.lower(), path, secure=secure))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the cookies that have not expired to the file at *path*, as JSON, for its owner's eyes only (0600).

        A file that is there is replaced in one step. Those that last as long as the jar are saved, too.
        """
        from waterspout.httpclient._cookiefile import write_cookies  # brings json; few jars have a file

        write_cookies(path, self)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Add what `save` wrote to the file at *path*.

        Raises OSError if it cannot be read, and ValueError if it holds something else, with the jar as it was.
        """
        from waterspout.httpclient._cookiefile import read_cookies

        for entry in read_cookies(path):
            cookie = Cookie(entry["name"], entry["value"], entry["domain"], entry["path"], secure=entry["secure"])
            for name in ("expires", "host_only", "http_only", "same_site", "created"):
                setattr(cookie, name, entry[name])
            self._add(cookie)

    def __reduce__(self) -> Any:
        raise TypeError("a cookie jar is not pickled: use its save() and load(), which run nothing of what they read")

    def keep(self, url: URL, fields: Iterable[str]) -> None:
        """Take in the Set-Cookie *fields* of a response to *url*."""
        for field in fields:
            cookie = self._accepted(url, field)
            if cookie is not None:
                self._add(cookie)

    def cookies_for(self, url: URL) -> list[Cookie]:
        """The cookies that a request to *url* carries, in the order that they are sent."""
        now = time.time()
        host = url.host.rstrip(".")
        path = url.target.partition("?")[0]
        found: list[Cookie] = []
        for domain in _parents(host):
            for cookie in self._by_domain.get(domain, {}).values():
                if cookie.expires <= now or (cookie.host_only and domain != host):
                    continue
                if cookie.secure and not _is_trustworthy(url):
                    continue
                if _path_matches(path, cookie.path):
                    found.append(cookie)
        # RFC 6265bis, 5.8.3: longer paths first, then older cookies.
        found.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        return found

    def field_for(self, url: URL) -> str:
        """The Cookie header line for *url*, with its CRLF; "" if there are no cookies."""
        if not self._by_domain:
            return ""
        pairs = [f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in self.cookies_for(url)]
        return f"Cookie: {'; '.join(pairs)}\r\n" if pairs else ""

    def _add(self, cookie: Cookie) -> None:
        cookies = self._by_domain.setdefault(cookie.domain, {})
        key = cookie.name, cookie.path, cookie.host_only
        old = cookies.pop(key, None)
        if cookie.expires <= time.time():
            if not cookies:
                del self._by_domain[cookie.domain]
            return
        if old is not None:
            cookie.created = old.created
        cookies[key] = cookie
        while len(cookies) > MAX_PER_DOMAIN:
            del cookies[next(iter(cookies))]
        if sum(map(len, self._by_domain.values())) > MAX_TOTAL:
            fullest = max(self._by_domain.values(), key=len)
            del fullest[next(iter(fullest))]

    def _accepted(self, url: URL, field: str) -> Cookie | None:
        """The cookie of a Set-Cookie *field* of a response to *url*; None where it must be ignored (5.6, 5.7)."""
        if has_controls(field):
            return None
        pair, *attributes = field.split(";")
        name, equals, value = pair.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(" \t"), value.strip(" \t")
        if not (name or value) or len(name) + len(value) > MAX_COOKIE:
            return None
        given = _attributes(attributes)
        host = url.host.rstrip(".")
        domain = given.get("domain", "").lstrip(".").lower()
        cookie = Cookie(name, value, host)
        if domain and domain != host:
            if _ip.match(host) or not host.endswith("." + domain) or self._is_public_suffix(domain):
                return None
            cookie.domain, cookie.host_only = domain, False
        elif domain and not self._is_public_suffix(domain) and not _ip.match(host):
            cookie.host_only = False
        path = given.get("path", "")
        cookie.path = path if path.startswith("/") else _default_path(url.target)
        cookie.secure = "secure" in given
        cookie.http_only = "httponly" in given
        cookie.same_site = given.get("samesite", "").lower()
        cookie.expires = _expiry(given)
        return cookie if self._is_allowed(cookie, url, given) else None

    def _is_allowed(self, cookie: Cookie, url: URL, given: dict[str, str]) -> bool:
        trustworthy = _is_trustworthy(url)
        if cookie.secure and not trustworthy:
            return False
        prefix = cookie.name.lower()
        if prefix.startswith(("__secure-", "__host-")) and not cookie.secure:
            return False
        if prefix.startswith("__host-") and ("domain" in given or cookie.path != "/"):
            return False
        if not cookie.name and cookie.value.lower().startswith(("__secure-", "__host-")):
            return False
        if not trustworthy:
            # RFC 6265bis, 5.7: an insecure response must not replace or shadow a secure cookie, of a domain above it or
            # below ("leave secure cookies alone").
            below = "." + cookie.domain
            domains = {*_parents(cookie.domain), *(domain for domain in self._by_domain if domain.endswith(below))}
            for domain in domains:
                for other in self._by_domain.get(domain, {}).values():
                    if other.secure and other.name == cookie.name and _path_matches(cookie.path, other.path):
                        return False
        return True


def _attributes(parts: list[str]) -> dict[str, str]:
    """Attributes by lower-case name; the last of a name counts, too long ones do not."""
    found: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        value = value.strip(" \t")
        if len(value) <= MAX_ATTRIBUTE:
            found[name.strip(" \t").lower()] = value
    return found


def _expiry(given: dict[str, str]) -> float:
    now = time.time()
    age = given.get("max-age", "")
    if re.fullmatch(r"-?[0-9]+", age, re.ASCII):
        return now + min(float(age[:12]), MAX_AGE) if not age.startswith("-") and age.strip("0") else 0.0
    moment = parse_cookie_date(given["expires"]) if "expires" in given else None
    return inf if moment is None else min(moment, now + MAX_AGE)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_tokens = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_time = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9]|\Z)")
_day = re.compile(r"([0-9]{1,2})(?:[^0-9]|\Z)")
_year = re.compile(r"([0-9]{2,4})(?:[^0-9]|\Z)")


def parse_cookie_date(text: str) -> float | None:
    """Seconds since the epoch of a date in an Expires attribute, read as RFC 6265bis, 5.1.1 says, or None."""
    clock = day = month = year = None
    for token in _tokens.findall(text):
        if clock is None and (found := _time.match(token)):
            clock = tuple(map(int, found.groups()))
        elif day is None and (found := _day.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _year.match(token)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if not (1 <= day <= 31 and year >= 1601 and clock[0] <= 23 and clock[1] <= 59 and clock[2] <= 59):
        return None
    from calendar import timegm  # brings the names of months in the user's language

    return float(timegm((year, month, day, *clock)))


def _parents(host: str) -> Iterator[str]:
    """*host* and the domains above it."""
    yield host
    if _ip.match(host):
        return
    while "." in host:
        host = host.partition(".")[2]
        yield host


def _default_path(target: str) -> str:
    path = target.partition("?")[0]
    return path[: path.rfind("/")] or "/"


def _path_matches(path: str, wanted: str) -> bool:
    return path == wanted or (path.startswith(wanted) and (wanted.endswith("/") or path[len(wanted)] == "/"))


def _is_trustworthy(url: URL) -> bool:
    """Whether Secure cookies may go there: TLS, or this very machine, as in browsers."""
    return url.scheme == "https" or url.host in ("localhost", "127.0.0.1", "::1") or url.host.endswith(".localhost")
