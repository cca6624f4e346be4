"""The opening handshake: rows WS12-WS18 of bad input, and what a good one gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from waterspout.websocket import WebSocketHandler
from waterspout.websocket._upgrade import is_same_host
from waterspout.ws import accept_key


class Plain(WebSocketHandler):
    def on_message(self, message: str | bytes) -> None:
        raise AssertionError("no message is sent here")


class Compressing(Plain):
    def get_compression_options(self) -> dict[str, Any]:
        return {}


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_good_request_is_upgraded(handshake: Callable[..., bytes]) -> None:
    answer = handshake(Plain)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    lines = answer.split(b"\r\n")
    assert b"Upgrade: websocket" in lines
    assert b"Connection: Upgrade" in lines
    assert f"sec-websocket-accept: {accept_key('MDEyMzQ1Njc4OWFiY2RlZg==')}\r\n".lower().encode() in answer.lower()
    assert b"Content-Type" not in answer and b"Content-Length" not in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; foo",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=99",
    ],  # fmt: skip
)
def test_WS12_a_malformed_offer_of_compression_is_declined(handshake: Callable[..., bytes], offer: str) -> None:
    answer = handshake(Compressing, f"Sec-WebSocket-Extensions: {offer}")
    assert status(answer) == 101
    assert b"extensions" not in answer.lower()


def test_WS13_a_window_of_8_bits_is_declined(handshake: Callable[..., bytes]) -> None:
    answer = handshake(Compressing, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8")
    assert status(answer) == 101
    assert b"extensions" not in answer.lower()


def test_compression_is_agreed_to_only_where_the_handler_wants_it(handshake: Callable[..., bytes]) -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    assert b"permessage-deflate" in handshake(Compressing, offer)
    assert b"permessage-deflate" not in handshake(Plain, offer)


def test_an_extension_header_that_cannot_be_read_is_refused(handshake: Callable[..., bytes]) -> None:
    assert status(handshake(Compressing, "Sec-WebSocket-Extensions: permessage-deflate; =;")) == 400


@pytest.mark.parametrize(
    "key", ["short", "MDEyMzQ1Njc4OWFiY2RlZg==, MDEyMzQ1Njc4OWFiY2RlZg==", "", "MDEyMzQ1Njc4OWFiY2Rl"]
)
def test_WS14_a_key_that_is_not_sixteen_bytes_is_refused(handshake: Callable[..., bytes], key: str) -> None:
    assert status(handshake(Plain, f"Sec-WebSocket-Key: {key}")) == 400


def test_WS14_a_repeated_key_is_refused(handshake: Callable[..., bytes]) -> None:
    again = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
    assert status(handshake(Plain, again)) == 400


@pytest.mark.parametrize("version", ["8", "12", "13, 8", "", "013"])
def test_WS15_other_versions_are_told_which_one_there_is(handshake: Callable[..., bytes], version: str) -> None:
    answer = handshake(Plain, f"Sec-WebSocket-Version: {version}")
    assert status(answer) == 426
    assert b"sec-websocket-version: 13\r\n" in answer.lower()
    assert b"\r\nupgrade: websocket\r\n" in answer.lower()


@pytest.mark.parametrize("line", ["Upgrade: notwebsocket", "Upgrade:", "Connection: keep-alive"])
def test_WS16_a_request_that_does_not_ask_for_it_is_not_upgraded(handshake: Callable[..., bytes], line: str) -> None:
    assert status(handshake(Plain, line)) == 400


def test_WS16_only_GET_and_HTTP_1_1_are_upgraded(handshake: Callable[..., bytes]) -> None:
    assert status(handshake(Plain, "Content-Length: 0", request="POST / HTTP/1.1")) == 405
    assert status(handshake(Plain, request="GET / HTTP/1.0")) == 400


def test_WS16_the_body_of_a_refused_upgrade_is_not_the_next_request(handshake: Callable[..., bytes]) -> None:
    smuggled = b"GET /room/secret HTTP/1.1\r\nHost: a.example\r\n\r\n"
    answer = handshake(Plain, "Upgrade: notwebsocket", f"Content-Length: {len(smuggled)}", after=smuggled)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert status(answer) == 400


@pytest.mark.parametrize("origin", ["http://evil", "null", "http://a.evil.com", "http://a.example.evil", "a.example"])
def test_WS17_pages_of_other_origins_are_refused(handshake: Callable[..., bytes], origin: str) -> None:
    assert status(handshake(Plain, f"Origin: {origin}")) == 403


def test_WS17_what_the_browser_calls_cross_site_is_refused_with_or_without_origin(
    handshake: Callable[..., bytes],
) -> None:
    assert status(handshake(Plain, "Sec-Fetch-Site: cross-site")) == 403
    assert status(handshake(Plain, "Sec-Fetch-Site: cross-site", "Origin: http://a.example")) == 403


def test_WS17_pages_of_this_host_and_clients_that_are_no_browsers_are_welcome(handshake: Callable[..., bytes]) -> None:
    assert status(handshake(Plain)) == 101
    assert status(handshake(Plain, "Origin: https://A.example")) == 101
    assert status(handshake(Plain, "Origin: http://proxied.example", "Sec-Fetch-Site: same-origin")) == 101


def test_WS17_a_trusted_origin_and_an_overridden_check_let_others_in(handshake: Callable[..., bytes]) -> None:
    class Open(Plain):
        def check_origin(self, origin: str) -> bool:
            return True

    assert status(handshake(Open, "Origin: http://evil", "Sec-Fetch-Site: cross-site")) == 101
    assert status(handshake(Plain, "Origin: http://friend", trusted_origins=["http://friend"])) == 101


def test_WS18_a_subprotocol_that_was_not_offered_cannot_be_selected(
    handshake: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(Plain):
        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return "c"

    assert status(handshake(Wrong, "Sec-WebSocket-Protocol: a,b")) == 500
    assert "ValueError" in caplog.text and "'c'" in caplog.text


def test_the_selected_subprotocol_is_in_the_answer(handshake: Callable[..., bytes]) -> None:
    class Chooses(Plain):
        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return subprotocols[-1]

    assert b"sec-websocket-protocol: b\r\n" in handshake(Chooses, "Sec-WebSocket-Protocol: a, b").lower()


def test_headers_and_cookies_set_before_the_upgrade_are_in_the_answer(handshake: Callable[..., bytes]) -> None:
    class Greets(Plain):
        def prepare(self) -> None:
            self.set_header("X-Greeting", "hi")
            self.set_cookie("seen", "1")

    answer = handshake(Greets)
    assert b"X-Greeting: hi\r\n" in answer
    assert b"Set-Cookie: seen=1" in answer


def test_the_host_is_compared_as_a_whole() -> None:
    assert is_same_host("http://a:8080", "A:8080")
    assert not is_same_host("http://a", "a:8080")
    assert not is_same_host("http://a.b", "a")
    assert not is_same_host("null", "null")
    assert not is_same_host("://a", "a")


def test_WS26_a_websocket_over_http2_is_refused_as_http2_is(handshake: Callable[..., bytes]) -> None:
    # Extended CONNECT (RFC 8441) needs SETTINGS_ENABLE_CONNECT_PROTOCOL from us; there is no HTTP/2 here to send it.
    opened: list[object] = []

    class Opens(Plain):
        def open(self) -> None:
            opened.append(self)

    settings = b"\0\0\0\4\0\0\0\0\0"
    connect = b"\0\0\x20\1\4\0\0\0\1" + b"\x02\x07CONNECT\x00\x09:protocol\x09websocket\x84\x86"
    no_fields = ("Host:", "Upgrade:", "Connection:", "Sec-WebSocket-Key:", "Sec-WebSocket-Version:")
    answer = handshake(Opens, *no_fields, request="PRI * HTTP/2.0", after=b"SM\r\n\r\n" + settings + connect)
    assert status(answer) == 505
    assert b"Connection: close" in answer.split(b"\r\n\r\n")[0].split(b"\r\n")
    assert opened == []
