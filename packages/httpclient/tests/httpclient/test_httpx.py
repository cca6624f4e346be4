"""The httpx transport, used through httpx."""

from __future__ import annotations

import asyncio
import gzip

import pytest

httpx = pytest.importorskip("httpx")

from waterspout.httpclient.httpx import WaterspoutTransport  # noqa: E402  # needs what is skipped for

OK = b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello"


def connect(**options):
    return httpx.AsyncClient(transport=WaterspoutTransport(**options), trust_env=False)


def test_get_over_kept_connections(run, peer):
    async def main():
        async with peer(OK) as server, connect() as http:
            for _ in range(3):
                response = await http.get(server.url + "/a?b=c", headers={"X-Mine": "1"})
                assert (response.status_code, response.reason_phrase, response.text) == (200, "Fine", "hello")
                assert response.headers.get_list("x-a") == ["1", "2"] and response.http_version == "HTTP/1.1"
            assert server.connections == 1
            assert server.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
            assert b"X-Mine: 1" in server.requests[0] and b"User-Agent: python-httpx" in server.requests[0]
            assert server.requests[0].count(b"Accept-Encoding") == 1

    run(main)


def test_bodies(run, peer):
    async def pieces():
        yield b"abc"
        yield b"de"

    async def main():
        async with peer(OK) as server, connect() as http:
            await http.post(server.url, json={"a": 1})
            await http.put(server.url, content=b"x" * 100_000)
            await http.post(server.url, content=pieces())
            await http.post(server.url, files={"f": b"data"})
            await http.request("DELETE", server.url, content=b"why not")
            assert server.requests[0].endswith(b'\r\n\r\n{"a":1}')
            assert server.requests[1].endswith(b"\r\n\r\n" + b"x" * 100_000)
            assert server.requests[2].endswith(b"\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            assert b'name="f"' in server.requests[3] and server.requests[4].endswith(b"why not")

    run(main)


def test_redirects_cookies_and_decoding_are_httpxs(run, peer):
    data = gzip.compress(b"x" * 100_000)
    zipped = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"

    async def main():
        async with peer(moved, zipped) as server, connect() as http:
            response = await http.get(server.url, follow_redirects=True)
            assert response.content == b"x" * 100_000 and len(response.history) == 1
            assert b"Cookie: a=b" in server.requests[1]

    run(main)


def test_streaming(run, peer):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.005)
        await talk.send(b"1\r\nd\r\n0\r\n\r\n")

    async def main():
        async with peer(handler) as server, connect() as http:
            async with http.stream("GET", server.url) as response:
                assert [piece async for piece in response.aiter_bytes()] == [b"abc", b"d"]
            async with http.stream("GET", server.url) as response:
                assert response.status_code == 200  # and leaves the rest
            client = next(iter(http._transport._clients.values()))
            assert client.statistics().open <= 1 and not client.active

    run(main)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"garbage\r\n\r\n", "RemoteProtocolError"),
        (b"", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "RemoteProtocolError"),
    ],
)
def test_what_the_server_does_wrong_is_a_remote_protocol_error(run, peer, answer, error):
    async def handler(talk):
        await talk.request()
        await talk.send(answer)

    async def main():
        async with peer(handler) as server, connect() as http:
            with pytest.raises(getattr(httpx, error)):
                await http.get(server.url)

    run(main)


def test_timeouts_and_refusals_are_httpxs(run, peer):
    async def handler(talk):
        await talk.request()
        await talk.reader.read()

    async def main():
        async with peer(handler) as server, connect(max_clients=1) as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url, timeout=0.05)
            slow = asyncio.ensure_future(http.get(server.url, timeout=None))
            await server.received(2)
            with pytest.raises(httpx.PoolTimeout):
                await http.get(server.url, timeout=httpx.Timeout(5, pool=0.02))
            slow.cancel()
            with pytest.raises(httpx.ConnectError):
                await http.get("http://127.0.0.1:1/")
            with pytest.raises(httpx.ConnectTimeout):
                await http.get(server.url.replace("http", "https"), timeout=httpx.Timeout(5, connect=0.05))
            with pytest.raises(httpx.UnsupportedProtocol):
                await http.get("ftp://127.0.0.1/")
            with pytest.raises(httpx.LocalProtocolError):
                await http.request("G T", server.url)

    run(main)


def test_cancelling_closes_the_connection(run, peer):
    async def handler(talk):
        await talk.request()
        await talk.reader.read()

    async def main():
        async with peer(handler) as server, connect() as http:
            task = asyncio.ensure_future(http.get(server.url))
            await server.received(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert next(iter(http._transport._clients.values())).statistics().open == 0

    run(main)


def test_one_transport_serves_several_loops(run, peer):
    transport = WaterspoutTransport()

    async def main():
        async with peer(OK) as server:
            http = httpx.AsyncClient(transport=transport)
            assert (await http.get(server.url)).text == "hello"

    run(main)
    run(main)
    assert len(transport._clients) == 2
