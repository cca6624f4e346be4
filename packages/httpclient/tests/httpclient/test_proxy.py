"""Proxies: which one, and what is said to it (CS17, CS18)."""

from __future__ import annotations

import asyncio

import pytest

from waterspout.httpclient import HTTPClientError, HTTPTimeoutError, InvalidURLError, Phase, ProxyError
from waterspout.httpclient._proxy import ProxyRules, parse_proxy
from waterspout.httpclient._url import parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def join(talk, host, port):
    """Carry bytes between the client and a server, as a proxy does."""
    reader, writer = await asyncio.open_connection(host, port)
    await asyncio.gather(pump(talk.reader, writer), pump(reader, talk.writer), return_exceptions=True)


def tunnel(*answers):
    """A proxy that gives the *answers* to the first CONNECTs, then tunnels."""
    left = list(answers)

    async def handler(talk):
        head = await talk.request()
        if left:
            await talk.send(left.pop(0))
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        await talk.send(b"HTTP/1.1 200 Connection established\r\nContent-Length: 100\r\n\r\n")
        await join(talk, host, int(port))

    return handler


def test_http_url_is_sent_to_the_proxy_whole(run, peer, client):
    async def main():
        async with peer(OK) as proxy:
            http = client()
            options = {"proxy_host": "127.0.0.1", "proxy_port": proxy.port}
            for _ in range(2):
                response = await http.fetch("http://server.invalid/a?b", **options)
                assert response.body == b"hello"
            assert proxy.requests[0].startswith(b"GET http://server.invalid/a?b HTTP/1.1\r\nHost: server.invalid\r\n")
            assert b"Proxy-Authorization" not in proxy.requests[0]
            assert proxy.connections == 1

    run(main)


def test_user_name_and_password_go_to_the_proxy_only(run, peer, client):
    async def main():
        async with peer(OK) as proxy:
            await client().fetch("http://server.invalid/", proxy=f"http://user:p%40ss@127.0.0.1:{proxy.port}")
            assert b"\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n" in proxy.requests[0]
            assert b"\r\nAuthorization" not in proxy.requests[0]

    run(main)


def test_digest_challenge_of_a_forwarding_proxy_is_answered(run, peer, client):
    challenge = (
        b'HTTP/1.1 407 P\r\nProxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 0\r\n\r\n'
    )

    async def main():
        async with peer(challenge, OK) as proxy:
            response = await client().fetch(
                "http://server.invalid/x",
                proxy_host="127.0.0.1",
                proxy_port=proxy.port,
                proxy_username="user",
                proxy_password="pass",
                proxy_auth_mode="digest",
            )
            assert response.body == b"hello"
            assert b"Proxy-Authorization: Digest " in proxy.requests[1]
            assert b'uri="http://server.invalid/x"' in proxy.requests[1]

    run(main)


def test_https_goes_through_a_tunnel(run, peer, client, tls_server, certificate):
    async def main():
        async with peer(OK, tls=tls_server()) as server, peer(tunnel()) as proxy:
            http = client(defaults={"ca_certs": certificate()[0], "proxy": f"http://u:p@127.0.0.1:{proxy.port}"})
            for _ in range(2):
                assert (await http.fetch(server.url + "/secret")).body == b"hello"
            place = b"127.0.0.1:%d" % server.port
            assert proxy.requests[0].startswith(b"CONNECT " + place + b" HTTP/1.1\r\nHost: " + place + b"\r\n")
            assert b"Proxy-Authorization: Basic" in proxy.requests[0]
            assert server.requests[0].startswith(b"GET /secret HTTP/1.1\r\n")
            assert b"Proxy-" not in server.requests[0]
            assert (proxy.connections, server.connections) == (1, 1)

    run(main)


def test_CS10_proxy_authorization_among_the_headers_does_not_go_through_the_tunnel(
    run, peer, client, tls_server, certificate
):
    async def main():
        async with peer(OK, tls=tls_server()) as server, peer(tunnel()) as proxy, peer(OK) as forwarding:
            http = client(defaults={"ca_certs": certificate()[0]})
            secret = {"proxy-authorization": "Basic c2VjcmV0", "X-Mine": "kept"}
            url = f"http://127.0.0.1:{proxy.port}"
            assert (await http.fetch(server.url, proxy=url, headers=secret)).body == b"hello"
            assert b"c2VjcmV0" not in server.requests[0] and b"X-Mine: kept" in server.requests[0]
            # A proxy that forwards is who it is for.
            url = f"http://127.0.0.1:{forwarding.port}"
            await http.fetch("http://server.invalid/", proxy=url, headers=secret)
            assert b"Proxy-Authorization: Basic c2VjcmV0\r\n" in forwarding.requests[0]
            assert secret == {"proxy-authorization": "Basic c2VjcmV0", "X-Mine": "kept"}

    run(main)


