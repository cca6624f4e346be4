"""Retries: what is tried again, and when not."""

from __future__ import annotations

import asyncio
import time

import pytest

from waterspout.httpclient import (
    ConnectError,
    HTTPClientError,
    HTTPStreamClosedError,
    HTTPTimeoutError,
    Phase,
    Retries,
)
from waterspout.httpclient._retry import retry_after

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
QUICK = Retries(3, backoff=0.001)


def test_busy_server_is_asked_again(run, peer, client):
    async def main():
        async with peer(BUSY, BUSY, OK) as server:
            response = await client().fetch(server.url, retries=QUICK)
            assert response.body == b"hello"
            assert len(server.requests) == 3 and server.connections == 1

    run(main)


def test_number_of_retries_is_bounded_and_the_last_answer_counts(run, peer, client):
    async def main():
        async with peer(BUSY) as server:
            with pytest.raises(HTTPClientError, match="503"):
                await client(defaults={"retries": QUICK}).fetch(server.url)
            assert len(server.requests) == 4

    run(main)


def test_without_a_policy_nothing_is_retried(run, peer, client):
    async def main():
        async with peer(BUSY) as server:
            for options in ({}, {"retries": 0}):
                with pytest.raises(HTTPClientError):
                    await client().fetch(server.url, **options)
            assert len(server.requests) == 2

    run(main)


def test_post_is_not_sent_again(run, peer, client):
    async def main():
        async with peer(BUSY, OK) as server:
            with pytest.raises(HTTPClientError):
                await client().fetch(server.url, method="POST", body=b"x", retries=QUICK)
            assert len(server.requests) == 1
            await client().fetch(server.url, method="PUT", body=b"x", retries=QUICK)

    run(main)


def test_refused_connection_is_tried_again_even_for_post(run, client):
    async def main():
        began = time.monotonic()
        http = client()
        with pytest.raises(ConnectError):
            await http.fetch("http://127.0.0.1:1/", method="POST", body=b"", retries=Retries(2, backoff=0.01))
        assert http.statistics().failed == 3
        assert time.monotonic() - began > 0.01

    run(main)


def test_lost_connection_is_tried_again(run, peer, client):
    async def handler(talk):
        await talk.request()
        if len(talk.peer.requests) > 2:
            await talk.send(OK)

    async def main():
        async with peer(handler) as server:
            assert (await client().fetch(server.url, retries=QUICK)).body == b"hello"
            assert len(server.requests) == 3
            server.requests.clear()
            with pytest.raises(HTTPStreamClosedError):
                await client().fetch(server.url, retries=Retries(1, backoff=0.001))

    run(main)


def test_retry_after_is_obeyed_up_to_a_limit(run, peer, client):
    async def main():
        wait = b"HTTP/1.1 429 Slow\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n"
        async with peer(wait % 0, OK) as server:
            assert (await client().fetch(server.url, retries=QUICK)).body == b"hello"
        async with peer(wait % 1000, OK) as server:
            with pytest.raises(HTTPClientError, match="429"):
                await client().fetch(server.url, retries=QUICK)

    run(main)


def test_pause_that_would_pass_the_timeout_is_not_begun(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 429 Slow\r\nRetry-After: 25\r\nContent-Length: 0\r\n\r\n", OK) as server:
            began = time.monotonic()
            with pytest.raises(HTTPClientError, match="429"):
                await client().fetch(server.url, retries=QUICK, request_timeout=20)
            assert time.monotonic() - began < 15

    run(main)


def test_cancelling_during_the_pause_leaves_nothing(run, peer, client):
    async def main():
        async with peer(BUSY) as server:
            http = client()
            future = http.fetch(server.url, retries=Retries(3, backoff=10))
            await server.received(1)
            await asyncio.sleep(0.005)
            assert next(iter(http.active)).phase is Phase.PAUSE
            future.cancel()
            assert not http.active

    run(main)


def test_total_timeout_covers_all_tries(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            with pytest.raises(HTTPTimeoutError):
                await client().fetch(server.url, retries=QUICK, request_timeout=0.05)
            assert len(server.requests) == 1

    run(main)


def test_read_timeout_is_tried_again(run, peer, client):
    async def handler(talk):
        await talk.request()
        if len(talk.peer.requests) > 1:
            await talk.send(OK)
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            assert (await client().fetch(server.url, retries=QUICK, read_timeout=0.04)).body == b"hello"

    run(main)


def test_redirects_and_retries_combine(run, peer, client):
    async def main():
        moved = b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        async with peer(BUSY, moved, BUSY, OK) as server:
            response = await client().fetch(server.url, retries=QUICK)
            assert response.effective_url == server.url + "/x"
            assert len(server.requests) == 4

    run(main)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("5", 5.0), ("-1", None), ("soon", None), ("9" * 50, float("inf"))]
)
def test_retry_after_header_is_seconds_or_a_date(value, expected):
    assert retry_after(value) == expected
    assert retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 0.0
