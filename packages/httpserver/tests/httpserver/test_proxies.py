"""Whose word counts for the client's address."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from waterspout.httpserver import HTTPRequestContext, HTTPServer
from waterspout.httpserver._forwarded import forwarded_elements, node_address
from waterspout.httpserver._proxies import ForwardingFields, TrustedProxies
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine

Exchange = Callable[..., tuple[bytes, bool]]


def who(request: HTTPServerRequest) -> None:
    body = f"{request.remote_ip} {request.protocol}".encode()
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


def where(request: HTTPServerRequest) -> None:
    body = f"{request.full_url()} {request.host_name}".encode()
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


def test_XH3_x_real_ip_is_believed_where_it_is_the_chosen_field(exchange: Exchange) -> None:
    chosen = {**TRUSTED, "forwarding_headers": ["X-Real-IP"]}
    assert ask(exchange, "X-Real-Ip: 9.9.9.9", "X-Forwarded-For: 1.2.3.4", **chosen) == "9.9.9.9 http"
    assert ask(exchange, "X-Real-Ip: nonsense", **chosen) == "127.0.0.1 http"
    assert ask(exchange, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", **chosen) == "127.0.0.1 http"
    nobody = {**chosen, "trusted_downstream": ["10.0.0.0/8"]}
    assert ask(exchange, "X-Real-Ip: 9.9.9.9", **nobody) == "127.0.0.1 http"


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


def test_peers_on_unix_sockets_and_mapped_addresses_can_be_named() -> None:
    family = getattr(socket, "AF_UNIX", None)
    assert TrustedProxies(["unix:"]).trusts_socket(family, "") and TrustedProxies(["*"]).trusts_socket(family, "")
    assert not TrustedProxies(["127.0.0.0/8"]).trusts_socket(family, "")
    assert "127.0.0.1" not in TrustedProxies(["unix:"])
    assert "::ffff:10.1.2.3" in TrustedProxies(["10.0.0.0/8"])


def where_is(exchange: Exchange, *fields: str, host: str = "Host: a", **options: object) -> bytes:
    head = "\r\n".join(["GET /p HTTP/1.1", *([host] if host else []), *fields, "", ""]).encode("latin-1")
    return exchange(where, head, **options)[0]


def test_XH7_a_forwarded_host_counts_only_where_it_was_chosen_and_never_in_place_of_a_host(exchange: Exchange) -> None:
    evil = "X-Forwarded-Host: evil.example"
    assert where_is(exchange, evil).endswith(b"http://a/p a")
    assert where_is(exchange, evil, **TRUSTED).endswith(b"http://a/p a"), "trusted, but that field is not the proxy's"
    assert b" 400 " in where_is(exchange, evil, host="", **TRUSTED)
    chosen = {**TRUSTED, "forwarding_headers": ["X-Forwarded-Host"]}
    assert where_is(exchange, "X-Forwarded-Host: public.example:8443", **chosen).endswith(
        b"http://public.example:8443/p public.example"
    )
    assert b" 400 " in where_is(exchange, evil, host="", **chosen)
    for malformed in ("a b", "u@a", "a/b", "", "a:99999"):
        assert where_is(exchange, f"X-Forwarded-Host: {malformed}", **chosen).endswith(b"http://a/p a")
    assert where_is(exchange, evil, **{**chosen, "trusted_downstream": ["10.0.0.1"]}).endswith(b"http://a/p a")


FORWARDED = {**TRUSTED, "forwarding_headers": ["Forwarded"]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=1.2.3.4;proto=https", "1.2.3.4 https"),
        ('For="[2001:db8::1]:80";Proto=HTTPS;by=_x', "2001:db8::1 https"),
        ("for=9.9.9.9;proto=https, for=1.2.3.4", "1.2.3.4 http"),
        ("for=1.2.3.4;proto=https, for=5.5.5.5;proto=http", "1.2.3.4 https"),
        ('for="1.2.3.4:5"', "1.2.3.4 http"),
        ("for=unknown;proto=https", "127.0.0.1 http"),
        ("for=_hidden", "127.0.0.1 http"),
        ("proto=https", "127.0.0.1 http"),
        ("for=1.2.3.4;proto=javascript", "1.2.3.4 http"),
        ('for="[::1]:80";proto=https, for=x', "127.0.0.1 http"),
        ('for="[::1', "127.0.0.1 http"),
        ("for=1.2.3.4;for=5.6.7.8", "127.0.0.1 http"),
        ("for=1.2.3.4 ;proto=https", "127.0.0.1 http"),
        ("for=1.2.3.4, ;;", "127.0.0.1 http"),
        ('secret="a,b;c\\"", for="1.2.3.4"', "1.2.3.4 http"),
        ("for=" + ",for=".join(["5.5.5.5"] * 600), "5.5.5.5 http"),
    ],
)
def test_XH8_forwarded_is_read_from_the_right_until_an_element_is_malformed(
    exchange: Exchange, value: str, expected: str
) -> None:
    assert ask(exchange, f"Forwarded: {value}", **FORWARDED) == expected
    assert ask(exchange, f"Forwarded: {value}", **TRUSTED) == "127.0.0.1 http", "another field was chosen"


def test_XH8_hostile_values_take_linear_time() -> None:
    for value in ('"' * 8000, 'a="' + "\\" * 8000, "for=1;" * 1300, ",;" * 4000, 'a="b"' * 1600):
        began = time.process_time()
        list(forwarded_elements(value))
        assert time.process_time() - began < 1
    assert list(forwarded_elements("for=1.2.3.4," * 1000)) == [], "longer than any real one"


@pytest.mark.parametrize("node", ["", "[", "[1.2.3.4]", "[::1]x", "[::1]:", "1.2.3.4:", "1.2.3", "::1", "a:80"])
def test_XH8_nodes_that_are_no_addresses(node: str) -> None:
    assert node_address(node) is None


#: Texts behind an address that look like a zone, a port or a bracket's end.
ZONES = ["fe80::1%<script>", "fe80::1%eth0", "::1%\x1b[31m", "1.2.3.4%x", "::1%", "::1%a%b"]
TAILS = [
    "[::1",
    "[::1]x",
    "[::1]:",
    "[::1]:x",
    "[1.2.3.4]",
    "1.2.3.4:",
    "1.2.3.4:\xb2",
    "1.2.3.4:123456",
    "[::1]:123456",
]


@pytest.mark.parametrize("hop", [*(zone for zone in ZONES if "\x1b" not in zone), *TAILS])
def test_XH4_only_whole_addresses_are_taken_and_never_a_text_of_the_clients_choice(
    exchange: Exchange, hop: str
) -> None:
    assert ask(exchange, f"X-Forwarded-For: {hop}", **TRUSTED) == "127.0.0.1 http"
    assert ask(exchange, f"X-Forwarded-For: {hop}, 1.2.3.4", **TRUSTED) == "1.2.3.4 http"
    everybody = {"xheaders": True, "trusted_downstream": ["*"]}
    assert ask(exchange, f"X-Forwarded-For: {hop}, 1.2.3.4", **everybody) == "1.2.3.4 http"
    chosen = {**TRUSTED, "forwarding_headers": ["X-Real-IP"]}
    assert ask(exchange, f"X-Real-Ip: {hop}", **chosen) == "127.0.0.1 http"
    assert ask(exchange, f"X-Real-Ip: {hop}", compat="tornado", xheaders=True) == "127.0.0.1 http"


@pytest.mark.parametrize("zone", ZONES)
def test_XH8_a_node_has_no_zone(zone: str) -> None:
    assert node_address(f"[{zone}]") is None and node_address(zone) is None


BAD_PREFIXES = ("//evil", "/../x", "app", "/", "/a/", "/a b", "/a?x", "/\\evil", "/" + 300 * "a")


@pytest.mark.parametrize(
    ("prefix", "url"),
    [("/app", b"http://a/app/p"), ("/a/b-c_d", b"http://a/a/b-c_d/p")]
    + [
        (bad, b"http://a/p")
        for bad in ("//evil", "/../x", "app", "/", "/a/", "/a b", "/a?x", "/\\evil", "/" + "a" * 300)
    ],
)
def test_XH10_a_prefix_is_a_plain_path_or_ignored(exchange: Exchange, prefix: str, url: bytes) -> None:
    chosen = {**TRUSTED, "forwarding_headers": ["X-Forwarded-Prefix"]}
    assert where_is(exchange, f"X-Forwarded-Prefix: {prefix}", **chosen).endswith(url + b" a")
    assert where_is(exchange, f"X-Forwarded-Prefix: {prefix}", **TRUSTED).endswith(b"http://a/p a")


@pytest.mark.parametrize(
    "names",
    [["X-Forwarded-For", "Forwarded"], ["X-Scheme", "X-Forwarded-Proto"], ["X-Client-Ip"], ["X-Real-Ip", "forwarded"]],
)
def test_fields_that_say_the_same_or_are_unknown_are_refused_at_once(names: list[str]) -> None:
    with pytest.raises(ValueError, match="X-|x-|forwarded"):
        ForwardingFields(names)
    with pytest.raises(ValueError):
        HTTPServer(who, xheaders=True, forwarding_headers=names)


def test_a_request_whose_body_comes_later_is_believed_too(exchange: Exchange) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 2\r\n\r\n"
    assert exchange(who, head, 0.01, b"hi", **TRUSTED)[0].endswith(b"1.2.3.4 http")


@pytest.mark.parametrize(
    "options", [{}, {"xheaders": True}, TRUSTED, {"trusted_downstream": ["10.0.0.1"]}], ids=lambda o: " ".join(o) or "-"
)
def test_the_context_of_a_connection_names_the_proxies_that_the_server_was_given(
    exchange: Exchange, options: dict[str, object]
) -> None:
    seen: list[HTTPRequestContext] = []

    def look(request: HTTPServerRequest) -> None:
        seen.append(request.connection.context)  # type: ignore[attr-defined]
        who(request)

    exchange(look, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", **options)
    (context,) = seen
    assert isinstance(context, HTTPRequestContext) and not hasattr(context, "__dict__")
    assert context.trusted_downstream == frozenset(options.get("trusted_downstream", ()))  # type: ignore[call-overload]
