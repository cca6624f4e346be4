"""The PROXY protocol: its two headers, who is believed, and that nothing else gets through a port that speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.httpserver import HTTPServer
from waterspout.httpserver import _proxyreader as reader_module
from waterspout.httpserver._proxyprotocol import (
    SIGNATURE,
    ProxyHeader,
    ProxyProtocolError,
    crc32c,
    parse_v1,
    parse_v2,
    v2_size,
)
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from waterspout.netutil import bind_sockets, bind_unix_socket

Exchange = Callable[..., tuple[bytes, bool]]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
V1 = b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"
TRUSTED = {"proxy_protocol": True, "trusted_downstream": ["127.0.0.1"]}


def v2(family: int, body: bytes, *values: tuple[int, bytes], command: int = 0x21) -> bytes:
    body += b"".join(bytes([kind]) + struct.pack("!H", len(value)) + value for kind, value in values)
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


IPV4 = socket.inet_aton("1.1.1.1") + socket.inet_aton("2.2.2.2") + struct.pack("!HH", 1, 2)
IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(16) + struct.pack("!HH", 443, 2)


def who(request: HTTPServerRequest) -> None:
    body = f"{request.remote_ip} {request.connection.context.address!r}".encode()  # type: ignore[attr-defined]
    request.connection.write_headers(
        ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": str(len(body))}), body
    )
    request.connection.finish()


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        (V1, b"1.1.1.1 ('1.1.1.1', 1)"),
        (b"PROXY TCP6 2001:DB8::1 ::1 443 80\r\n", b"2001:db8::1 ('2001:db8::1', 443)"),
        (v2(0x11, IPV4), b"1.1.1.1 ('1.1.1.1', 1)"),
        (v2(0x21, IPV6), b"2001:db8::1 ('2001:db8::1', 443)"),
        (v2(0x11, IPV4, (0x02, b"name.example"), (0x04, bytes(300))), b"1.1.1.1 ('1.1.1.1', 1)"),
    ],
)
@pytest.mark.parametrize("cuts", [(), (1,), (6, 20), (15, 16)])
def test_XH9_a_header_of_a_trusted_peer_names_the_client(
    exchange: Exchange, header: bytes, answer: bytes, cuts: tuple[int, ...]
) -> None:
    raw = header + GET + GET
    pieces: list[bytes | float] = []
    for start, end in zip((0, *cuts), (*cuts, len(raw)), strict=True):
        pieces += [raw[start:end], 0.01]
    received, closed = exchange(who, *pieces, **TRUSTED)
    assert received.count(answer) == 2 and not closed


@pytest.mark.parametrize(
    "header",
    [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 whatever 0 0\r\n", v2(0, b"", command=0x20), v2(0, b"", (4, b"x")),
     v2(0x11, IPV4, command=0x20), v2(0x31, bytes(216))],
)  # fmt: skip
def test_XH9_a_balancer_that_speaks_for_itself_keeps_its_address(exchange: Exchange, header: bytes) -> None:
    received, _ = exchange(who, header + GET, **TRUSTED)
    assert b"\r\n\r\n127.0.0.1 " in received


GARBAGE = [
    GET,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + GET,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2" + b" " * 90 + b"\r\n" + GET,
    b"PROXY " + b"x" * 200,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 70000\r\n" + GET,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n" + GET,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n" + GET,
    b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n" + GET,
    b"PROXY TCP4 ::1 ::1 1 2\r\n" + GET,
    b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    b"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET,
    b"PROXY TCP4\r\n" + GET,
    SIGNATURE + b"\x31\x11\x00\x0c" + IPV4 + GET,  # version 3
    SIGNATURE + b"\x22\x11\x00\x0c" + IPV4 + GET,  # no such command
    SIGNATURE + b"\x21\x11\x00\x0b" + IPV4 + GET,  # too short for its family
    SIGNATURE + b"\x21\x12\x00\x0c" + IPV4 + GET,  # UDP
    SIGNATURE + b"\x21\x11\xff\xff" + IPV4 + GET,  # longer than any
    v2(0x11, IPV4 + b"\x01\x00") + GET,  # a vector without its length
    v2(0x11, IPV4 + b"\x01\x00\x05abc") + GET,  # a vector cut short
    v2(0x11, IPV4, (0x03, b"\0\0\0\0")) + GET,  # a wrong checksum
    b"\r\n\r\n\0\r\nQUIT\r" + GET,
]


@pytest.mark.parametrize("raw", GARBAGE, ids=range(len(GARBAGE)))
def test_XH9_whatever_else_comes_is_closed_unanswered(
    exchange: Exchange, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    received, closed = exchange(who, raw, **TRUSTED)
    assert received == b"" and closed
    assert len(caplog.records) == 1 and caplog.records[0].levelno == logging.INFO and not caplog.records[0].exc_info


def test_XH9_untrusted_peers_are_closed_and_ordinary_ports_do_not_speak_it(exchange: Exchange) -> None:
    received, closed = exchange(who, V1 + GET, proxy_protocol=True, trusted_downstream=["10.0.0.0/8"])
    assert received == b"" and closed
    received, closed = exchange(who, V1 + GET, proxy_protocol=True)
    assert received == b"" and closed, "nobody is trusted unless named"
    received, closed = exchange(who, V1 + GET, trusted_downstream=["127.0.0.1"])
    assert b" 400 " in received and b"1.1.1.1" not in received and closed


@pytest.mark.parametrize("start", [b"", b"PROXY TCP4 1.1.1", SIGNATURE])
def test_XH9_a_header_that_does_not_come_is_waited_for_no_longer_than_its_deadline(
    monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(reader_module.ProxyHeaderReader.__init__, "__defaults__", (0.2,))

    async def main() -> None:
        server = HTTPServer(who, **TRUSTED)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(start)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        assert server.guard.gate.count == 0
        server.stop()

    asyncio.run(main())


def test_XH9_before_tls_and_the_scheme_stays_https(tls_files: tuple[str, str]) -> None:
    async def main() -> None:
        certificate, key = tls_files
        server = HTTPServer(who, ssl_options={"certfile": certificate, "keyfile": key}, **TRUSTED)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])

        def fetch() -> bytes:
            context = ssl.create_default_context(cafile=certificate)
            with socket.create_connection(sock.getsockname(), timeout=10) as plain:
                plain.sendall(V1)
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.sendall(GET)
                    return tls.recv(65536)

        received = await asyncio.get_running_loop().run_in_executor(None, fetch)
        assert b"1.1.1.1 ('1.1.1.1', 1)" in received
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


def test_XH9_on_a_unix_socket_the_client_has_the_address_that_was_named(tmp_path: Path) -> None:
    async def main(trusted: list[str]) -> bytes:
        server = HTTPServer(who, proxy_protocol=True, trusted_downstream=trusted)
        path = str(tmp_path / "socket")
        server.add_sockets([bind_unix_socket(path)])
        reader, writer = await asyncio.open_unix_connection(path)
        received = b""
        with contextlib.suppress(ConnectionError):  # closed at once
            writer.write(V1 + GET + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            received = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        server.stop()
        await server.close_all_connections()
        return received

    assert asyncio.run(main(["unix:"])).count(b"1.1.1.1 ('1.1.1.1', 1)") == 2
    assert asyncio.run(main(["127.0.0.1"])) == b""


def test_version_2_carries_tls_and_name() -> None:
    header = parse_v2(v2(0x11, IPV4, (0x02, b"name.example"), (0x20, b"\x01\0\0\0\0")))
    assert header == ProxyHeader(("1.1.1.1", 1), ("2.2.2.2", 2), True, "name.example")
    assert parse_v2(v2(0x11, IPV4, (0x20, b"\0\0\0\0\0"))).tls is False


def test_checksum_is_crc32c_and_verified() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    blank = v2(0x11, IPV4, (0x03, bytes(4)), (0x04, b"x"))
    right = blank.replace(b"\x03\0\x04\0\0\0\0", b"\x03\0\x04" + struct.pack("!I", crc32c(blank)))
    assert parse_v2(right).source == ("1.1.1.1", 1)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_header_or_an_error(data: bytes) -> None:
    for parse in (parse_v1, lambda raw: parse_v2(raw) if len(raw) == v2_size(raw[:16].ljust(16, b"\0")) else None):
        result: Any
        for raw in (data, b"PROXY " + data, SIGNATURE + data, SIGNATURE + b"\x21\x11\x00" + data):
            try:
                result = parse(raw)
            except ProxyProtocolError:
                continue
            assert result is None or isinstance(result, ProxyHeader)
