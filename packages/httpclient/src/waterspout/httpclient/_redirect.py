"""Where a redirect leads, and what of the request may go there (RFC 9110, 15.4)."""

from __future__ import annotations

from waterspout.httpclient._errors import (
    BodyNotReplayableError,
    InvalidRedirectError,
    Phase,
    RedirectError,
)
from waterspout.httpclient._shown import shown, without_userinfo
from waterspout.httpclient._url import URL, join_url, parse_url
from waterspout.httputil import HTTPHeaders

#: Statuses that say "look there instead".
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Never sent to another origin than the one they were given for (CS10).
CREDENTIALS = ("Authorization", "Cookie", "Proxy-Authorization")
#: Kept from other origins too, because so many services take them for credentials.
PRIVATE_BY_CUSTOM = ("X-Api-Key", "X-Auth-Token", "X-Csrf-Token")
#: What describes a body that is not sent again.
_OF_BODY = (
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Transfer-Encoding",
)


class Step:
    """The next request. `same_origin` says whether it may carry credentials; `keeps_body` whether it has the body."""

    __slots__ = ("headers", "keeps_body", "location", "method", "same_origin", "url")

    def __init__(
        self, location: str, url: URL, method: str, headers: HTTPHeaders | None, keeps_body: bool, same_origin: bool
    ) -> None:
        self.location = location
        self.url = url
        self.method = method
        self.headers = headers
        self.keeps_body = keeps_body
        self.same_origin = same_origin


def next_step(
    *,
    status: int,
    location: str,
    base: str,
    origin: tuple[str, str, int],
    method: str,
    headers: HTTPHeaders | None,
    has_producer: bool,
    private: tuple[str, ...],
    compat: str | None,
    lenient: bool,
) -> Step:
    """The request that a response of *status* with *location*, to a *method* request for *base*, asks for.

    Raises `InvalidRedirectError` for a place that is not http or https, `RedirectError` for one that leads from https
    to http (if not *lenient*), and `BodyNotReplayableError` for 307 and 308 to a request with a producer's body.
    """
    named = without_userinfo(base)
    try:
        where = join_url(base, location)
        url = parse_url(where, compat)
    except ValueError as error:
        raise InvalidRedirectError(
            f"{named} redirects to {shown(location)!r}: {error}", url=named, phase=Phase.REDIRECT
        ) from error
    if url.scheme == "http" and origin[0] == "https" and not lenient:
        raise RedirectError(
            f"{named} redirects to {url}, from https to http, which is not followed", url=named, phase=Phase.REDIRECT
        )
    becomes_get = (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST")
    if has_producer and not becomes_get:
        raise BodyNotReplayableError(
            f"{named} redirects with status {status}, but the body came from a producer and cannot be sent again",
            url=named,
            phase=Phase.REDIRECT,
        )
    same_origin = url.origin == origin
    if headers is not None:
        headers = headers.copy()
        headers.pop("Host", None)
        if becomes_get:
            for name in _OF_BODY:
                headers.pop(name, None)
        if not same_origin:
            for name in CREDENTIALS + private:
                headers.pop(name, None)
    return Step(where, url, "GET" if becomes_get else method, headers, not becomes_get, same_origin)
