"""Servers and callers that misbehave, in quantity: nothing is left behind and no answer goes astray."""

from __future__ import annotations

import asyncio
import gc
import os
import random

import pytest

from waterspout.httpclient import FetchError, HTTPClientError, HTTPStreamClosedError, HTTPTimeoutError
from waterspout.httputil import HTTPOutputError


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_ten_thousand_cancelled_requests_leave_no_connection_and_no_descriptor(run, peer, client):
    async def handler(talk):
        while True:
            await talk.request()
            await asyncio.sleep(0.001)
            await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def main():
        async with peer(handler) as server:
            before = open_descriptors()
            http = client(max_clients=20)
            choose = random.Random(1)
            for _ in range(100):
                futures = [http.fetch(server.url) for _ in range(100)]
                for _ in range(choose.randrange(5)):
                    await asyncio.sleep(0)
                if choose.random() < 0.3:
                    await asyncio.sleep(0.002)
                for future in futures:
                    future.cancel()
                assert not http.active and not http.queue
            assert (await http.fetch(server.url)).body == b"ok"
            statistics = http.statistics()
            assert statistics.connecting == statistics.waiting == 0
            assert http.pool.size == statistics.open == statistics.idle
            http.close()
            for _ in range(100):
                gc.collect()
                if open_descriptors() <= before:
                    break
                await asyncio.sleep(0.005)
            assert open_descriptors() <= before

    run(main)


