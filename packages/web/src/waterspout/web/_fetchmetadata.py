"""Cross-origin requests told by what the browser says of them: Sec-Fetch-Site, Origin, Referer.

Browsers set these themselves; a page cannot. It needs no token and holds for every content type.
"""

import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ORIGIN = re.compile(r"([a-z][a-z0-9+.\-]*)://([^/?#@\s]+)", re.IGNORECASE)
_PORT = re.compile(r":([0-9]*)\Z")


class FetchVerdict(Enum):
    """What is known of where a request comes from."""

    ALLOWED = "allowed"
    """Same origin, a safe method, a trusted origin, or the user's own doing (a typed address)."""
    CROSS_ORIGIN = "cross-origin"
    """Another origin, which the request names: ask whether it is trusted."""
    REFUSED = "refused"
    """From elsewhere, or with nothing to tell where from although it carries cookies."""


def check_fetch_metadata(
    method: str,
    headers: Mapping[str, str],
    own_origin: str,
    *,
    trusted_origins: Collection[str] = (),
    allow_same_site: bool = False,
) -> FetchVerdict:
    """Judge a request by its headers. ``own_origin`` is ``scheme://host[:port]`` that the application is known by.

    * GET, HEAD, OPTIONS are always allowed: they must change nothing.
    * ``Sec-Fetch-Site``: ``same-origin`` and ``none`` are allowed, ``same-site`` if ``allow_same_site``; else the
      origin must be trusted.
    * Without it, from older browsers and plain http: ``Origin``, else ``Referer``, must be our own or trusted;
      ``Origin: null`` is refused.
    * With none of these it is no browser's: allowed only without cookies.

    Where the answer is CROSS_ORIGIN, the header ``Origin`` names an origin that is not in ``trusted_origins``; the
    application may still accept it.
    """
    if method in SAFE_METHODS:
        return FetchVerdict.ALLOWED
    origin = headers.get("Origin")
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        if site in ("same-origin", "none") or (site == "same-site" and allow_same_site):
            return FetchVerdict.ALLOWED
        return _judge_origin(origin, "", trusted_origins) if origin else FetchVerdict.REFUSED
    if origin is not None:
        return _judge_origin(origin, own_origin, trusted_origins)
    referer = headers.get("Referer")
    if referer:
        return _judge_origin(origin_of(referer) or "null", own_origin, trusted_origins)
    return FetchVerdict.REFUSED if headers.get("Cookie") else FetchVerdict.ALLOWED


def cross_origin_reason(headers: Mapping[str, str], own_origin: str, is_trusted: Callable[[str], bool]) -> str | None:
    """Why a request that changes something is refused, or None if it is taken.

    Sec-Fetch-Site decides where it is there; else Origin. What comes from another origin is taken if ``is_trusted``
    says so of its Origin. A request with neither header is no browser's page's, and is taken.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site in ("same-origin", "none"):
        return None
    if site is None and (origin is None or origin_of(origin) == origin_of(own_origin)):
        return None
    if origin is not None and is_trusted(origin):
        return None
    if site is not None:
        return f"Sec-Fetch-Site {site} from Origin {origin!r} not allowed"
    return f"Origin {origin!r} not allowed"


def origin_of(url: str) -> str | None:
    """``scheme://host[:port]`` of an absolute URL in lower case, without a default port; None for any other URL.

    URLs with a user name are no origin's: None.
    """
    match = _ORIGIN.match(url)
    if match is None or url[match.end() : match.end() + 1] not in ("", "/", "?", "#"):
        return None
    scheme, authority = match[1].lower(), match[2].lower()
    port = _PORT.search(authority)
    if port is not None and port[1] in ("", _DEFAULT_PORTS.get(scheme)):
        authority = authority[: port.start()]
    return f"{scheme}://{authority}"


def _judge_origin(origin: str, own_origin: str, trusted_origins: Collection[str]) -> FetchVerdict:
    normal = origin_of(origin)
    if normal is None:  # "null": a sandboxed frame, a file, a redirect between origins
        return FetchVerdict.REFUSED
    if own_origin and normal == origin_of(own_origin):
        return FetchVerdict.ALLOWED
    if origin in trusted_origins or any(normal == origin_of(trusted) for trusted in trusted_origins):
        return FetchVerdict.ALLOWED
    return FetchVerdict.CROSS_ORIGIN
