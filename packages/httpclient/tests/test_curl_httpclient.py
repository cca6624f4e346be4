"""The client on libcurl."""

from __future__ import annotations

import asyncio
import gzip
import time

import pytest

pytest.importorskip("pycurl")

import pycurl

from waterspout.curl_httpclient import CurlAsyncHTTPClient, CurlError
from waterspout.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

OK = b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture
def curl(request):
    made = []

    def make(**options):
        made.append(CurlAsyncHTTPClient(force_instance=True, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_fetch_gives_status_headers_body_and_times(run, peer, curl):
    async def main():
        async with peer(OK) as server:
            response = await curl().fetch(server.url + "/a?b")
            assert (response.code, response.reason, response.body) == (200, "Fine", b"hello")
            assert response.headers["x-a"] == "1"
            assert response.effective_url == server.url + "/a?b"
            assert {"queue", "connect", "starttransfer", "total"} <= set(response.time_info)
            assert abs(response.start_time - time.time()) < 5 and response.request_time < 5
            assert server.requests[0].startswith(b"GET /a?b HTTP/1.1\r\n")
            assert b"\r\nExpect" not in server.requests[0] and b"\r\nPragma" not in server.requests[0]

    run(main)


def test_an_instrument_that_wraps_the_fetch_of_the_base_class_sees_every_request(run, peer, curl, monkeypatch):
    seen = []
    plain = AsyncHTTPClient.fetch

    def wrapped(self, *args, **kwargs):
        seen.append(args)
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(AsyncHTTPClient, "fetch", wrapped)

    async def main():
        async with peer(OK) as server:
            assert (await curl().fetch(server.url)).body == b"hello"
            assert seen == [(server.url,)]

    run(main)


def test_a_subclass_with_its_own_fetch_impl_gets_settled_requests(run):
    seen = []

    class Fake(CurlAsyncHTTPClient):
        def fetch_impl(self, request, callback):
            seen.append(request.request_timeout)
            callback(HTTPResponse(request, 200))

    async def main():
        http = Fake(force_instance=True, defaults={"request_timeout": 7})
        assert (await http.fetch("http://a/")).code == 200
        assert seen == [7]
        http.close()

    run(main)


def test_connections_are_reused(run, peer, curl):
    async def main():
        async with peer(OK) as server:
            http = curl(max_clients=4)
            for _ in range(3):
                await http.fetch(server.url)
            assert server.connections == 1
            responses = await asyncio.gather(*[http.fetch(f"{server.url}/{n}") for n in range(30)])
            assert [r.effective_url.rpartition("/")[2] for r in responses] == [str(n) for n in range(30)]
            assert server.connections <= 4

    run(main)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_methods_and_bodies(run, peer, curl, method):
    async def main():
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        async with peer(answer) as server:
            body = b"data" * 100_000 if method in ("POST", "PUT", "PATCH") else None
            await curl().fetch(server.url, method=method, body=body, headers={"Content-Type": "text/x"})
            assert server.requests[0].startswith(method.encode() + b" / HTTP/1.1\r\n")
            assert server.requests[0].endswith(body or b"\r\n\r\n")
            assert server.requests[0].count(b"Content-Type") == 1

    run(main)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"method": "FOO"}, KeyError),
        ({"method": "G T", "allow_nonstandard_methods": True}, ValueError),
        ({"method": "POST"}, ValueError),
        ({"method": "GET", "body": b"x"}, ValueError),
        ({"headers": {"A": "b\r\nc"}}, ValueError),
        ({"headers": {"A b": "c"}}, ValueError),
        ({"auth_username": "u", "auth_mode": "x"}, ValueError),
        ({"ssl_options": {}}, ValueError),
        ({"method": "POST", "body_producer": print}, NotImplementedError),
        ({"auth": object()}, NotImplementedError),
    ],
)
def test_what_cannot_be_sent_is_refused(run, peer, curl, options, error):
    async def main():
        async with peer(OK) as server:
            http = curl()
            with pytest.raises(error):
                await http.fetch(server.url, **options)
            assert server.requests == []
            assert (await http.fetch(server.url)).body == b"hello"

    run(main)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a\r\nX: y", "http://127.0.0.1:1/a b", "ftp://127.0.0.1/", "file:///etc/passwd"]
)
def test_CS1_urls_that_are_no_http_urls_are_refused(run, curl, url):
    async def main():
        with pytest.raises((ValueError, CurlError)):
            await curl().fetch(url)

    run(main)


def test_options_of_one_request_are_not_left_for_the_next(run, peer, curl):
    async def main():
        async with peer(OK) as server:
            http = curl(max_clients=1)
            await http.fetch(server.url, headers={"X-Secret": "1"}, auth_username="u", auth_password="p")
            await http.fetch(server.url)
            await http.fetch(server.url, method="POST", body=b"x", user_agent="other")
            await http.fetch(server.url)
            assert b"Authorization: Basic dTpw" in server.requests[0]
            for request in (server.requests[1], server.requests[3]):
                assert request.startswith(b"GET / ")
                assert b"X-Secret" not in request and b"Authorization" not in request and b"other" not in request

    run(main)


def test_errors_have_curls_number(run, curl):
    async def main():
        with pytest.raises(CurlError) as caught:
            await curl().fetch("http://127.0.0.1:1/")
        assert caught.value.errno == pycurl.E_COULDNT_CONNECT and caught.value.code == 599
        assert isinstance(caught.value, HTTPClientError)

    run(main)