@pytest.mark.parametrize("seed", range(6))
def test_no_request_ever_gets_the_response_to_another(run, peer, client, seed):
    """The server echoes each path, in every broken way; what a fetch returns is its own path or an error."""
    choose = random.Random(seed)

    def answer(path: bytes) -> tuple[list[bytes], bool]:
        """The pieces of an answer, and whether the connection is closed behind it."""
        plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(path), path)
        kind = choose.randrange(14)
        if kind == 0:
            return [plain + plain], False  # more than was asked for
        if kind == 1:
            return [plain, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"], False
        if kind == 2:
            return [plain[: choose.randrange(len(plain))]], True  # cut short
        if kind == 3:
            return [], True
        if kind == 4:
            return [b"HTTP/1.1 100 Continue\r\n\r\n" + plain], False
        if kind == 5:
            return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path) - 1, path)], False  # too long
        if kind == 6:
            return [b"HTTP/1.1 200 OK\r\n\r\n" + path], True
        if kind == 7:
            return [plain], True  # closes though it said nothing of it
        if kind == 8:
            return [chunked[:-2], b"\r\n"], False
        if kind == 9:
            return [chunked + b"garbage"], False
        if kind == 10:
            return [b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nodd"], False
        return [plain[index : index + 7] for index in range(0, len(plain), 7)] if kind == 11 else [chunked], False

    async def handler(talk):
        while True:
            request = await talk.request()
            pieces, closes = answer(request.split()[1])
            if choose.random() < 0.2:
                await asyncio.sleep(0.001)
            await talk.send(*pieces)
            if closes:
                if choose.random() < 0.5:
                    talk.reset()
                return

    async def main():
        async with peer(handler) as server:
            http = client(max_clients=8, max_connections_per_host=choose.choice([2, 8]))
            good = failed = 0

            async def one(number: int) -> None:
                nonlocal good, failed
                path = f"/{number:05}"
                method = choose.choice(["GET", "GET", "GET", "POST", "HEAD"])
                body = b"x" if method == "POST" else None
                future = http.fetch(server.url + path, method=method, body=body, request_timeout=5)
                try:
                    if choose.random() < 0.1:
                        await asyncio.wait_for(future, choose.random() * 0.002)
                    response = await future
                except (FetchError, TimeoutError, asyncio.CancelledError):
                    failed += 1
                    return
                good += 1
                allowed = {b"", path.encode(), path.encode()[:-1]} if method != "HEAD" else {b""}
                assert response.body in allowed, (path, response.body)

            await asyncio.gather(*[one(number) for number in range(400)])
            assert good > 50 and failed > 20
            assert not http.active and not http.queue and not server.errors
            assert http.pool.size == http.statistics().open

    run(main)


def test_idle_connection_that_the_server_closes_is_noticed_at_once(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.002)

    async def main():
        async with peer(handler) as server:
            http = client()
            await http.fetch(server.url)
            assert http.statistics().idle == 1
            await asyncio.sleep(0.03)
            assert http.statistics().open == 0 and http.pool.size == 0

    run(main)


@pytest.mark.parametrize("limits", [{"request_timeout": 0.4}, {"read_timeout": 0.4}])
@pytest.mark.parametrize("kept", [1, 4])
def test_a_server_that_has_fallen_silent_costs_one_timeout_not_one_for_each_kept_connection(
    run, peer, client, kept, limits
):
    async def handler(talk):
        first = talk.peer.connections <= kept
        await talk.request()
        if first:
            while talk.peer.connections < kept:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await talk.request()
        if not first:
            await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await talk.request()

    async def main():
        async with peer(handler) as server:
            http = client()
            await asyncio.gather(*[http.fetch(server.url) for _ in range(kept)])
            assert http.statistics().idle == kept
            with pytest.raises(HTTPTimeoutError):
                await http.fetch(server.url, **limits)
            assert http.statistics().open == http.pool.size == 0
            for _ in range(2):
                assert (await http.fetch(server.url)).body == b"ok"
            assert server.connections == kept + 1

    run(main)


def test_connections_that_were_used_since_a_slow_request_was_sent_are_kept(run, peer, client):
    async def handler(talk):
        while b"/slow" not in await talk.request():
            await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await talk.request()

    async def main():
        async with peer(handler) as server:
            http = client()
            slow = http.fetch(server.url + "/slow", request_timeout=0.4)
            while not slow.done():
                await http.fetch(server.url)
            assert isinstance(slow.exception(), HTTPTimeoutError)
            await http.fetch(server.url)
            assert server.connections == 2 and http.statistics().idle == 1

    run(main)


def test_repeating_is_done_once_and_only_before_the_first_byte(run, peer, client):
    async def handler(talk):
        await talk.request()
        if talk.peer.connections == 1:
            await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await talk.request()
            await talk.send(b"HTTP/1.1 200 ")
        talk.reset()

    async def main():
        async with peer(handler) as server:
            http = client()
            await http.fetch(server.url)
            with pytest.raises(HTTPStreamClosedError):
                await http.fetch(server.url + "/begun")
            assert len(server.requests) == 2

            server.connections, server.requests = 0, []
            await http.fetch(server.url)
            server.connections = 5  # every further connection is reset without an answer
            http.pool.routes and next(iter(http.pool.routes.values())).idle[0].stream.socket
            with pytest.raises(HTTPClientError):
                await http.fetch(server.url + "/never")
            assert len(server.requests) <= 3

    run(main)


def test_nothing_is_sent_twice_where_tornado_is_followed(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await talk.request()
        talk.close()

    async def main():
        async with peer(handler) as server:
            http = client(compat="tornado")
            await http.fetch(server.url)
            with pytest.raises(HTTPStreamClosedError):
                await http.fetch(server.url + "/dies")
            assert len(server.requests) == 2
            native = client()
            await native.fetch(server.url)
            await native.fetch(server.url + "/repeated")
            assert len(server.requests) == 5

    run(main)


def test_connections_are_freed_by_reference_counting(run, peer, client):
    import weakref

    async def main():
        async with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as server:
            http = client()
            await http.fetch(server.url)
            gc.collect()
            gc.disable()
            try:
                future = http.fetch(server.url)
                exchange = weakref.ref(next(iter(http.active)))
                response = await future
                assert response.body == b"ok"
                del future
                await asyncio.sleep(0)
                assert exchange() is None
            finally:
                gc.enable()

    run(main)


@pytest.mark.parametrize("framing", [{}, {"Content-Length": "4"}], ids=["chunked", "of known length"])
def test_write_that_outlives_its_producer_is_refused(run, peer, client, framing):
    """The connection may be another request's: what is written there would be taken for a request."""
    kept = []

    async def producer(write):
        kept.append(write)
        await write(b"body")

    async def handler(talk):
        while True:
            head = await talk.reader.readuntil(b"\r\n\r\n")
            await talk.reader.readuntil(b"body" if b"Content-Length: 4" in head else b"0\r\n\r\n")
            await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def main():
        async with peer(handler) as server:
            http = client()
            for _ in range(2):
                await http.fetch(server.url, method="POST", body_producer=producer, headers=framing)
                for write in kept:
                    with pytest.raises(HTTPOutputError):
                        write(b"GET /stolen HTTP/1.1\r\n\r\n")
            assert server.connections == 1 and http.statistics().idle == 1

    run(main)


@pytest.mark.parametrize(
    "announced", [b"Content-Length: 4", b"Transfer-Encoding: chunked"], ids=["of a length", "chunked"]
)
def test_CL9_connection_of_a_204_that_announces_content_is_not_used_again(run, peer, client, announced):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 204 No Content\r\n" + announced + b"\r\n\r\n")
        await talk.request()  # the content comes with the answer to the next request
        await talk.send(b"evil", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def main():
        async with peer(handler) as server:
            http = client()
            for _ in range(2):
                assert (await http.fetch(server.url)).code == 204
            assert server.connections == 2 and http.statistics().idle == 0

    run(main)
