"""The private cache: what is stored, given again, asked after, thrown away (RFC 9111)."""

from __future__ import annotations

import time

import pytest

from waterspout.httpclient import HTTPClientError
from waterspout.httpclient.cache import CachedHTTPClient, MemoryStore, StoredResponse
from waterspout.httpclient.cache._rules import age, directives, freshness, may_store, may_use, selects, updated
from waterspout.httpclient.mock import MockHTTPClient, respond
from waterspout.httputil import HTTPHeaders, format_timestamp


def headers(**fields):
    return HTTPHeaders({name.replace("_", "-"): value for name, value in fields.items()})


def date(offset=0.0):
    return format_timestamp(time.time() + offset)


class Origin:
    """A server whose answers are scripted, behind a cache."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.http = CachedHTTPClient(MockHTTPClient(self.answer))

    def answer(self, request):
        self.asked.append(request)
        code, body, fields = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return respond(request, code, body, headers={"Date": date(), **fields})

    async def bodies(self, *requests):
        return [(await self.http.fetch(url, **options)).body for url, options in requests]


def test_fresh_response_is_given_without_asking(run):
    async def main():
        origin = Origin((200, "one", {"Cache-Control": "max-age=100"}), (200, "two", {}))
        first = await origin.http.fetch("http://h/a")
        again = await origin.http.fetch("http://h/a#fragment")
        assert first.body == again.body == b"one" and len(origin.asked) == 1
        assert again.headers["Age"] == "0" and again.time_info["cache"] == 1.0 and "Age" not in first.headers
        assert (await origin.http.fetch("http://h/b")).body == b"two"

    run(main)


def test_stale_response_is_asked_after_and_confirmed(run):
    async def main():
        fields = {"Cache-Control": "max-age=0", "Etag": '"1"', "Last-Modified": date(-1000)}
        origin = Origin(
            (200, "one", fields),
            (304, "", {"Cache-Control": "max-age=100", "X-New": "1", "Content-Type": "wrong"}),
            (200, "never", {}),
        )
        await origin.http.fetch("http://h/", headers={"X-Mine": "1"})
        confirmed = await origin.http.fetch("http://h/")
        assert confirmed.code == 200 and confirmed.body == b"one" and confirmed.headers["X-New"] == "1"
        assert "Content-Type" not in confirmed.headers and confirmed.time_info["cache"] == 0.5
        asked = origin.asked[1].headers
        assert asked["If-None-Match"] == '"1"' and asked["If-Modified-Since"] == fields["Last-Modified"]
        assert (await origin.http.fetch("http://h/")).body == b"one" and len(origin.asked) == 2

    run(main)


def test_changed_response_replaces_the_stored_one(run):
    async def main():
        origin = Origin((200, "one", {"Etag": '"1"'}), (200, "two", {"Cache-Control": "max-age=9"}), (500, "no", {}))
        assert await origin.bodies(("http://h/", {}), ("http://h/", {}), ("http://h/", {})) == [b"one", b"two", b"two"]

    run(main)


def test_variants_are_kept_apart(run):
    async def main():
        fields = {"Cache-Control": "max-age=100", "Vary": "Accept-Language"}
        origin = Origin((200, "de", fields), (200, "en", fields), (200, "never", {}))
        german, english = {"headers": {"Accept-Language": "de"}}, {"headers": {"Accept-Language": "en"}}
        requests = [("http://h/", options) for options in (german, english, german, english)]
        assert await origin.bodies(*requests) == [b"de", b"en", b"de", b"en"]
        assert len(origin.asked) == 2

    run(main)


@pytest.mark.parametrize(
    "fields",
    [{"Cache-Control": "no-store, max-age=100"}, {"Cache-Control": "max-age=100", "Vary": "*"}, {}, {"Expires": "0"}],
)
def test_what_must_not_be_stored_is_not(run, fields):
    async def main():
        origin = Origin((200, "x", fields))
        await origin.bodies(("http://h/", {}), ("http://h/", {}))
        assert len(origin.asked) == 2 and len(origin.http.store) == 0

    run(main)


def test_requests_have_a_say(run):
    async def main():
        origin = Origin((200, "x", {"Cache-Control": "max-age=100"}))
        ask = origin.http.fetch
        missing = await ask("http://h/", headers={"Cache-Control": "only-if-cached"}, raise_error=False)
        assert missing.code == 504 and not origin.asked
        await ask("http://h/", headers={"Cache-Control": "no-store"})
        assert len(origin.http.store) == 0
        await ask("http://h/")
        await ask("http://h/", headers={"Cache-Control": "no-cache"})
        await ask("http://h/", headers={"Pragma": "no-cache"})
        await ask("http://h/", headers={"Range": "bytes=0-"})
        await ask("http://h/", streaming_callback=len)
        assert len(origin.asked) == 6
        await ask("http://h/", headers={"Cache-Control": "only-if-cached"})
        assert len(origin.asked) == 6

    run(main)


def test_changes_invalidate(run):
    async def main():
        origin = Origin(
            (200, "x", {"Cache-Control": "max-age=100", "Location": "/b", "Content-Location": "http://o/c"})
        )
        for url in ("http://h/a", "http://h/b", "http://o/c"):
            await origin.http.fetch(url)
        await origin.http.fetch("http://h/a", method="POST", body="")
        assert len(origin.asked) == 4
        for url in ("http://h/a", "http://h/b", "http://o/c"):
            await origin.http.fetch(url)
        assert len(origin.asked) == 6

    run(main)


def test_stale_if_error(run):
    async def main():
        fields = {"Cache-Control": "max-age=0, stale-if-error=100", "Etag": '"1"'}
        origin = Origin((200, "old", fields), (503, "down", {}))
        assert await origin.bodies(("http://h/", {}), ("http://h/", {})) == [b"old", b"old"]
        strict = Origin((200, "old", {"Cache-Control": "max-age=0", "Etag": '"1"'}), (503, "down", {}))
        await strict.http.fetch("http://h/")
        with pytest.raises(HTTPClientError, match="503"):
            await strict.http.fetch("http://h/")

    run(main)


def test_with_a_real_client(run, peer, client):
    async def main():
        answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=10\r\nContent-Length: 5\r\n\r\nhello"
        moved = b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        async with peer(answer, moved, answer) as server:
            http = CachedHTTPClient(client())
            for _ in range(3):
                assert (await http.fetch(server.url)).body == b"hello"
            assert len(server.requests) == 1
            for _ in range(2):  # what was redirected is not stored under the first URL
                assert (await http.fetch(server.url + "/moved")).body == b"hello"
            assert len(server.requests) == 4

    run(main)


def test_conditions_reach_a_real_server(run, peer, client):
    async def main():
        answer = b'HTTP/1.1 200 OK\r\nEtag: "1"\r\nContent-Length: 5\r\n\r\nhello'
        async with peer(answer, b"HTTP/1.1 304 Not Modified\r\n\r\n") as server:
            http = CachedHTTPClient(client())
            for _ in range(2):
                assert (await http.fetch(server.url, headers={"X-Mine": "1"})).body == b"hello"
            assert b'If-None-Match: "1"' in server.requests[1] and b"X-Mine: 1" in server.requests[1]

    run(main)


def test_directives_are_read():
    assert directives(headers(Cache_Control='No-Cache="a, b", max-age=5 , private')) == {
        "no-cache": "a, b",
        "max-age": "5",
        "private": "",
    }
    assert directives(headers(Pragma="no-cache")) == {"no-cache": ""}
    assert directives(headers(Pragma="no-cache", Cache_Control="max-age=1")) == {"max-age": "1"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Cache-Control": "max-age=60"}, 60),
        ({"Cache-Control": "max-age=60, no-cache"}, 0),
        ({"Cache-Control": "max-age=x"}, 0),
        ({"Cache-Control": "max-age=99999999999"}, float("inf")),
        ({"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Expires": "Sun, 06 Nov 1994 08:50:37 GMT"}, 60),
        ({"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Expires": "0"}, 0),
        ({"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Last-Modified": "Sun, 06 Nov 1994 08:48:37 GMT"}, 6),
        ({"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Last-Modified": "Sun, 06 Nov 1904 08:48:37 GMT"}, 86400),
        ({}, 0),
    ],
)
def test_freshness(fields, expected):
    assert freshness(200, HTTPHeaders(fields)) == expected


def test_age_counts_delays_and_proxies():
    assert age(headers(Date=date(-50)), time.time(), time.time(), time.time()) == pytest.approx(50, abs=2)
    assert age(headers(Age="30"), 1000.0, 1002.0, 1010.0) == 40.0


@pytest.mark.parametrize(
    ("asked", "said", "current", "usable"),
    [
        ("", "max-age=10", 5, True),
        ("", "max-age=10", 10, False),
        ("max-age=3", "max-age=10", 5, False),
        ("max-age=3", "max-age=10, immutable", 5, True),
        ("min-fresh=6", "max-age=10", 5, False),
        ("max-stale", "max-age=10", 500, True),
        ("max-stale=5", "max-age=10", 14, True),
        ("max-stale=5", "max-age=10", 16, False),
        ("max-stale", "max-age=10, must-revalidate", 16, False),
    ],
)
def test_use_of_a_stored_response(asked, said, current, usable):
    assert may_use(headers(Cache_Control=asked), 200, headers(Cache_Control=said), current) is usable


def test_storing_and_selecting():
    fresh = headers(Cache_Control="max-age=1")
    assert may_store("GET", {}, 200, fresh) and not may_store("POST", {}, 200, fresh)
    assert not may_store("GET", {"Range": "bytes=0-"}, 206, fresh)
    assert may_store("GET", {}, 302, fresh) and not may_store("GET", {}, 302, headers(Etag='"1"'))
    assert selects("", {}, {}) and not selects("*", {}, {})
    assert selects("A, B", {"A": "1"}, {"A": "1"}) and not selects("A, B", {"A": "1"}, {"A": "1", "B": "2"})
    assert dict(updated(headers(A="1", B="2"), headers(B="3", Content_Length="0"))) == {"A": "1", "B": "3"}


def test_memory_store_is_bounded():
    store = MemoryStore(max_size=10_000)

    def response(size):
        return StoredResponse(200, "OK", HTTPHeaders(), bytes(size), HTTPHeaders(), 0.0, 0.0)

    for name in "abc":
        store.put(name, [response(2000)])
    assert store.get("a") and len(store) == 3
    store.put("d", [response(2000)])
    assert not store.get("b") and store.get("a") and store.size <= 10_000
    store.put("large", [response(20_000)])
    assert not store.get("large")
    for name in "acd":
        store.put(name, [])
    assert store.size == 0 and len(store) == 0
