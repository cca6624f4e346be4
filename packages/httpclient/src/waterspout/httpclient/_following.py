"""What is done about a response that is not the answer yet: a redirect, a challenge, "try again later"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from waterspout.httpclient._errors import InvalidRedirectError, Phase, TooManyRedirectsError
from waterspout.httpclient._redirect import REDIRECTS, next_step
from waterspout.httpclient._response import HTTPResponse

if TYPE_CHECKING:
    from waterspout.http1 import ResponseHead
    from waterspout.httpclient._auth import Auth
    from waterspout.httpclient._exchange import Exchange

    #: Changes the exchange's request to the next one; returns the seconds to wait before sending it.
    Step = Callable[[Exchange, ResponseHead], float]


def step_after(exchange: Exchange, head: ResponseHead) -> Step | None:
    """What to do after the response *head*; None: it is the answer."""
    status = head.status
    if status < 300:
        return None
    settings = exchange.settings
    if status in REDIRECTS:
        if settings.follow_redirects and head.headers.get("Location"):
            # Without redirects left Tornado gives the redirect for an answer; here it is an error.
            if exchange.redirects_left > 0 or not exchange.client.is_compat:
                return follow_redirect
        return None
    if exchange.producer is not None:
        return None
    if status in (401, 407):
        auth = _challenged(exchange, status)
        return answer_challenge if auth is not None and auth.wants_retry(head) else None
    if settings.retries is not None:
        return _try_again(exchange, head)
    return None


def follow_redirect(exchange: Exchange, head: ResponseHead) -> float:
    """Aim the exchange at the response's Location. Raises `RedirectError`."""
    client = exchange.client
    redirect = HTTPResponse.received(exchange.original, head, (), exchange.effective_url)
    if exchange.redirects_left <= 0:
        raise TooManyRedirectsError(
            f"{exchange.name()} led to more than {exchange.settings.max_redirects} redirects",
            url=exchange.shown_url(),
            phase=Phase.REDIRECT,
            response=redirect,
        )
    exchange.redirects_left -= 1
    locations = head.headers.get_list("Location")
    if locations.count(locations[0]) < len(locations):
        raise InvalidRedirectError(
            f"{exchange.name()} was redirected to {len(locations)} places at once: which one is meant cannot be told",
            url=exchange.shown_url(),
            phase=Phase.REDIRECT,
        )
    step = next_step(
        status=head.status,
        location=locations[0],
        base=exchange.effective_url,
        origin=exchange.url.origin,
        method=exchange.method,
        headers=exchange.headers,
        has_producer=exchange.producer is not None,
        private=client.private_headers,
        compat=client.compat,
        lenient=client.is_compat,
    )
    if exchange.history is None:
        exchange.history = []
    exchange.history.append(redirect)
    exchange.effective_url = step.location
    exchange.url = step.url
    exchange.target = step.url.target
    exchange.method = step.method
    exchange.headers = step.headers
    if not step.keeps_body:
        exchange.body = exchange.producer = exchange.writer = None
    if not step.same_origin:
        # Credentials belong to the origin they were given for, and to no other (CS10).
        exchange.auth = client.auth_for(None, step.url)
        if not client.is_compat:
            exchange.settings = exchange.settings.without_certificate()
    exchange.route = client.pool.route_to(step.url, exchange.settings)
    return 0.0


def answer_challenge(exchange: Exchange, head: ResponseHead) -> float:
    """Learn what the server, or the proxy, wants to know; the next head says it."""
    auth = _challenged(exchange, head.status)
    if auth is not None:
        auth.challenged(head)
    return 0.0


def _challenged(exchange: Exchange, status: int) -> Auth | None:
    """The credentials that a response of *status*, 401 or 407, asks for."""
    if status == 401:
        return exchange.auth
    return exchange.route.proxy_auth if exchange.route.forwards else None


def _try_again(exchange: Exchange, head: ResponseHead) -> Step | None:
    retries = exchange.retries
    if retries is None or not exchange.may_be_repeated():
        return None
    pause = retries.pause_after_response(head, exchange.tried)
    if pause is None or exchange.client.time() + pause >= exchange.total_until:
        return None

    def wait_and_repeat(exchange: Exchange, head: ResponseHead) -> float:
        exchange.tried += 1
        return pause

    return wait_and_repeat
