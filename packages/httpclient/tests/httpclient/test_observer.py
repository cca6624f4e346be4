"""ClientObserver: what a client tells."""

from __future__ import annotations

import asyncio
import logging

import pytest

from waterspout.httpclient import ClientObserver, HTTPClientError, Retries

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Recorder(ClientObserver):
    def __init__(self):
        self.events = []

    def __getattribute__(self, name):
        if name.startswith(("fetch_", "request_", "head_", "connection_")):
            return lambda *args: self.events.append((name, *args))
        return super().__getattribute__(name)

    def names(self):
        return [event[0] for event in self.events]


def test_phases_of_fetches_and_connections_are_told(run, peer, client):
    async def main():
        moved = b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        async with peer(moved, OK) as server:
            seen = Recorder()
            http = client(observer=seen)
            await http.fetch(server.url)
            assert seen.names() == [
                "fetch_started", "connection_opened", "request_sent", "head_received", "request_sent", "head_received",
                "fetch_finished",
            ]  # fmt: skip
            assert [event[2] for event in seen.events if event[0] == "request_sent"] == [False, True]
            assert [event[2] for event in seen.events if event[0] == "head_received"] == [302, 200]
            assert seen.events[1][1] == server.url and 0 < seen.events[1][2] < 5
            fetch = seen.events[0][1]
            assert fetch.shown_url() == server.url + "/x" and fetch.method == "GET"
            assert seen.events[-1][1] is fetch and seen.events[-1][2].body == b"ok"
            http.close()
            assert seen.names()[-1] == "connection_closed"

    run(main)


def test_failures_queues_and_retries_are_told(run, peer, client):
    async def main():
        async with peer(b"HTTP/1.1 503 B\r\nContent-Length: 0\r\n\r\n", OK) as server:
            seen = Recorder()
            http = client(observer=seen, max_clients=1)
            first = http.fetch(server.url, retries=Retries(1, backoff=0.001))
            second = http.fetch(server.url)
            assert seen.names().count("fetch_queued") == 1
            second.cancel()
            await first
            with pytest.raises(HTTPClientError):
                await http.fetch("http://127.0.0.1:1/")
            with pytest.raises(ValueError, match="scheme"):
                await http.fetch("ftp://h/")
            errors = [event[2] for event in seen.events if event[0] == "fetch_failed"]
            assert [type(error).__name__ for error in errors] == [
                "CancelledError",
                "ConnectionRefused",
                "InvalidURLError",
            ]
            assert next(event for event in seen.events if event[0] == "fetch_finished")[1].tried == 1

    run(main)


def test_observer_may_add_headers(run, peer, client):
    class Tracer(ClientObserver):
        def fetch_started(self, fetch):
            fetch.request.headers["Traceparent"] = "00-1-2-3"

    async def main():
        async with peer(OK) as server:
            await client(observer=Tracer()).fetch(server.url)
            assert b"\r\nTraceparent: 00-1-2-3\r\n" in server.requests[0]

    run(main)


def test_broken_observer_harms_nobody(run, peer, client, caplog):
    class Broken(ClientObserver):
        def head_received(self, fetch, status):
            raise ZeroDivisionError

    async def main():
        async with peer(OK) as server:
            with caplog.at_level(logging.ERROR):
                assert (await client(observer=Broken()).fetch(server.url)).body == b"ok"
            assert "head_received" in caplog.text
            await asyncio.sleep(0)

    run(main)