def test_error_status_redirects_and_gzip(run, peer, curl):
    data = gzip.compress(b"x" * 1000)
    zipped = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nX-Old: 1\r\nContent-Length: 0\r\n\r\n"

    async def main():
        async with peer(moved, zipped, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n") as server:
            http = curl()
            response = await http.fetch(server.url)
            assert response.body == b"x" * 1000 and response.effective_url == server.url + "/x"
            assert "X-Old" not in response.headers and response.reason == "OK"
            with pytest.raises(HTTPClientError, match="404: No"):
                await http.fetch(server.url)

    run(main)


def test_redirects_can_be_left_alone(run, peer, curl):
    async def main():
        async with peer(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n") as server:
            response = await curl().fetch(server.url, follow_redirects=False, raise_error=False)
            assert response.code == 302 and response.headers["Location"] == "/x"

    run(main)


def test_timeouts(run, peer, curl):
    async def handler(talk):
        await talk.request()
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            with pytest.raises(CurlError) as caught:
                await curl().fetch(server.url, request_timeout=0.05)
            assert caught.value.errno == pycurl.E_OPERATION_TIMEDOUT

    run(main)


@pytest.mark.parametrize("streaming", [False, True])
def test_CL5_body_over_the_limit_is_an_error(run, peer, curl, streaming):
    data = gzip.compress(bytes(3_000_000))
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data

    async def main():
        async with peer(answer) as server:
            options = {"streaming_callback": len} if streaming else {}
            with pytest.raises(CurlError, match="max_body_size of 100000"):
                await curl(max_body_size=100_000).fetch(server.url, **options)

    run(main)


def test_callbacks(run, peer, curl):
    async def main():
        async with peer(OK) as server:
            pieces, lines, seen = [], [], []
            response = await curl().fetch(
                server.url,
                streaming_callback=pieces.append,
                header_callback=lines.append,
                prepare_curl_callback=lambda handle: seen.append(handle) or handle.setopt(pycurl.USERAGENT, "mine"),
            )
            assert b"".join(pieces) == b"hello" and response.body == b""
            assert lines[0] == "HTTP/1.1 200 Fine\r\n" and lines[-1] == "\r\n"
            assert isinstance(seen[0], pycurl.Curl) and b"User-Agent: mine" in server.requests[0]

    run(main)


def test_exception_in_a_callback_is_the_fetchs(run, peer, curl):
    async def main():
        async with peer(OK) as server:
            http = curl()
            for name in ("streaming_callback", "header_callback"):
                with pytest.raises(ZeroDivisionError):
                    await http.fetch(server.url, **{name: lambda data: 1 / 0})
            assert (await http.fetch(server.url)).body == b"hello"

            async def coroutine(piece):
                raise AssertionError("never called")

            with pytest.raises(TypeError):
                await http.fetch(server.url, streaming_callback=coroutine)

    run(main)


def test_cancelling_ends_the_transfer_and_frees_its_handle(run, peer, curl):
    async def handler(talk):
        await talk.request()
        if b"/slow" in talk.peer.requests[-1]:
            await talk.reader.read()
        await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            http = curl(max_clients=1)
            slow, queued, last = (http.fetch(server.url + path) for path in ("/slow", "/queued", "/last"))
            await server.received(1)
            queued.cancel()
            slow.cancel()
            assert (await last).body == b"hello"
            assert [r.split()[1] for r in server.requests] == [b"/slow", b"/last"]

    run(main)


def test_closing_fails_what_is_under_way(run, peer, curl):
    async def handler(talk):
        await talk.request()
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            http = curl(max_clients=1)
            futures = [http.fetch(server.url), http.fetch(server.url)]
            await server.received(1)
            http.close()
            for future in futures:
                with pytest.raises(CurlError, match="closed"):
                    await future
            with pytest.raises(RuntimeError):
                http.fetch(server.url)

    run(main)


def test_proxy_and_tls(run, peer, curl, tls_server, certificate):
    async def main():
        async with peer(OK) as proxy, peer(OK, tls=tls_server()) as server:
            http = curl()
            await http.fetch(
                "http://server.invalid/x", proxy_host="127.0.0.1", proxy_port=proxy.port, proxy_username="u"
            )
            assert proxy.requests[0].startswith(b"GET http://server.invalid/x HTTP/1.1\r\n")
            assert b"Proxy-Authorization: Basic dTo=" in proxy.requests[0]
            with pytest.raises(CurlError):
                await http.fetch(server.url)
            assert (await http.fetch(server.url, ca_certs=certificate()[0])).body == b"hello"
            assert (await http.fetch(server.url, validate_cert=False)).body == b"hello"
            with pytest.raises(CurlError):
                await http.fetch(server.url)  # an unchecked connection is not used by a request that checks

    run(main)


def test_it_can_be_configured_as_the_client(run, peer):
    async def main():
        AsyncHTTPClient.configure("waterspout.curl_httpclient.CurlAsyncHTTPClient", max_clients=3)
        try:
            http = AsyncHTTPClient()
            assert type(http) is CurlAsyncHTTPClient and len(http._transfers) == 3
            async with peer(OK) as server:
                assert (await http.fetch(HTTPRequest(server.url))).body == b"hello"
            http.close()
        finally:
            AsyncHTTPClient.configure(None)

    run(main)


@pytest.mark.parametrize("name", ["stream", "events"])
def test_what_it_does_not_have_says_so(run, name):
    async def main():
        http = CurlAsyncHTTPClient(force_instance=True)
        with pytest.raises(NotImplementedError, match=r"CurlAsyncHTTPClient has no .*stream"):
            getattr(http, name)("http://127.0.0.1/")
        http.close()

    run(main)
