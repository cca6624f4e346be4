"""Trying again: what may be sent once more, when, and how often (RFC 9110, 9.2.2 and 10.2.3)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from waterspout.httpclient._errors import (
    ConnectError,
    FetchError,
    ForbiddenAddressError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    Phase,
    ProtocolError,
    TLSError,
)

if TYPE_CHECKING:
    from waterspout.http1 import ResponseHead

#: Answers that say "not now": too many requests, and the server or gateway is in trouble.
STATUSES = frozenset({429, 502, 503, 504})
#: Phases in which nothing of the request can have reached the server.
_BEFORE_SENDING = frozenset({Phase.QUEUE, Phase.RESOLVE, Phase.CONNECT, Phase.PROXY, Phase.TLS})


class Retries:
    """How a request is retried: at most ``total`` times, ``backoff`` * 2**n seconds apart, never past its timeout.

    Tried again are failed connections, whatever the method, since nothing was sent; and, for methods that may be
    repeated (GET, HEAD, PUT, DELETE, OPTIONS, TRACE), lost connections, timeouts of reading and answers with one of
    ``statuses``. A Retry-After header of up to ``max_wait`` seconds is obeyed; a longer one ends the retries. Half of
    each pause is random, so that many clients do not come back at once. Bodies from a producer are not sent again.
    """

    __module__ = "waterspout.httpclient"
    __slots__ = ("backoff", "max_wait", "statuses", "total")

    total: int
    backoff: float
    max_wait: float
    statuses: frozenset[int]

    def __init__(
        self, total: int = 3, *, backoff: float = 0.2, max_wait: float = 30.0, statuses: Iterable[int] = STATUSES
    ) -> None:
        self.total = total
        self.backoff = backoff
        self.max_wait = max_wait
        self.statuses = frozenset(statuses)

    def pause_after_error(self, error: BaseException, tried: int, may_be_repeated: bool) -> float | None:
        """Seconds to wait before trying again after *error*, with *tried* retries behind; None: do not."""
        if tried >= self.total or not isinstance(error, FetchError):
            return None
        if isinstance(error, (ForbiddenAddressError, TLSError, ProtocolError)):
            return None  # they would fail in the same way again
        if not isinstance(error, (ConnectError, HTTPStreamClosedError, HTTPTimeoutError)):
            return None
        return self._pause(tried) if may_be_repeated or error.phase in _BEFORE_SENDING else None

    def pause_after_response(self, head: ResponseHead, tried: int) -> float | None:
        """Seconds to wait before trying again after the response *head*; None: take it as it is."""
        if tried >= self.total or head.status not in self.statuses:
            return None
        wanted = retry_after(head.headers.get("Retry-After"))
        if wanted is None:
            return self._pause(tried)
        return wanted if wanted <= self.max_wait else None

    def _pause(self, tried: int) -> float:
        import random  # seeds itself when it is loaded, which those who never retry can do without

        longest: float = min(self.max_wait, self.backoff * 2**tried)
        return longest * (0.5 + random.random() / 2)


def retry_after(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for; None for none, or a malformed one."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value) if len(value) < 10 else float("inf")
    from waterspout.httputil import parse_date  # most programs never read one

    moment = parse_date(value)
    return None if moment is None else max(0.0, moment.timestamp() - time.time())


def retries_of(setting: Retries | int | None) -> Retries | None:
    """The policy that a request's ``retries`` stands for; None: none at all."""
    if setting is None or setting == 0:
        return None
    return Retries(setting) if isinstance(setting, int) else setting