def test_tunnel_through_a_proxy_that_is_itself_https(run, peer, client, tls_server, certificate):
    async def main():
        async with peer(OK, tls=tls_server()) as server, peer(tunnel(), tls=tls_server()) as proxy:
            http = client(defaults={"ca_certs": certificate()[0], "proxy": f"https://127.0.0.1:{proxy.port}"})
            response = await http.fetch(server.url, method="POST", body=bytes(300_000))
            assert response.body == b"hello"
            assert len(server.requests[0]) > 300_000
            assert (await http.fetch(server.url)).body == b"hello"
            assert server.connections == 1

    run(main)


def test_CS17_body_of_a_successful_connect_is_ignored_and_digest_is_answered(
    run, peer, client, tls_server, certificate
):
    challenge = (
        b'HTTP/1.1 407 P\r\nProxy-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"\r\n\r\n'
    )

    async def main():
        async with peer(OK, tls=tls_server()) as server, peer(tunnel(challenge)) as proxy:
            response = await client().fetch(
                server.url,
                ca_certs=certificate()[0],
                proxy=f"http://user:pass@127.0.0.1:{proxy.port}",
                proxy_auth_mode="digest",
            )
            assert response.body == b"hello"
            assert b"Proxy-Authorization: Digest" in proxy.requests[1]

    run(main)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\n\r\n", "407"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", "302"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad", "502"),
        (b"garbage\r\n\r\n", "HTTP"),
        (b"", "HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "HTTP"),
    ],
    ids=["407", "302", "502", "garbage", "nothing", "huge"],
)
def test_CS17_refused_tunnel_is_a_proxy_error(run, peer, client, answer, match):
    async def main():
        async with peer(tunnel(answer)) as proxy:
            http = client()
            with pytest.raises(ProxyError, match=match) as caught:
                await http.fetch("https://server.invalid/", proxy=f"http://127.0.0.1:{proxy.port}")
            assert caught.value.phase is Phase.PROXY
            assert http.pool.size == 0

    run(main)


def test_CS17_bytes_before_the_handshake_are_an_error(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\ninjected")
        await talk.reader.read()

    async def main():
        async with peer(handler) as proxy:
            with pytest.raises(HTTPClientError):
                await client().fetch("https://server.invalid/", proxy=f"http://127.0.0.1:{proxy.port}")

    run(main)


def test_proxy_that_stalls_meets_the_connect_timeout(run, peer, client, certificate):
    async def handler(talk):
        await talk.reader.read()

    async def main():
        async with peer(handler) as proxy:
            with pytest.raises(HTTPTimeoutError, match="proxy") as caught:
                # Of one authority, since loading all of them may take longer than the timeout.
                http = client(defaults={"ca_certs": certificate()[0]})
                await http.fetch("https://server.invalid/", proxy=f"http://127.0.0.1:{proxy.port}", connect_timeout=1.0)
            assert caught.value.phase is Phase.PROXY

    run(main)


def test_unreachable_proxy_is_named(run, client):
    async def main():
        with pytest.raises(ProxyError, match="127.0.0.1:1"):
            await client().fetch("http://server.invalid/", proxy="http://127.0.0.1:1")

    run(main)


def socks(seen, *, method=0, reply=0, kind=1):
    async def handler(talk):
        version, count = await talk.reader.readexactly(2)
        methods = await talk.reader.readexactly(count)
        await talk.send(bytes([5, method]))
        if method == 2:
            _, size = await talk.reader.readexactly(2)
            username = await talk.reader.readexactly(size)
            (size,) = await talk.reader.readexactly(1)
            seen.append((username, await talk.reader.readexactly(size)))
            await talk.send(b"\x01\x00")
        _, command, _, address_type = await talk.reader.readexactly(4)
        if address_type == 1:
            host = ".".join(map(str, await talk.reader.readexactly(4)))
        else:
            (size,) = await talk.reader.readexactly(1)
            host = (await talk.reader.readexactly(size)).decode()
        port = int.from_bytes(await talk.reader.readexactly(2), "big")
        seen.append((version, command, methods, host))
        bound = {1: bytes(4), 3: b"\x03abc", 4: bytes(16), 9: b""}[kind]
        await talk.send(bytes([5, reply, 0, kind]) + bound + bytes(2))
        if reply == 0:
            await join(talk, "127.0.0.1", port)

    return handler


@pytest.mark.parametrize("kind", [1, 3, 4])
def test_socks5_connects_to_the_address(run, peer, client, kind):
    async def main():
        seen = []
        async with peer(OK) as server, peer(socks(seen, kind=kind)) as proxy:
            response = await client().fetch(
                f"http://localhost:{server.port}/x", proxy=f"socks5://127.0.0.1:{proxy.port}", allow_ipv6=False
            )
            assert response.body == b"hello"
            assert seen == [(5, 1, b"\x00", "127.0.0.1")]
            assert server.requests[0].startswith(b"GET /x HTTP/1.1\r\nHost: localhost:")

    run(main)


def test_socks5h_leaves_the_name_to_the_proxy_and_authenticates(run, peer, client, tls_server, certificate):
    async def main():
        seen = []
        async with peer(OK, tls=tls_server("far.example")) as server, peer(socks(seen, method=2)) as proxy:
            response = await client().fetch(
                f"https://far.example:{server.port}/",
                proxy=f"socks5h://user:pass@127.0.0.1:{proxy.port}",
                ca_certs=certificate("far.example")[0],
            )
            assert response.body == b"hello"
            assert seen == [(b"user", b"pass"), (5, 1, b"\x00\x02", "far.example")]

    run(main)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"method": 255}, "authentication"), ({"reply": 5}, "connection refused"), ({"kind": 9}, "address type")],
)
def test_socks_refusals_are_proxy_errors(run, peer, client, options, match):
    async def main():
        async with peer(socks([], **options)) as proxy:
            with pytest.raises(ProxyError, match=match):
                await client().fetch("http://1.2.3.4/", proxy=f"socks5://127.0.0.1:{proxy.port}")

    run(main)


