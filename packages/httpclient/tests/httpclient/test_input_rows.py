"""The rows of the table of bad input for the client: CS (sending) and CL (reading), each on the wire."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib

import pytest

from waterspout.httpclient import (
    BodyNotReplayableError,
    ContentDecodingError,
    FetchError,
    ForbiddenAddressError,
    HeadTooLargeError,
    HTTPRequest,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    InvalidRedirectError,
    InvalidRequestError,
    ProtocolError,
    RedirectError,
    ResponseTooLargeError,
    TooManyRedirectsError,
    is_public_address,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def gzipped(data: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data


async def refuses(http, peer, error, match=None, **options):
    """A fetch with *options* raises *error*, and not one byte reaches the server."""
    async with peer(OK) as server:
        with pytest.raises(error, match=match):
            await http.fetch(server.url + options.pop("path", "/"), **options)
        assert server.requests == [] and server.connections == 0


# -- sending


@pytest.mark.parametrize("path", ["/a\r\nX: y", "/ a b", "/\x00"])
def test_CS1_url_with_control_characters_or_spaces_is_refused(run, peer, client, path):
    run(lambda: refuses(client(), peer, ValueError, path=path))


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y", "G T", "", "GET\n", "GÄT"])
def test_CS2_method_that_is_no_token_is_refused(run, peer, client, method):
    run(lambda: refuses(client(), peer, ValueError, method=method, allow_nonstandard_methods=True))


def test_CS2_case_of_the_method_is_kept(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client()
            with pytest.raises(KeyError, match="unknown method get"):
                await http.fetch(server.url, method="get")
            await http.fetch(server.url, method="get", allow_nonstandard_methods=True)
            assert server.requests[0].startswith(b"get / HTTP/1.1\r\n")

    run(main)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X A", "1"),
        ("X:", "1"),
        ("", "1"),
        ("X\r\nY", "1"),
        ("Ä", "1"),
        ("X", "a\r\nb"),
        ("X", "a\nb"),
        ("X", "a\0b"),
        ("X", "a\x7fb"),
        ("X", "€"),
    ],
)
def test_CS3_header_that_the_grammar_forbids_is_refused(run, peer, client, name, value):
    run(lambda: refuses(client(), peer, ValueError, headers={name: value}))
    run(lambda: refuses(client(), peer, ValueError, user_agent="a\r\nb"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Transfer-Encoding": "chunked"},
        {"Content-Length": "3"},
        {"Content-Length": "5"},
        {"Content-Length": "+4"},
        {"Content-Length": "4", "Transfer-Encoding": "chunked"},
        {"content-length": "4", "Content-Length": "5"},
    ],
)
def test_CS4_framing_headers_that_disagree_with_the_body_are_refused(run, peer, client, headers):
    run(lambda: refuses(client(), peer, InvalidRequestError, method="POST", body=b"1234", headers=headers))


def test_CS4_both_framings_are_refused_for_a_producer_too(run, peer, client):
    async def produce(write):
        await write(b"x")

    headers = {"Content-Length": "1", "Transfer-Encoding": "chunked"}
    run(lambda: refuses(client(), peer, InvalidRequestError, method="POST", body_producer=produce, headers=headers))


def test_CS4_right_length_is_sent_once(run, peer, client):
    async def main():
        async with peer(OK) as server:
            await client().fetch(server.url, method="POST", body=b"1234", headers={"content-length": "4"})
            assert server.requests[0].lower().count(b"content-length: 4\r\n") == 1

    run(main)


def test_CS5_host_header_is_sent_as_given_but_never_with_a_line_break(run, peer, client):
    async def main():
        async with peer(OK) as server:
            await client().fetch(server.url, headers={"Host": "other.example"})
            assert server.requests[0].startswith(b"GET / HTTP/1.1\r\nHost: other.example\r\n")
            assert server.requests[0].count(b"Host:") == 1

    run(main)
    run(lambda: refuses(client(), peer, ValueError, headers={"Host": "a\r\nX: y"}))


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "017700000001"])
def test_CS6_unusual_spellings_of_addresses_are_not_fetched(run, client, host):
    async def main():
        with pytest.raises(ValueError, match="ends in a number"):
            await client().fetch(f"http://{host}:1/")

    run(main)


def test_CS7_one_host_for_connection_and_host_header(run, peer, client):
    async def main():
        async with peer(OK) as server:
            await client().fetch(f"http://127.0.0.1:{server.port}\\@evil.invalid/")
            assert server.requests[0].startswith(
                b"GET /@evil.invalid/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
            )

    run(main)


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 169.254.169.254 192.168.1.1 100.64.0.1 0.0.0.0 224.0.0.1 ::1 :: fc00::1 fe80::1 nonsense "
    "::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::".split(),
)
def test_CS8_guard_knows_addresses_that_are_not_public(address):
    assert not is_public_address(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e", "::ffff:8.8.8.8"])
def test_CS8_guard_lets_public_addresses_pass(address):
    assert is_public_address(address)


def test_CS8_guard_refuses_after_resolution_and_on_each_redirect(run, peer, client):
    async def main():
        async with peer(redirect("http://localhost:1/secret")) as server:
            http = client(allow_address=is_public_address)
            with pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.1"):
                await http.fetch(server.url)
            assert server.connections == 0
            guarded = client(
                allow_address=lambda address: address == "127.0.0.1", hostname_mapping={"inner": "127.0.0.2"}
            )
            async with peer(redirect(f"http://inner:{server.port}/")) as other:
                with pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.2"):
                    await guarded.fetch(other.url)

    run(main)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://h/", "data:,x", "javascript:x", "ftp://h/"])
def test_CS9_redirect_to_another_scheme_is_an_error_at_once(run, peer, client, location):
    async def main():
        async with peer(redirect(location)) as server:
            with pytest.raises(InvalidRedirectError) as caught:
                await client().fetch(server.url)
            assert isinstance(caught.value, ValueError)

    run(main)


def test_CS9_redirect_from_https_to_http_is_not_followed(run, peer, client, tls_server, certificate):
    async def main():
        async with peer(OK) as plain, peer(redirect(plain.url), tls=tls_server()) as secure:
            http = client(defaults={"ca_certs": certificate()[0]})
            with pytest.raises(RedirectError, match="from https to http"):
                await http.fetch(secure.url)
            assert plain.requests == []

    run(main)


SECRETS = {
    "Authorization": "Basic x",
    "authorization": "Basic x",
    "Cookie": "a=b",
    "Proxy-Authorization": "y",
    "X-Api-Key": "z",
}


def test_CS10_credentials_stay_with_their_origin(run, peer, client):
    async def main():
        async with peer(OK) as other, peer(redirect(other.url + "/there")) as server:
            http = client()
            await http.fetch(server.url, headers={**SECRETS, "X-Mine": "kept"})
            first, second = server.requests[0].lower(), other.requests[0].lower()
            for name in SECRETS:
                assert name.lower().encode() in first
                assert name.lower().encode() not in second
            assert b"x-mine: kept" in second
            with_auth = server.url.replace("//", "//user:pass@")
            await http.fetch(with_auth)
            await http.fetch(server.url, auth_username="user", auth_password="pass")
            assert [b"Authorization: Basic dXNlcjpwYXNz" in r for r in server.requests[1:]] == [True, True]
            assert [b"Authorization" in r for r in other.requests[1:]] == [False, False]
            await client(private_headers=["X-Mine"]).fetch(server.url, headers={"X-Mine": "secret"})
            assert b"X-Mine" not in other.requests[-1]

    run(main)


def test_CS10_credentials_follow_a_redirect_on_the_same_origin(run, peer, client):
    async def main():
        async with peer(redirect("/there"), OK) as server:
            await client().fetch(server.url, headers={"Cookie": "a=b"}, auth_username="user", auth_password="pass")
            assert b"Cookie: a=b" in server.requests[1] and b"Authorization: Basic" in server.requests[1]

    run(main)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_CS11_post_becomes_get_without_body_and_its_headers(run, peer, client, status):
    async def main():
        async with peer(redirect("/next", status), OK) as server:
            headers = {"Content-Type": "text/plain", "Content-Encoding": "x", "X-Other": "1"}
            await client().fetch(server.url, method="POST", body=b"data", headers=headers)
            second = server.requests[1]
            assert second.startswith(b"GET /next HTTP/1.1\r\n")
            assert b"Content-" not in second and b"X-Other: 1" in second and second.endswith(b"\r\n\r\n")

    run(main)


@pytest.mark.parametrize("status", [307, 308])
def test_CS11_307_and_308_send_the_body_again_if_they_can(run, peer, client, status):
    async def produce(write):
        await write(b"x")

    async def main():
        async with peer(redirect("/next", status), OK) as server:
            await client().fetch(server.url, method="POST", body=b"data")
            assert server.requests[1].startswith(b"POST /next") and server.requests[1].endswith(b"\r\n\r\ndata")
        async with peer(redirect("/next", status), OK) as server:
            with pytest.raises(BodyNotReplayableError):
                await client().fetch(server.url, method="POST", body_producer=produce)
            assert len(server.requests) == 1

    run(main)


def test_CS12_too_many_redirects_are_an_error_of_their_own(run, peer, client):
    async def main():
        async with peer(redirect("/again")) as server:
            with pytest.raises(TooManyRedirectsError) as caught:
                await client().fetch(server.url)
            assert len(server.requests) == 6
            assert caught.value.response.code == 302
            response = await client(compat="tornado").fetch(server.url, raise_error=False, max_redirects=1)
            assert response.code == 302

    run(main)


@pytest.mark.parametrize("location", ["Location: \r\n", ""])
def test_CS12_redirect_without_location_is_the_response(run, peer, client, location):
    async def main():
        async with peer(f"HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n".encode()) as server:
            response = await client().fetch(server.url, raise_error=False)
            assert response.code == 302

    run(main)


@pytest.mark.parametrize("location", ["http://a:99999/", "http://[::1/", "http://a b:1/"])
def test_CS12_redirect_to_a_bad_url_is_an_error(run, peer, client, location):
    async def main():
        async with peer(redirect(location)) as server:
            with pytest.raises(RedirectError):
                await client().fetch(server.url)

    run(main)


def test_CS13_location_is_encoded_and_resolved(run, peer, client):
    async def main():
        answer = "HTTP/1.1 302 Found\r\nLocation: /a b/é#frag\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
        async with peer(answer, OK) as server:
            response = await client().fetch(server.url)
            assert server.requests[1].startswith(b"GET /a%20b/%C3%A9 HTTP/1.1\r\n")
            assert response.effective_url.endswith("#frag")
            assert [redirect.code for redirect in response.history] == [302]

    run(main)


def test_CS14_post_is_not_repeated_after_a_reset(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(OK)
        await talk.request()
        talk.reset()

    async def main():
        async with peer(handler) as server:
            http = client()
            await http.fetch(server.url)
            with pytest.raises(HTTPStreamClosedError):
                await http.fetch(server.url, method="POST", body=b"pay")
            assert len(server.requests) == 2
            await http.fetch(server.url)
            response = await http.fetch(server.url)  # a GET on a connection that dies so is sent again, once
            assert response.body == b"hello" and len(server.requests) == 5

    run(main)


def test_CS14_post_is_not_risked_on_a_connection_that_the_server_has_closed(run, thread_peer, client):
    requests = []

    def handler(connection):
        requests.append(connection.recv(65536))
        connection.sendall(OK)

    async def main():
        url = f"http://127.0.0.1:{thread_peer(handler)}/"
        http = client()
        await http.fetch(url)
        time.sleep(0.02)  # noqa: ASYNC251  # the loop must not see the close before the next fetch does
        assert http.statistics().idle == 1
        response = await http.fetch(url, method="POST", body=b"pay")
        assert response.body == b"hello"
        assert [request.split()[0] for request in requests] == [b"GET", b"POST"]
        assert http.statistics().opened == 2

    run(main)


def test_CS15_connection_with_unasked_bytes_is_discarded(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(OK)
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await talk.request()

    async def main():
        async with peer(handler) as server:
            http = client()
            await http.fetch(server.url)
            for _ in range(100):
                if not http.statistics().open:
                    break
                await asyncio.sleep(0.002)
            assert http.statistics().open == 0
            assert (await http.fetch(server.url)).body == b"hello"

    run(main)


def test_CS15_bytes_that_came_before_the_request_left_are_not_its_answer(run, thread_peer, client):
    def handler(connection):
        connection.recv(65536)
        connection.sendall(OK)
        time.sleep(0.005)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    async def main():
        url = f"http://127.0.0.1:{thread_peer(handler)}/"
        http = client()
        await http.fetch(url)
        time.sleep(0.03)  # noqa: ASYNC251  # the poison has arrived, and the loop does not know it yet
        assert http.statistics().idle == 1
        assert (await http.fetch(url)).body == b"hello"
        assert http.statistics().opened == 2

    run(main)


def test_CS16_cancelled_or_expired_in_the_body_closes_the_connection(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            http = client()
            future = http.fetch(server.url)
            await server.received(1)
            await asyncio.sleep(0.005)
            assert next(iter(http.active)).incoming is not None
            future.cancel()
            assert http.statistics().open == 0
            with pytest.raises(HTTPTimeoutError):
                await http.fetch(server.url, request_timeout=0.05)
            assert http.statistics().open == 0

    run(main)


def test_CS19_queue_is_first_come_first_served_and_forgets_who_left(run, peer, client):
    async def handler(talk):
        while True:
            await talk.request()
            await asyncio.sleep(0.002)
            await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            http = client(max_clients=1)
            futures = [http.fetch(f"{server.url}/{n}") for n in range(6)]
            futures[3].cancel()
            assert len(http.queue) == 4
            with pytest.raises(HTTPTimeoutError, match="queue"):
                await http.fetch(server.url, queue_timeout=0.001)
            await asyncio.gather(*futures, return_exceptions=True)
            assert [r.split()[1] for r in server.requests] == [b"/0", b"/1", b"/2", b"/4", b"/5"]

    run(main)


def test_CS20_body_is_sent_though_100_continue_never_comes(run, peer, client, monkeypatch):
    monkeypatch.setattr("waterspout.httpclient._exchange.CONTINUE_PATIENCE", 0.02)

    async def handler(talk):
        await talk.request()
        talk.peer.requests.append(await talk.reader.readexactly(4))
        await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            response = await client().fetch(server.url, method="POST", body=b"data", expect_100_continue=True)
            assert response.body == b"hello" and server.requests[1] == b"data"

    run(main)


# -- reading


async def fails(http, peer, answer, error=ProtocolError, match=None, **options):
    """A server that answers with *answer* and closes makes the fetch raise *error*; its connection is not kept."""

    async def handler(talk):
        await talk.request()
        await talk.send(answer)

    async with peer(handler) as server:
        with pytest.raises(error, match=match) as caught:
            await http.fetch(server.url, **options)
        assert http.statistics().open == 0
        assert caught.value.url and caught.value.phase
        return caught.value


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ("Content-Length: 5\r\nContent-Length: 6", "Content-Length"),
        ("Content-Length: +2", "Content-Length"),
        ("Content-Length: 0x2", "Content-Length"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", "both"),
        ("Transfer-Encoding: gzip, chunked", "not supported"),
    ],
)
def test_CL1_doubtful_framing_is_an_error_that_says_so(run, peer, client, fields, match):
    run(lambda: fails(client(), peer, f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\nhello".encode(), match=match))


def test_CL1_malformed_chunk_size_is_an_error(run, peer, client):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    run(lambda: fails(client(), peer, head + b"0x2\r\nab\r\n0\r\n\r\n", match="chunk"))


@pytest.mark.parametrize(
    "line", ["garbage", "HTTP/1.1 99 X", "HTTP/1.1 1000 X", "HTTP/1.1 2x0 X", "HTTP/2.0 200 OK", "HTTP/1.1"]
)
def test_CL2_malformed_status_line_is_named(run, peer, client, line):
    run(lambda: fails(client(), peer, f"{line}\r\nContent-Length: 0\r\n\r\n".encode(), match="HTTP"))


def test_CL3_more_than_ten_interim_responses_are_an_error(run, peer, client):
    run(lambda: fails(client(), peer, b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + OK, match="interim"))


def test_CL3_early_hints_are_shown(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + OK) as server:
            seen = []
            response = await client().fetch(server.url, interim_callback=seen.append)
            assert response.body == b"hello"
            assert [(head.status, head.headers["Link"]) for head in seen] == [(103, "</style.css>")]

    run(main)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000 + b"\r\n",
        b"HTTP/1.1 103 E\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
    ids=["line", "fields", "interim"],
)
def test_CL4_oversized_head_is_an_error_that_names_the_limit(run, peer, client, answer):
    run(lambda: fails(client(), peer, answer, HeadTooLargeError, match="65536 bytes or 256 fields"))


def test_CL4_limit_of_the_head_can_be_set(run, peer, client):
    answer = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2000 + b"\r\n\r\n"
    run(lambda: fails(client(max_header_size=1024), peer, answer, HeadTooLargeError, match="1024"))


@pytest.mark.parametrize("streaming", [False, True])
def test_CL5_decompressed_body_over_the_limit_is_an_error(run, peer, client, streaming):
    bomb = gzip.compress(bytes(3_000_000))
    sizes = []
    options = {"streaming_callback": lambda piece: sizes.append(len(piece))} if streaming else {}
    run(
        lambda: fails(
            client(max_body_size=1_000_000), peer, gzipped(bomb), ResponseTooLargeError, "limit of 1000000", **options
        )
    )
    assert not sizes or max(sizes) <= 65536


def test_CL5_deflate_is_limited_too(run, peer, client):
    data = zlib.compress(bytes(3_000_000))
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    run(lambda: fails(client(max_body_size=1_000_000), peer, answer, ResponseTooLargeError))


def test_CL5_body_of_a_redirect_is_neither_decoded_nor_read_to_its_end(run, peer, client):
    async def main():
        bomb = gzip.compress(bytes(3_000_000))
        head = b"HTTP/1.1 302 F\r\nLocation: /next\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        async with peer(head % len(bomb) + bomb, head % 10**9, OK) as server:
            response = await client(max_body_size=10**10).fetch(server.url)
            assert response.body == b"hello"
            assert server.connections == 2  # the first body was read, so its connection was kept; the second was not

    run(main)


@pytest.mark.parametrize("fields", [b"Content-Length: 2000", b"Transfer-Encoding: chunked", b"X: until close"])
def test_CL5_raw_body_over_the_limit_is_an_error(run, peer, client, fields):
    body = b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n" if b"chunked" in fields else b"x" * 2000
    answer = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + body
    run(lambda: fails(client(max_body_size=1000), peer, answer, ResponseTooLargeError, "1000"))


@pytest.mark.parametrize("layers", [3, 6, 1000])
def test_CL6_more_than_two_content_codings_are_an_error(run, peer, client, layers):
    coding = ", ".join(["gzip"] * layers)
    answer = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 1\r\n\r\nx".encode()
    run(lambda: fails(client(), peer, answer, ContentDecodingError, "content codings"))


def test_CL6_two_codings_are_undone(run, peer, client):
    async def main():
        data = gzip.compress(zlib.compress(b"hello"))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        async with peer(head % len(data) + data) as server:
            assert (await client().fetch(server.url)).body == b"hello"

    run(main)


def test_CL7_second_gzip_member_is_read(run, peer, client):
    async def main():
        async with peer(gzipped(gzip.compress(b"one") + gzip.compress(b"two"))) as server:
            assert (await client().fetch(server.url)).body == b"onetwo"

    run(main)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-3],
        lambda data: data + b"garbage",
        lambda data: data[:-8] + bytes(8),
        lambda data: b"no gzip at all",
    ],
    ids=["truncated", "trailing", "checksum", "none"],
)
def test_CL7_broken_gzip_is_an_error(run, peer, client, spoil):
    run(lambda: fails(client(), peer, gzipped(spoil(gzip.compress(b"hello" * 100))), ContentDecodingError))


@pytest.mark.parametrize(
    ("answer", "partial"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", b"hello"),
    ],
)
def test_CL8_truncated_body_is_an_error_that_carries_it(run, peer, client, answer, partial):
    async def main():
        error = await fails(client(), peer, answer, match="cut short")
        assert error.response.body == partial

    run(main)


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_CL9_body_where_none_may_be_is_ignored_and_the_connection_not_reused(run, peer, client, status, method):
    async def main():
        async with peer(f"HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\nhello".encode()) as server:
            http = client()
            for _ in range(2):
                response = await http.fetch(server.url, method=method, raise_error=False)
                assert (response.code, response.body) == (status, b"")
            assert server.connections == 2

    run(main)


def test_CL9_a_204_with_a_length_is_an_error_for_who_relies_on_tornado(run, peer, client, caplog):
    caplog.set_level("INFO")

    async def main():
        async with peer(b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n") as server:
            with pytest.raises(HTTPStreamClosedError):
                await client(compat="tornado").fetch(server.url)

    run(main)
    assert "Malformed HTTP message from None: Response with code 204 should not have body" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    ],
    ids=["folded", "NUL", "LF"],
)
def test_CL10_folded_lines_nul_and_bare_line_feeds_are_errors(run, peer, client, answer):
    run(lambda: fails(client(), peer, answer))


def test_CL11_connection_with_bytes_after_the_response_is_not_reused(run, peer, client):
    async def main():
        async with peer(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison") as server:
            http = client()
            for _ in range(2):
                assert (await http.fetch(server.url)).body == b"hello"
            assert server.connections == 2

    run(main)


def test_CL12_unasked_101_is_an_error(run, peer, client):
    run(lambda: fails(client(), peer, b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", match="101"))


def test_CL12_unasked_407_is_a_response(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 407 P\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n") as server:
            response = await client().fetch(server.url, raise_error=False, auth_username="u", auth_password="p")
            assert response.code == 407 and len(server.requests) == 1

    run(main)


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("bogus-zzz", "é".encode(), "é"),
        ("idna", "é".encode(), "é"),
        ("punycode", b"abc" * 50_000, "abc" * 50_000),
        ("zlib", b"x", "x"),
        ("iso-8859-15", b"\xa4", "€"),
        ('"utf-8"', "ü".encode(), "ü"),
        ("utf-8", b"a\xffb", "a\ufffdb"),
    ],
)
def test_CL13_text_never_fails_and_odd_charsets_are_utf8(run, peer, client, charset, body, text):
    async def main():
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset={charset}\r\nContent-Length: {len(body)}\r\n\r\n"
        async with peer(head.encode() + body) as server:
            assert (await client().fetch(server.url)).text == text

    run(main)


def test_CL14_slow_body_meets_the_total_timeout_and_the_minimum_rate(run, peer, client, monkeypatch):
    monkeypatch.setattr("waterspout.httpclient._pace.GRACE", 0.04)

    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await talk.send(b"x")
            await asyncio.sleep(0.01)

    async def main():
        async with peer(handler) as server:
            http = client()
            with pytest.raises(HTTPTimeoutError):
                await http.fetch(server.url, request_timeout=0.1)
            with pytest.raises(HTTPTimeoutError, match="bytes/s, less than 50000"):
                await http.fetch(server.url, minimum_rate=50_000)

    run(main)


def test_CL14_silence_meets_the_read_timeout(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            with pytest.raises(HTTPTimeoutError, match="nothing was received"):
                await client().fetch(server.url, read_timeout=0.04)

    run(main)


def test_CL14_stalled_upload_meets_the_write_timeout(run, peer, client):
    async def handler(talk):
        await talk.reader.readuntil(b"\r\n\r\n")
        talk.writer.transport.pause_reading()
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            with pytest.raises(HTTPTimeoutError, match="nothing was sent"):
                await client().fetch(server.url, method="POST", body=bytes(30_000_000), write_timeout=0.08)

    run(main)


def test_CL15_http_1_0_response_without_length_is_read_to_the_close_and_limited(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.0 200 OK\r\n\r\nhello ", b"world")

    async def main():
        async with peer(handler) as server:
            assert (await client().fetch(server.url)).body == b"hello world"
            with pytest.raises(ResponseTooLargeError):
                await client(max_body_size=8).fetch(server.url)

    run(main)


def test_errors_are_all_caught_as_httperror():
    for error in (HTTPTimeoutError, ProtocolError, RedirectError, InvalidRequestError, ForbiddenAddressError):
        assert issubclass(error, FetchError)
    assert HTTPRequest("http://h/").method == "GET"


def test_CL16_parts_of_a_multipart_response_are_content_and_bounded_as_such(run, peer, client):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Length: %d\r\n\r\n"
    body = b"--b\r\n" + b"X-Field: 1\r\n" * 1_000_000 + b"\r\n--b--\r\n"

    async def main():
        async with peer(head % len(body) + body) as server:
            response = await client().fetch(server.url)
            assert len(response.body) == len(body) and len(response.headers) == 2
            with pytest.raises(ResponseTooLargeError):
                await client(max_body_size=100_000).fetch(server.url)

    run(main)
