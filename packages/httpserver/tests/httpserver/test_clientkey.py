"""What counts as one client: IPv4 addresses, and networks of IPv6."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from waterspout.httpserver import HTTPServer
from waterspout.httpserver._clientkey import client_key
from waterspout.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def answer(request: HTTPServerRequest) -> None:
    request.connection.write_headers(ResponseStartLine("", 200, "OK"), HTTPHeaders({"Content-Length": "2"}), b"ok")
    request.connection.finish()


SAME = [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    ("2001:db8:1:2::1", "2001:DB8:0001:2:0:0:0:1"),
    ("2001:db8::", "2001:db8::1"),
    ("192.0.2.1", "::ffff:192.0.2.1"),
    ("192.0.2.1", "::FFFF:c000:201"),
    ("192.0.2.1", "64:ff9b::192.0.2.1"),
    ("192.0.2.1", "192.0.2.1"),
    ("fe80::1%eth0", "fe80::1%eth0"),
    ("64:ff9b:1::192.0.2.1", "64:ff9b:1::c000:201"),
]
APART = [
    ("2001:db8:1:2::1", "2001:db8:1:3::1"),
    ("192.0.2.1", "192.0.2.2"),
    ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"),
    ("64:ff9b:1::192.0.2.1", "64:ff9b:1::192.0.2.2"),
    ("::1", "::ffff:0.0.0.1"),
    ("fe80::1", "fe80::2"),
    ("fe80::1%eth0", "fe80::1%eth1"),
    ("febf::1", "febf::2"),
    ("", "127.0.0.1"),
    ("a:b", "a:c"),
    ("192.0.2.1", "192.0.2.1:80"),
    ("a\0:", "b\0:"),
    ("é:", "è:"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_RX4_addresses_of_one_client_have_one_key(one: str, other: str) -> None:
    assert client_key(one) == client_key(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_RX4_addresses_of_several_clients_have_several(one: str, other: str) -> None:
    assert client_key(one) != client_key(other)


def test_RX4_who_has_a_network_of_ipv6_has_one_share(serving: Any, until: Any) -> None:
    """The addresses are told by the PROXY protocol, in both of its versions."""

    def text(source: str) -> bytes:
        return f"PROXY TCP6 {source} 2001:db8::80 1024 80\r\n".encode()

    def binary(source: str) -> bytes:
        pair = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, "2001:db8::80")
        return b"\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + pair + b"\x04\x00\x00\x50"

    async def main() -> None:
        options = {"proxy_protocol": True, "trusted_downstream": ["127.0.0.1"], "max_connections_per_ip": 2}
        async with serving(answer, **options) as (server, connect):

            async def from_(header: bytes) -> Any:
                client = await connect()
                client.writer.write(header)
                return client

            let_in = [
                await from_(header)
                for header in (
                    text("2001:db8:1:2::1"),
                    binary("2001:db8:1:2:ffff::1"),
                    text("2001:db8:1:3::1"),
                    b"PROXY TCP4 192.0.2.1 192.0.2.80 1024 80\r\n",
                    text("::ffff:192.0.2.1"),
                    binary("::ffff:192.0.2.2"),
                )
            ]
            for client in let_in:
                assert b"200 OK" in await client.get()
            for header in (text("2001:db8:1:2:a::7"), binary("2001:db8:1:2:b::8"), text("::ffff:192.0.2.1")):
                refused = await from_(header)
                assert (await refused.rest()).startswith(b"HTTP/1.1 503 ")
                await refused.gone()
            await let_in.pop(0).gone()
            await until(lambda: server.guard.gate.count == 5)
            let_in.append(await from_(text("2001:db8:1:2:c::9")))
            assert b"200 OK" in await let_in[-1].get(), "a place that is free again is given away"
            for client in let_in:
                await client.gone()
            await until(lambda: server.guard.gate.count == 0)
            assert server.guard.gate._by_peer == {}

    asyncio.run(main())


def test_RX4_an_ipv4_client_has_one_share_whichever_socket_it_comes_to() -> None:
    async def main() -> None:
        server = HTTPServer(answer, max_connections_per_ip=1)
        listening = []
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")):
            sock = socket.socket(family)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((host, 0))
            sock.listen()
            listening.append(sock)
        server.add_sockets(listening)
        plain, both = (sock.getsockname()[1] for sock in listening)
        writers = []

        async def ask(port: int, source: str) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            writers.append(writer)
            writer.write(GET)
            return await asyncio.wait_for(reader.readline(), 60)

        assert b" 200 " in await ask(plain, "127.0.0.1")
        assert b" 503 " in await ask(both, "127.0.0.1"), "there it is ::ffff:127.0.0.1"
        assert b" 200 " in await ask(both, "127.0.0.2")
        assert b" 503 " in await ask(plain, "127.0.0.2")
        for writer in writers:
            writer.close()
        server.stop()
        await server.close_all_connections()

    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    asyncio.run(main())


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True