# -- which proxy


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://p:3128", "http://p:3128"),
        ("p:3128", "http://p:3128"),
        ("p", "http://p:80"),
        ("https://p", "https://p:443"),
        ("socks5://p", "socks5://p:1080"),
        ("SOCKS5H://[::1]:9", "socks5h://[::1]:9"),
        ("http://user:secret@p:1/", "http://p:1"),
    ],
)
def test_proxy_is_a_url_or_host_and_port(text, shown):
    assert str(parse_proxy(text)) == shown


@pytest.mark.parametrize("text", ["ftp://p", "http://", "socks4://p:1", "http://p:99999"])
def test_malformed_proxy_is_refused(text):
    with pytest.raises(InvalidURLError):
        parse_proxy(text)


def chosen(environment, url):
    found = ProxyRules(environment).proxy_for(parse_url(url))
    return None if found is None else str(found)


def test_environment_chooses_by_scheme_and_lower_case_first():
    environment = {"http_proxy": "http://low:1", "HTTP_PROXY": "http://up:1", "HTTPS_PROXY": "http://s:2"}
    assert chosen(environment, "http://h/") == "http://low:1"
    assert chosen(environment, "https://h/") == "http://s:2"
    assert chosen({"ALL_PROXY": "socks5://a:3"}, "https://h/") == "socks5://a:3"
    assert chosen({}, "http://h/") is None


def test_CS18_HTTP_PROXY_is_ignored_in_cgi_programs():
    environment = {"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}
    assert chosen(environment, "http://h/") is None
    assert chosen({**environment, "http_proxy": "http://mine:1"}, "http://h/") == "http://mine:1"
    assert chosen({**environment, "HTTPS_PROXY": "http://mine:2"}, "https://h/") == "http://mine:2"


@pytest.mark.parametrize(
    ("no_proxy", "url", "excepted"),
    [
        ("*", "http://any/", True),
        ("example.com", "http://example.com/", True),
        ("example.com", "http://www.example.com/", True),
        ("example.com", "http://notexample.com/", False),
        (".example.com", "http://www.example.com/", True),
        (".example.com", "http://example.com/", False),
        ("*.example.com", "http://www.example.com/", True),
        ("EXAMPLE.com", "http://example.COM./", True),
        ("a, example.com b", "http://b/", True),
        ("example.com:8080", "http://example.com:8080/", True),
        ("example.com:8080", "http://example.com/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("10.0.0.0/8", "http://ten.example/", False),
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("2001:db8::/32", "http://[2001:db8::1]/", True),
        ("[2001:db8::1]:80", "http://[2001:db8::1]/", True),
        ("", "http://127.0.0.1/", True),
        ("", "http://localhost/", True),
        ("", "http://[::1]/", True),
        ("", "http://a.localhost/", True),
        ("", "http://h/", False),
    ],
)
def test_CS18_no_proxy_names_exceptions(no_proxy, url, excepted):
    environment = {"http_proxy": "http://p:1", "no_proxy": no_proxy}
    assert (chosen(environment, url) is None) is excepted


def test_environment_counts_unless_turned_off_or_overridden(run, peer, client, monkeypatch):
    async def main():
        async with peer(OK) as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            assert (await client().fetch("http://server.invalid/")).body == b"hello"
            for http in (client(trust_env=False), client(compat="tornado")):
                with pytest.raises(OSError, match="server.invalid"):
                    await http.fetch("http://server.invalid/")
            with pytest.raises(OSError, match="server.invalid"):
                await client().fetch("http://server.invalid/", proxy="")
            assert len(proxy.requests) == 1

    run(main)
