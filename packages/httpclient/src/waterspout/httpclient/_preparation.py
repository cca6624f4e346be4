"""An exchange's request made ready: where it goes, and what its head says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waterspout.http1 import request_head
from waterspout.httpclient._errors import InvalidRequestError, Phase
from waterspout.httpclient._head import check_method, checked_headers, default_fields, frame_request
from waterspout.httpclient._url import match_plain_url, parse_url

if TYPE_CHECKING:
    from waterspout.httpclient._exchange import Exchange


def aim(exchange: Exchange) -> None:
    """Find the route for the request's URL. Raises `InvalidURLError`, `InvalidRequestError`.

    The usual URL of a usual request costs one match and one look-up; it was parsed in full when it was seen first.
    """
    text = exchange.request.url
    settings = exchange.settings
    client = exchange.client
    pool = client.pool
    plain = match_plain_url(text)
    if plain is not None and settings is client.plain_settings:
        route = pool.plain_route(plain[1], settings)
        if route is not None:
            exchange.route = route
            exchange.url = route.url
            exchange.target = plain[2] or "/"
            if settings.auth is not None or settings.auth_username is not None:
                exchange.auth = client.auth_for(settings, None)
            return
    url = exchange.url = parse_url(text, client.compat)
    exchange.target = url.target
    exchange.auth = client.auth_for(settings, url)
    exchange.route = pool.route_to(url, settings)
    if plain is not None and settings is client.plain_settings:
        pool.remember_plain(plain[1], exchange.route)


def write_head(exchange: Exchange) -> None:
    """Make the head of the exchange's request as it is now. Raises `InvalidRequestError`."""
    settings = exchange.settings
    client = exchange.client
    route = exchange.route
    method = exchange.method
    body = exchange.body
    headers = exchange.headers
    first = exchange.phase is Phase.PREPARE
    if first and exchange.request._headers:
        headers = exchange.headers = checked_headers(exchange.request._headers)
        if headers is not None and route.proxy is not None and not route.forwards:
            headers.pop("Proxy-Authorization", None)  # through a tunnel it would reach the server (CS10)
    if body is None and method == "GET" and headers is None and exchange.auth is None and client.jar is None:
        if settings is client.plain_settings and route.proxy is None:
            if route.fields_for is not settings:
                route.default_fields = default_fields(
                    route.url.authority, client.user_agent_for(settings), client.accept_encoding_for(settings)
                )
                route.fields_for = settings
            exchange.head = request_head(method, exchange.target, route.default_fields)
            return
    producer = exchange.producer
    if first:
        if body is not None and producer is not None:
            raise InvalidRequestError("Only one of body and body_producer may be given")
        check_method(method, body is not None or producer is not None, settings)
    target = route.target_for(exchange.target)
    framed = frame_request(
        method,
        exchange.url,
        target,
        headers,
        body,
        settings,
        producer is not None,
        client.user_agent_for(settings),
        client.accept_encoding_for(settings),
        _own_fields(exchange, target),
    )
    exchange.head, exchange.writer, exchange.closes = framed


def _own_fields(exchange: Exchange, target: str) -> str:
    """The header lines that say who we are, where the user has not written them."""
    headers = exchange.headers
    client = exchange.client
    lines = ""
    url = exchange.url._replace(target=exchange.target)
    if exchange.auth is not None and (headers is None or "Authorization" not in headers):
        lines = exchange.auth.fields(exchange.method, url, exchange.body)
    if client.jar is not None and (headers is None or "Cookie" not in headers):
        lines += client.jar.field_for(url)
    route = exchange.route
    if route.forwards and route.proxy_auth is not None:
        lines += route.proxy_auth.fields(exchange.method, url._replace(target=target), exchange.body)
    return lines
