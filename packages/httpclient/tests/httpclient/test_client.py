"""The default client against peers that say exactly the given bytes."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from waterspout.httpclient import (
    AsyncHTTPClient,
    ConnectError,
    ConnectionRefused,
    HTTPClientError,
    HTTPRequest,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    InvalidRedirectError,
    Phase,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_fetch_gives_status_headers_and_body(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nhi") as server:
            response = await client().fetch(server.url + "/path?q=1")
            assert (response.code, response.reason, response.body) == (200, "Fine", b"hi")
            assert response.headers.get_list("x-a") == ["1", "2"]
            assert response.effective_url == server.url + "/path?q=1"
            assert response.request.url == response.effective_url
            assert response.buffer.read() == b"hi"
            assert 0 < response.request_time < 5
            assert server.requests[0].startswith(b"GET /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)

    run(main)


def test_second_request_uses_the_same_connection(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client()
            for _ in range(3):
                await http.fetch(server.url)
            assert server.connections == 1
            statistics = http.statistics()
            assert (statistics.opened, statistics.reused, statistics.idle) == (1, 2, 1)

    run(main)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_connection_is_not_kept_against_the_servers_will(run, peer, client, answer):
    async def main():
        async with peer(answer) as server:
            http = client()
            await http.fetch(server.url)
            await http.fetch(server.url)
            assert server.connections == 2

    run(main)


def test_requests_with_different_connection_options_never_share_a_connection(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client()
            await http.fetch(server.url)
            await http.fetch(server.url, allow_ipv6=False)
            await http.fetch(server.url, network_interface="127.0.0.1")
            await http.fetch(server.url, allow_ipv6=False)
            assert server.connections == 3

    run(main)


def test_max_clients_limits_connections_and_keeps_order(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client(max_clients=2)
            paths = [f"/{number}" for number in range(10)]
            await asyncio.gather(*[http.fetch(server.url + path) for path in paths])
            assert server.connections == 2
            assert sorted(r.split()[1].decode() for r in server.requests) == sorted(paths)
            assert not http.active and not http.queue

    run(main)


def test_queued_fetch_times_out_and_leaves_the_queue(run, peer, client):
    async def handler(talk):
        await talk.request()
        await asyncio.sleep(0.3)
        await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            http = client(max_clients=1)
            first = http.fetch(server.url)
            with pytest.raises(HTTPTimeoutError, match="Timeout in request queue") as caught:
                await http.fetch(server.url, connect_timeout=0.05)
            assert caught.value.phase is Phase.QUEUE
            assert not http.queue
            assert (await first).body == b"hello"

    run(main)


def test_request_timeout_names_url_and_phase(run, peer, client):
    async def handler(talk):
        await talk.request()
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            http = client()
            with pytest.raises(HTTPTimeoutError, match="Timeout during request") as caught:
                await http.fetch(server.url + "/slow", request_timeout=0.05)
            error = caught.value
            assert error.code == 599
            assert error.url == server.url + "/slow"
            assert error.phase is Phase.HEAD
            assert http.statistics().open == 0

    run(main)


def test_timeout_inside_the_body_carries_what_had_come(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npartial")
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            with pytest.raises(HTTPTimeoutError) as caught:
                await client().fetch(server.url, request_timeout=0.1)
            assert caught.value.phase is Phase.BODY
            assert caught.value.response.body == b"partial"
            assert caught.value.response.code == 200

    run(main)


def test_refused_connection_is_an_oserror_with_its_number(run, client):
    async def main():
        import errno
        import socket

        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with pytest.raises(ConnectionRefusedError) as caught:
                await client().fetch(f"http://127.0.0.1:{port}/")
        assert isinstance(caught.value, ConnectionRefused)
        assert caught.value.errno == errno.ECONNREFUSED
        assert caught.value.code == 599
        assert str(port) in str(caught.value)

    run(main)


def test_unresolvable_host_is_a_gaierror(run, client):
    async def main():
        import socket

        with pytest.raises(socket.gaierror) as caught:
            await client().fetch("http://host.invalid/")
        assert isinstance(caught.value, ConnectError)
        assert caught.value.phase is Phase.RESOLVE

    run(main)


def test_error_status_raises_unless_asked_not_to(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 404 Nope\r\nContent-Length: 3\r\n\r\nno!") as server:
            http = client()
            with pytest.raises(HTTPClientError, match="HTTP 404: Nope") as caught:
                await http.fetch(server.url)
            assert caught.value.response.body == b"no!"
            response = await http.fetch(server.url, raise_error=False)
            assert response.code == 404
            with pytest.raises(HTTPClientError):
                response.rethrow()

    run(main)


def test_fetch_on_a_closed_client_is_a_runtime_error(run, client):
    async def main():
        http = client()
        http.close()
        http.close()
        with pytest.raises(RuntimeError):
            http.fetch("http://127.0.0.1/")

    run(main)


def test_closing_the_client_fails_what_is_under_way(run, peer, client):
    async def handler(talk):
        await talk.request()
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            http = client(max_clients=1)
            under_way = http.fetch(server.url)
            queued = http.fetch(server.url)
            await server.received(1)
            http.close()
            for future in (under_way, queued):
                with pytest.raises(HTTPStreamClosedError, match="the client was closed"):
                    await future

    run(main)


def test_client_is_shared_on_a_loop_until_it_is_closed(run):
    async def main():
        first = AsyncHTTPClient()
        assert AsyncHTTPClient() is first
        assert AsyncHTTPClient(force_instance=True) is not first
        first.close()
        second = AsyncHTTPClient()
        assert second is not first
        second.close()

    run(main)


def test_kwargs_beside_a_request_object_are_refused(run, client):
    async def main():
        with pytest.raises(ValueError, match="method"):
            client().fetch(HTTPRequest("http://127.0.0.1/"), method="POST")

    run(main)


def test_gzip_is_asked_for_and_removed(run, peer, client):
    data = gzip.compress(b"x" * 100_000)

    async def main():
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data)
        async with peer(head + data) as server:
            http = client()
            response = await http.fetch(server.url)
            assert response.body == b"x" * 100_000
            assert response.headers["X-Consumed-Content-Encoding"] == "gzip"
            assert "Content-Encoding" not in response.headers
            assert b"\r\nAccept-Encoding: gzip" in server.requests[0]
            raw = await http.fetch(server.url, decompress_response=False)
            assert raw.body == data
            assert b"Accept-Encoding" not in server.requests[1]

    run(main)


def test_defaults_of_the_client_apply_and_may_change(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client(defaults={"user_agent": "one"})
            await http.fetch(server.url)
            await http.fetch(server.url, user_agent="two")
            http.defaults["user_agent"] = "three"
            await http.fetch(server.url)
            agents = [request.split(b"User-Agent: ")[1].split(b"\r\n")[0] for request in server.requests]
            assert agents == [b"one", b"two", b"three"]

    run(main)


def test_streaming_callback_gets_the_body(run, peer, client):
    async def main():
        async with peer(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        ) as server:
            pieces = []
            response = await client().fetch(server.url, streaming_callback=pieces.append)
            assert b"".join(pieces) == b"abcde"
            assert response.body == b""

    run(main)


def test_coroutine_callback_holds_back_what_follows(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await asyncio.sleep(0.01)
        await talk.send(b"def")
        await asyncio.sleep(0.01)
        await talk.send(b"ghi")

    async def main():
        async with peer(handler) as server:
            events = []

            async def callback(piece):
                events.append(("begin", piece))
                await asyncio.sleep(0.03)
                events.append(("end", piece))

            await client().fetch(server.url, streaming_callback=callback)
            assert b"".join(piece for kind, piece in events if kind == "begin") == b"abcdefghi"
            assert [kind for kind, _ in events] == ["begin", "end"] * (len(events) // 2)

    run(main)


def test_exception_in_a_callback_is_the_fetchs(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client()
            for name in ("streaming_callback", "header_callback"):
                with pytest.raises(ZeroDivisionError):
                    await http.fetch(server.url, **{name: lambda data: 1 / 0})
            assert http.statistics().open == 0

    run(main)


def test_header_callback_gets_lines(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n") as server:
            lines = []
            await client().fetch(server.url, header_callback=lines.append)
            assert lines == ["HTTP/1.1 200 OK\r\n", "A: b\r\n", "Content-Length: 0\r\n", "\r\n"]

    run(main)


def test_body_producer_is_sent_chunked(run, peer, client):
    async def produce(write):
        await write(b"1234")
        await asyncio.sleep(0)
        await write(b"5678")

    async def main():
        async with peer(OK) as server:
            http = client()
            await http.fetch(server.url, method="POST", body_producer=produce)
            assert b"\r\nTransfer-Encoding: chunked\r\n" in server.requests[0]
            assert server.requests[0].endswith(b"\r\n\r\n4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n")
            await http.fetch(server.url, method="PUT", body_producer=produce, headers={"Content-Length": "8"})
            assert server.requests[1].endswith(b"\r\n\r\n12345678")
            assert server.connections == 1

    run(main)


def test_body_producer_that_keeps_not_its_word_fails_the_fetch(run, peer, client):
    async def produce(write):
        await write(b"1234")

    async def main():
        async with peer(OK) as server:
            with pytest.raises(Exception, match="Content-Length"):
                await client().fetch(server.url, method="PUT", body_producer=produce, headers={"Content-Length": "8"})

    run(main)


def test_large_body_arrives_whole(run, peer, client):
    body = bytes(range(256)) * 8192

    async def main():
        async with peer(OK) as server:
            await client().fetch(server.url, method="POST", body=body)
            assert server.requests[0].endswith(body)

    run(main)


def test_expect_continue_holds_the_body_back(run, peer, client):
    async def handler(talk):
        await talk.request()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(talk.reader.readexactly(1), 0.05)
        await talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        talk.peer.note(await talk.reader.readexactly(4))
        await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            response = await client().fetch(server.url, method="POST", body=b"data", expect_100_continue=True)
            assert response.body == b"hello"
            assert server.requests[1] == b"data"
            assert not server.errors

    run(main)


def test_expect_continue_answered_at_once_sends_no_body(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        talk.peer.note(await talk.reader.read(100))

    async def main():
        async with peer(handler) as server:
            http = client()
            response = await http.fetch(
                server.url, method="POST", body=b"data", expect_100_continue=True, raise_error=False
            )
            assert response.code == 413
            await server.received(2)
            assert server.requests[1] == b""  # closed, not reused: the server may still wait for the body
            assert http.statistics().open == 0

    run(main)


def test_head_response_has_no_body(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") as server:
            http = client()
            for _ in range(2):
                response = await http.fetch(server.url, method="HEAD")
                assert response.body == b"" and response.headers["Content-Length"] == "1000"
            assert server.connections == 1

    run(main)


def test_cancelled_fetches_leave_nothing_behind(run, peer, client):
    async def handler(talk):
        await talk.request()
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            http = client(max_clients=5)
            futures = [http.fetch(server.url) for _ in range(20)]
            await server.received(5)
            for future in futures:
                future.cancel()
            assert not http.active and not http.queue
            await asyncio.sleep(0.01)
            statistics = http.statistics()
            assert (statistics.open, statistics.connecting, statistics.waiting) == (0, 0, 0)
            assert http.pool.size == 0

    run(main)


def test_cancelling_the_task_cancels_the_fetch(run, peer, client):
    async def handler(talk):
        await talk.request()
        await asyncio.sleep(5)

    async def main():
        async with peer(handler) as server:
            http = client()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await http.fetch(server.url)
            assert not http.active
            assert http.statistics().open == 0

    run(main)


def test_idle_connections_expire(run, peer, client):
    async def main():
        async with peer(OK) as server:
            http = client(idle_timeout=0.01)
            await http.fetch(server.url)
            assert http.statistics().idle == 1
            connection = next(iter(http.pool.routes.values())).idle[0]
            http.deadlines.coarse_now += 10
            connection.deadline_passed()
            assert http.statistics().idle == 0

            kept_none = client(idle_timeout=0)
            await kept_none.fetch(server.url)
            assert kept_none.statistics().open == 0

    run(main)


def test_connections_per_host_are_limited_and_the_rest_waits(run, peer, client):
    async def handler(talk):
        while True:
            await talk.request()
            await asyncio.sleep(0.005)
            await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            http = client(max_clients=50, max_connections_per_host=3)
            responses = await asyncio.gather(*[http.fetch(server.url) for _ in range(20)])
            assert {response.body for response in responses} == {b"hello"}
            assert server.connections == 3

    run(main)


def test_total_limit_closes_idle_connections_of_other_hosts(run, peer, client):
    async def main():
        async with peer(OK) as one, peer(OK) as two:
            http = client(max_connections=1)
            for server in (one, two, one):
                assert (await http.fetch(server.url)).body == b"hello"
            assert (one.connections, two.connections) == (2, 1)
            assert http.pool.size == 1
            both = await asyncio.gather(http.fetch(one.url), http.fetch(two.url), http.fetch(one.url))
            assert [response.body for response in both] == [b"hello"] * 3

    run(main)


def test_unix_socket_is_connected_to_in_place_of_the_host(run, client, tmp_path):
    async def main():
        async def handler(reader, writer):
            request = await reader.readuntil(b"\r\n\r\n")
            assert b"Host: docker\r\n" in request
            writer.write(OK)
            await writer.drain()
            writer.close()

        path = str(tmp_path / "socket")
        server = await asyncio.start_unix_server(handler, path)
        response = await client().fetch("http://docker/version", unix_socket=path)
        assert response.body == b"hello"
        server.close()

    run(main)


def test_early_response_to_a_large_upload_is_delivered(run, peer, client):
    async def handler(talk):
        await talk.reader.readuntil(b"\r\n\r\n")
        await talk.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(1)

    async def produce(write):
        while True:
            await write(b"x" * 65536)

    async def main():
        async with peer(handler) as server:
            http = client()
            response = await http.fetch(server.url, method="POST", body_producer=produce, raise_error=False)
            assert response.code == 403
            assert http.statistics().open == 0

    run(main)


def test_subclass_with_its_own_fetch_impl_gets_settled_requests(run):
    from waterspout.httpclient import HTTPResponse, SimpleAsyncHTTPClient

    seen = []

    class Fake(SimpleAsyncHTTPClient):
        def fetch_impl(self, request, callback):
            seen.append(request)
            callback(HTTPResponse(request, 200))

    async def main():
        http = Fake(force_instance=True, defaults={"request_timeout": 7})
        request = HTTPRequest("http://a/", connect_timeout=3)
        response = await http.fetch(request)
        assert response.code == 200
        assert (seen[0].request_timeout, seen[0].connect_timeout, seen[0].validate_cert) == (7, 3, True)
        assert seen[0].original_request is request and request.request_timeout is None
        http.close()

    run(main)


def test_an_instrument_that_wraps_the_fetch_of_the_base_class_sees_every_request(run, peer, client, monkeypatch):
    seen = []
    plain = AsyncHTTPClient.fetch

    def wrapped(self, request, *args, **kwargs):
        seen.append(request)
        request.headers["traceparent"] = "00-1"
        future = plain(self, request, *args, **kwargs)
        future.add_done_callback(lambda done: seen.append(done.result().code))
        return future

    monkeypatch.setattr(AsyncHTTPClient, "fetch", wrapped)

    async def main():
        async with peer(OK) as server:
            request = HTTPRequest(server.url)
            await client().fetch(request)
            assert seen == [request, 200]
            assert b"Traceparent: 00-1" in server.requests[0]

    run(main)


def test_subclass_may_change_requests_on_their_way(run, peer):
    from waterspout.httpclient import SimpleAsyncHTTPClient

    class Signing(SimpleAsyncHTTPClient):
        def fetch_impl(self, request, callback):
            request.headers = {**request.headers, "X-Signature": "s"}
            request.url += "?signed"
            super().fetch_impl(request, callback)

    async def main():
        async with peer(OK) as server:
            http = Signing(force_instance=True)
            request = HTTPRequest(server.url + "/x")
            response = await http.fetch(request)
            assert response.request is request and request.url == server.url + "/x"
            assert server.requests[0].startswith(b"GET /x?signed ") and b"X-Signature: s" in server.requests[0]
            http.close()

    run(main)


def test_callbacks_see_the_callers_context_variables(run, peer, client):
    import contextvars

    who = contextvars.ContextVar("who", default="nobody")

    async def main():
        async with peer(OK) as server:
            http = client()

            async def one(name):
                who.set(name)
                seen = []

                async def produce(write):
                    seen.append(who.get())
                    await write(b"x")

                async def piece(data):
                    seen.append(who.get())
                    await asyncio.sleep(0)
                    seen.append(who.get())

                await http.fetch(
                    server.url,
                    method="POST",
                    body_producer=produce,
                    streaming_callback=piece,
                    header_callback=lambda line: seen.append(who.get()),
                )
                assert set(seen) == {name} and len(seen) >= 5

            await asyncio.gather(one("a"), one("b"))
            assert who.get() == "nobody"

    run(main)


def test_password_of_a_url_is_in_no_error_and_no_repr(run, peer, client):
    answers = (
        b"HTTP/1.1 302 F\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 F\r\nLocation: ftp://bob:hunter2@x/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
        b"junk\r\n\r\n",
    )

    async def body(write):
        await write(b"x")

    async def main():
        for answer in answers:
            async with peer(answer) as server:
                request = HTTPRequest(server.url.replace("//", "//bob:hunter2@"), method="POST", body_producer=body)
                with pytest.raises(Exception) as caught:
                    (await client().fetch(request)).json()
                error = caught.value
                shown = [str(error), repr(error), *getattr(error, "__notes__", ()), repr(request)]
                shown += [str(getattr(error, "url", None)), repr(getattr(error, "response", None))]
                assert "hunter2" not in " ".join(shown)
                assert "127.0.0.1" in " ".join(shown)

    run(main)


def test_CS13_redirect_to_two_places_is_an_error(run, peer, client):
    two = b"HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"

    async def main():
        async with peer(two) as server:
            with pytest.raises(InvalidRedirectError, match="2 places"):
                await client().fetch(server.url)
        async with peer(two.replace(b"/b", b"/a"), OK) as server:
            assert (await client().fetch(server.url)).effective_url == server.url + "/a"

    run(main)
