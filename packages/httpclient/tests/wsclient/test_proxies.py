"""WebSockets through proxies: HTTP and HTTPS tunnels, SOCKS, credentials, TLS to the server inside of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets
from websockets.asyncio.server import ServerConnection

from waterspout.httpclient import HTTPRequest, ProxyError
from waterspout.wsclient import websocket_connect

Run = Callable[[Callable[[], Awaitable[Any]]], Any]
Handler = Callable[[Any], Awaitable[None]]


async def echo(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


async def carry(talk: Any, port: int) -> None:
    """Pass bytes on between the proxy's client and 127.0.0.1:*port*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    await asyncio.gather(copy(talk.reader, writer), copy(reader, talk.writer), return_exceptions=True)


def tunnel(credentials: bytes = b"") -> Handler:
    """A proxy that tunnels, for those who show the *credentials* if there are any."""

    async def handler(talk: Any) -> None:
        head = await talk.request()
        if credentials and b"Proxy-Authorization: Basic " + credentials not in head:
            await talk.send(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b'Proxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n'
            )
            return
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await carry(talk, int(head.split()[1].rpartition(b":")[2]))

    return handler


def socks(seen: list[bytes]) -> Handler:
    """A SOCKS5 proxy that resolves every name to 127.0.0.1."""

    async def handler(talk: Any) -> None:
        _, count = await talk.reader.readexactly(2)
        await talk.reader.readexactly(count)
        await talk.send(b"\x05\x00")
        _, _, _, kind = await talk.reader.readexactly(4)
        size = 4 if kind == 1 else (await talk.reader.readexactly(1))[0]
        seen.append(await talk.reader.readexactly(size))
        port = int.from_bytes(await talk.reader.readexactly(2))
        await talk.send(b"\x05\x00\x00\x01" + bytes(6))
        await carry(talk, port)

    return handler


async def talk_through(request: HTTPRequest) -> None:
    ws = await websocket_connect(request, compression_options={})
    for message in ("through", "x" * 100_000):
        await ws.write_message(message)
        assert await ws.read_message() == message
    ws.close(1000)
    assert await ws.read_message() is None
    assert ws.close_code == 1000


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("proxy_secure", [False, True], ids=["http proxy", "https proxy"])
def test_a_proxy_is_asked_for_a_tunnel(
    run: Run,
    peer: Callable[..., Any],
    certificate: Callable[..., tuple[str, str]],
    tls_server: Callable[..., ssl.SSLContext],
    secure: bool,
    proxy_secure: bool,
) -> None:
    async def main() -> None:
        async with (
            websockets.serve(echo, "127.0.0.1", 0, ssl=tls_server() if secure else None) as server,
            peer(tunnel(), tls=tls_server() if proxy_secure else None) as proxy,
        ):
            port = server.sockets[0].getsockname()[1]
            url = f"{'wss' if secure else 'ws'}://127.0.0.1:{port}/"
            await talk_through(HTTPRequest(url, proxy=proxy.url, ca_certs=certificate()[0]))
            assert proxy.requests[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n".encode())
            assert b"Sec-WebSocket-Key" not in proxy.requests[0]

    run(main)


def test_credentials_go_to_the_proxy_alone_and_wrong_ones_are_an_error(run: Run, peer: Callable[..., Any]) -> None:
    async def main() -> None:
        seen: list[Any] = []

        async def look(ws: ServerConnection) -> None:
            assert ws.request is not None
            seen.append(ws.request.headers)
            await echo(ws)

        async with websockets.serve(look, "127.0.0.1", 0) as server, peer(tunnel(b"dTpw")) as proxy:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            await talk_through(HTTPRequest(url, proxy=f"http://u:p@127.0.0.1:{proxy.port}"))
            assert "Proxy-Authorization" not in seen[0]
            with pytest.raises(ProxyError):
                await websocket_connect(HTTPRequest(url, proxy=f"http://u:wrong@127.0.0.1:{proxy.port}"))
            assert len(seen) == 1
            fields = {"proxy-authorization": "Basic dTpw", "X-Mine": "kept"}
            await talk_through(HTTPRequest(url, headers=fields, proxy=f"http://u:p@127.0.0.1:{proxy.port}"))
            assert "Proxy-Authorization" not in seen[1] and seen[1]["X-Mine"] == "kept"

    run(main)


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_a_socks_proxy_gets_the_name_or_the_address(
    run: Run,
    peer: Callable[..., Any],
    certificate: Callable[..., tuple[str, str]],
    tls_server: Callable[..., ssl.SSLContext],
    secure: bool,
) -> None:
    async def main() -> None:
        seen: list[bytes] = []
        tls = tls_server("far.example") if secure else None
        async with websockets.serve(echo, "127.0.0.1", 0, ssl=tls) as server, peer(socks(seen)) as proxy:
            port = server.sockets[0].getsockname()[1]
            url = f"{'wss' if secure else 'ws'}://far.example:{port}/"
            trusted = certificate("far.example")[0]
            await talk_through(HTTPRequest(url, proxy=f"socks5h://127.0.0.1:{proxy.port}", ca_certs=trusted))
            if not secure:
                url = f"ws://127.0.0.1:{port}/"
                await talk_through(HTTPRequest(url, proxy=f"socks5://127.0.0.1:{proxy.port}"))
            assert seen == [b"far.example", b"\x7f\x00\x00\x01"][: 1 if secure else 2]

    run(main)


def test_a_proxy_that_cannot_be_reached_is_named(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(ProxyError, match="127.0.0.1:1"):
            await websocket_connect(HTTPRequest("ws://server.invalid/", proxy="http://127.0.0.1:1"))

    run(main)


def test_a_proxys_refusal_is_an_error_with_its_status(run: Run, peer: Callable[..., Any]) -> None:
    async def main() -> None:
        async with peer(b"HTTP/1.1 403 Not there\r\nContent-Length: 0\r\n\r\n") as proxy:
            with pytest.raises(ProxyError, match="403"):
                await websocket_connect(HTTPRequest("ws://server.invalid/", proxy=proxy.url))

    run(main)
