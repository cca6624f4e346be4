"""Whose word counts for the client's address."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from waterspout.httpserver._proxies import TrustedProxies
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine

Exchange = Callable[..., tuple[bytes, bool]]


def who(request: HTTPServerRequest) -> None:
    body = f"{request.remote_ip} {request.protocol}".encode()
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def ask(exchange: Exchange, *fields: str, **options: object) -> str:
    head = "\r\n".join(["GET / HTTP/1.1", "Host: a", *fields, "", ""]).encode("latin-1")
    return exchange(who, head, **options)[0].partition(b"\r\n\r\n")[2].decode()


def test_XH1_without_xheaders_nobody_is_believed(exchange: Exchange) -> None:
    assert ask(exchange, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https") == "127.0.0.1 http"


def test_XH2_an_untrusted_peer_is_not_believed(exchange: Exchange) -> None:
    assert ask(exchange, "X-Forwarded-For: 1.2.3.4", xheaders=True) == "127.0.0.1 http"
    options = {"xheaders": True, "trusted_downstream": ["10.0.0.0/8"]}
    assert ask(exchange, "X-Forwarded-For: 1.2.3.4", **options) == "127.0.0.1 http"


TRUSTED = {"xheaders": True, "trusted_downstream": ["127.0.0.0/8", "5.5.5.5"]}


def test_a_trusted_proxy_names_the_client_and_its_scheme(exchange: Exchange) -> None:
    assert ask(exchange, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", **TRUSTED) == "1.2.3.4 https"
    assert ask(exchange, "X-Forwarded-For: 9.9.9.9, 1.2.3.4, 5.5.5.5", **TRUSTED) == "1.2.3.4 http"


def test_XH3_x_real_ip_is_not_believed_natively_and_is_in_tornados_manner(exchange: Exchange) -> None:
    assert ask(exchange, "X-Real-Ip: 9.9.9.9", **TRUSTED) == "127.0.0.1 http"
    assert ask(exchange, "X-Real-Ip: 9.9.9.9", xheaders=True, compat="tornado") == "9.9.9.9 http"


@pytest.mark.parametrize(
    "value", ["<script>", "unknown", "_hidden", "1.2.3.4, <script>", ", ".join(["1.2.3"] * 10_000)]
)
def test_XH4_what_is_no_address_ends_the_walk(exchange: Exchange, value: str) -> None:
    options = {**TRUSTED, "max_header_size": 200_000}
    assert ask(exchange, f"X-Forwarded-For: {value}", **options) == "127.0.0.1 http"


@pytest.mark.parametrize(
    ("value", "address"),
    [("[2001:db8::1]:443", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("1.2.3.4:5", "1.2.3.4")],
)
def test_XH5_ports_and_brackets_are_understood(exchange: Exchange, value: str, address: str) -> None:
    assert ask(exchange, f"X-Forwarded-For: {value}", **TRUSTED) == f"{address} http"


def test_XH6_only_http_and_https_are_schemes(exchange: Exchange) -> None:
    assert ask(exchange, "X-Forwarded-Proto: javascript", **TRUSTED) == "127.0.0.1 http"
    assert ask(exchange, "X-Forwarded-Proto: http,https", **TRUSTED) == "127.0.0.1 https"
    assert ask(exchange, "X-Scheme: https", "X-Forwarded-Proto: http", **TRUSTED) == "127.0.0.1 http"


def test_XH11_underscores_are_not_dashes(exchange: Exchange) -> None:
    assert ask(exchange, "X_Forwarded_For: 1.2.3.4", **TRUSTED) == "127.0.0.1 http"


def test_XH12_repeated_fields_are_joined_in_order(exchange: Exchange) -> None:
    fields = ("X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 1.2.3.4")
    assert ask(exchange, *fields, **TRUSTED) == "1.2.3.4 http"


def test_a_name_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError):
        TrustedProxies(["proxy.example"])
    assert "1.2.3.4" in TrustedProxies(["*"]) and "1.2.3.4" not in TrustedProxies([])
