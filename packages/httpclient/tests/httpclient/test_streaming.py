"""Responses read while they come, server-sent events, and request bodies from files and iterators."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re

import pytest

from waterspout.httpclient import (
    ConnectError,
    ContentDecodingError,
    HTTPClientError,
    HTTPRequest,
    HTTPStreamClosedError,
    LineTooLongError,
    ProtocolError,
    ResponseTooLargeError,
    ServerSentEvent,
    _streaming,
)
from waterspout.httpclient._sse import MAX_EVENT, MAX_RETRY, EventParser
from waterspout.httpclient._streaming import BUFFER

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_stream_gives_the_head_first_and_the_body_in_pieces(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n")
        await talk.peer.go_on.wait()
        await talk.send(b"3\r\nabc\r\n")
        await asyncio.sleep(0.005)
        await talk.send(b"3\r\ndef\r\n0\r\nX-Trailer: t\r\n\r\n")

    async def main():
        async with peer(handler) as server:
            server.go_on = asyncio.Event()
            http = client()
            async with http.stream(server.url) as response:
                assert (response.code, response.headers["X-A"]) == (200, "b")
                server.go_on.set()
                pieces = [piece async for piece in response]
                assert pieces == [b"abc", b"def"]
                assert response.trailers["X-Trailer"] == "t"
            assert http.statistics().idle == 1

    run(main)


def test_rest_can_be_read_at_once_or_by_lines(run, peer, client):
    async def main():
        text = "one\ntwo\r\nthr\u2028ee\rfour".encode()
        async with peer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text) as server:
            http = client()
            async with http.stream(server.url) as response:
                assert await response.read() == text
                assert response.body == text
            async with http.stream(server.url) as response:
                assert [line async for line in response.lines()] == ["one", "two", "thr\u2028ee", "four"]
            async with http.stream(server.url) as response:
                with pytest.raises(ValueError, match="longer than 10"):
                    await response.read(limit=10)

    run(main)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_lines_are_found_wherever_the_pieces_break(run, peer, client, size):
    body = "a\r\nb\rc\n\r\n\nä\r".encode()

    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for start in range(0, len(body), size):
            await talk.send(body[start : start + size])
            await asyncio.sleep(0.001)

    async def main():
        async with peer(handler) as server, client().stream(server.url) as response:
            assert [line async for line in response.lines()] == ["a", "b", "c", "", "", "ä"]

    run(main)


class CountingSplitter:
    """A pattern that notes how many characters it was given to look at."""

    def __init__(self, pattern):
        self.pattern = pattern
        self.looked_at = 0

    def split(self, text):
        self.looked_at += len(text)
        return self.pattern.split(text)


def test_each_character_of_a_long_line_is_looked_at_once(run, peer, client, monkeypatch):
    splitter = CountingSplitter(_streaming._line_end)
    monkeypatch.setattr(_streaming, "_line_end", splitter)
    pieces = 500

    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await talk.send(*[b"64\r\n" + b"x" * 100 + b"\r\n"] * pieces, b"0\r\n\r\n")

    async def main():
        async with peer(handler) as server, client().stream(server.url) as response:
            assert [line async for line in response.lines()] == ["x" * 100 * pieces]

    run(main)
    assert splitter.looked_at == 100 * pieces


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n", "\nmore\n", "\rmore"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_line_has_its_limit_with_or_without_an_end(run, peer, client, size, end):
    async def handler(talk):
        await talk.request()
        body = f"first\n{'ä' * talk.peer.length}{end}".encode()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        await talk.send(*(body[start : start + size] for start in range(0, len(body), size)))

    async def read(length):
        async with peer(handler) as server:
            server.length = length
            async with client().stream(server.url) as response:
                lines = response.lines(max_line=10)
                assert await anext(lines) == "first"
                return [line async for line in lines]

    async def main():
        assert (await read(10))[0] == "ä" * 10
        with pytest.raises(LineTooLongError, match="a line of http://127.0.0.1:.* is longer than 10 characters"):
            await read(11)

    run(main)


def test_a_carriage_return_ends_its_line_at_once(run, peer, client):
    """Who waits for what follows it waits for the next event of a stream whose lines end so."""

    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\r\r")
        await talk.peer.seen.wait()
        await talk.send(b"\ndata: two\r\n\r")
        await talk.request()

    async def main():
        async with peer(handler) as server:
            server.seen = asyncio.Event()
            events = client().events(server.url)
            assert await anext(events) == ServerSentEvent("one")
            server.seen.set()
            assert await anext(events) == ServerSentEvent("two")
            await events.aclose()

    run(main)


def test_server_is_held_back_while_nobody_reads(run, peer, client):
    total = 20_000_000
    sent = 0

    async def handler(talk):
        nonlocal sent
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await talk.send(bytes(50_000))
            sent += 50_000

    async def main():
        async with peer(handler) as server, client().stream(server.url) as response:
            await asyncio.sleep(0.1)
            assert sent < total / 2
            assert response._stream._size <= 2 * BUFFER
            assert sum([len(piece) async for piece in response]) == total

    run(main)


def test_leaving_early_closes_the_connection(run, peer, client):
    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        await talk.reader.read()

    async def main():
        async with peer(handler) as server:
            http = client()
            async with http.stream(server.url) as response:
                async for piece in response:
                    assert piece == b"part"
                    break
            assert http.statistics().open == 0 and not http.active

    run(main)


def test_errors_of_stream_are_those_of_fetch(run, peer, client):
    async def main():
        http = client()
        with pytest.raises(ConnectError):
            async with http.stream("http://127.0.0.1:1/"):
                raise AssertionError("no response came")
        async with peer(b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nsad!") as server:
            with pytest.raises(HTTPClientError, match="404") as caught:
                async with http.stream(server.url):
                    raise AssertionError("it is an error")
            assert caught.value.response.body == b"sad!"
            async with http.stream(server.url, raise_error=False) as response:
                assert response.code == 404 and await response.read() == b"sad!"
        async with peer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\npart") as server:
            async with http.stream(server.url) as response:
                with pytest.raises(HTTPStreamClosedError, match="cut short"):
                    await response.read()
        with pytest.raises(TypeError, match="async with"):
            await http.stream("http://h/")
        http.close()
        with pytest.raises(RuntimeError):
            http.stream("http://h/")

    run(main)


def test_stream_follows_redirects_and_decodes(run, peer, client):
    async def main():
        data = gzip.compress(b"x" * 200_000)
        moved = b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nold"
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        async with peer(moved, head % len(data) + data, head % 10 + data[:-5][:10]) as server:
            http = client()
            async with http.stream(server.url) as response:
                pieces = [piece async for piece in response]
                assert b"".join(pieces) == b"x" * 200_000 and max(map(len, pieces)) <= 65536
                assert response.effective_url == server.url + "/x" and len(response.history) == 1
            async with http.stream(server.url) as response:
                with pytest.raises(ContentDecodingError):
                    await response.read()

    run(main)


# -- server-sent events


def parsed(*lines):
    parser = EventParser("http://h/")
    return [event for line in lines for event in parser.feed(line)], parser


def test_events_are_taken_from_their_lines():
    events, parser = parsed(
        "event: add", "data: 1", "data:2", "data", "id: 7", ": comment", "", "data: x", "", "", "data: cut"
    )
    assert events == [ServerSentEvent("1\n2\n", "add", "7"), ServerSentEvent("x", "message", "7")]
    assert parser.last_id == "7"


def test_CL17_retry_is_clamped_and_id_with_nul_ignored():
    assert parsed("retry: 999999999999")[1].retry == MAX_RETRY
    assert parsed("retry: 1500")[1].retry == 1.5
    assert parsed("retry: -1", "retry: x", "retry: ١")[1].retry is None
    assert parsed("id: a", "id: b\0c")[1].last_id == "a"


def test_CL17_event_without_end_is_an_error(run, peer, client):
    with pytest.raises(ResponseTooLargeError):
        parsed(*["data: " + "x" * 1000] * (MAX_EVENT // 1000 + 1))

    async def main():
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        async with peer(head + b"data: " + b"x" * (MAX_EVENT + 10)) as server:
            with pytest.raises(ResponseTooLargeError, match="longer than") as failed:
                async for _ in client().events(server.url):
                    raise AssertionError("no event is complete")
            assert isinstance(failed.value, ValueError)

    run(main)


def test_events_go_on_after_the_connection_ends(run, peer, client):
    async def main():
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
        first = head + b"\xef\xbb\xbfretry: 1\nid: 5\ndata: one\n\ndata: lost"
        async with peer(first, head + b"data: two\n\n", b"HTTP/1.1 204 No\r\n\r\n") as server:
            events = [event async for event in client().events(server.url, headers={"X-Mine": "1"})]
            assert events == [ServerSentEvent("one", id="5"), ServerSentEvent("two", id="5")]
            assert b"Accept: text/event-stream" in server.requests[0] and b"X-Mine: 1" in server.requests[0]
            assert b"Last-Event-Id" not in server.requests[0] and b"Last-Event-Id: 5" in server.requests[1]

    run(main)


def test_what_is_no_event_stream_is_an_error(run, peer, client):
    async def main():
        http = client()
        async with peer(OK) as server:
            with pytest.raises(ProtocolError, match="no event stream"):
                await anext(http.events(server.url))
        with pytest.raises(ConnectError):
            await anext(http.events("http://127.0.0.1:1/"))

    run(main)


# -- sending


async def received(http, peer, **options):
    async with peer(OK) as server:
        await http.fetch(server.url, method="POST", **options)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        return head.decode(), body


def test_json_and_form_bodies(run, peer, client):
    async def main():
        head, body = await received(client(), peer, json={"a": [1, "ü"]})
        assert "Content-Type: application/json" in head and json.loads(body) == {"a": [1, "ü"]}
        head, body = await received(client(), peer, form={"a": "1 2", "b": ["x", "y"]})
        assert "Content-Type: application/x-www-form-urlencoded" in head and body == b"a=1+2&b=x&b=y"
        head, body = await received(client(), peer, json=[1], headers={"Content-Type": "application/vnd.x+json"})
        assert "application/vnd.x+json" in head and body == b"[1]"

    run(main)


def test_file_is_sent_with_its_length_and_type(run, peer, client, tmp_path):
    path = tmp_path / "data.png"
    path.write_bytes(bytes(range(256)) * 4000)

    async def main():
        head, body = await received(client(), peer, content=path)
        assert "Content-Length: 1024000" in head and "Content-Type: image/png" in head
        assert body == path.read_bytes()
        opened = io.BytesIO(b"0123456789")
        opened.seek(4)
        head, body = await received(client(), peer, content=opened)
        assert body == b"456789"

    run(main)


def test_iterators_are_sent_chunked(run, peer, client):
    async def pieces():
        yield b"abc"
        await asyncio.sleep(0)
        yield b"de"

    async def main():
        for content in (pieces(), iter([b"abc", b"de"])):
            head, body = await received(client(), peer, content=content)
            assert "Transfer-Encoding: chunked" in head
            assert body == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    run(main)


@pytest.mark.parametrize("in_memory", [True, False])
def test_multipart_of_fields_and_files(run, peer, client, tmp_path, in_memory):
    path = tmp_path / "a.txt"
    path.write_bytes(b"file content")
    file = ("a.txt", b"file content") if in_memory else path

    async def main():
        files = {"file": file, "named": ('we"ird\r\n.bin', b"\0\1", "image/x-own")}
        head, body = await received(client(), peer, form={"text": "ü", "many": ["1", "2"]}, files=files)
        boundary = re.search(r"boundary=(\w+)", head)[1].encode()
        parts = body.split(b"--" + boundary)
        assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 7
        assert parts[1] == '\r\nContent-Disposition: form-data; name="text"\r\n\r\nü\r\n'.encode()
        assert b'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nfile content\r\n' in parts[4]
        assert b'filename="we%22ird%0D%0A.bin"\r\nContent-Type: image/x-own\r\n\r\n\0\1\r\n' in parts[5]
        assert f"Content-Length: {len(body)}" in head

    run(main)


def test_bodies_exclude_each_other():
    for options in ({"json": 1, "form": {}}, {"json": 1, "body": b"x"}, {"content": b"x", "files": {}}):
        with pytest.raises(ValueError, match="exclude|beside"):
            HTTPRequest("http://h/", "POST", **options)
    with pytest.raises(ValueError, match="JSON compliant"):
        HTTPRequest("http://h/", "POST", json=float("nan"))


def test_who_reads_on_after_the_block_was_left_is_told(run, peer, client):
    """Neither waits for ever, nor takes what there was for the whole."""

    async def handler(talk):
        await talk.request()
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await talk.request()

    async def main():
        async with peer(handler) as server:
            async with client().stream(server.url) as response:
                waiting = asyncio.create_task(response.read())
                await asyncio.sleep(0)
            with pytest.raises(HTTPStreamClosedError, match="left before its end"):
                await waiting
            with pytest.raises(HTTPStreamClosedError, match="left before its end"):
                await response.read()

    run(main)


@pytest.mark.parametrize("last", ["\u65e5\u672c", "\u00e9", "plain"])
def test_last_event_id_goes_back_in_utf_8(run, peer, client, last):
    async def main():
        event = f"retry: 0\nid: {last}\ndata: x\n\n".encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%b" % (
            len(event),
            event,
        )
        async with peer(answer, b"HTTP/1.1 204 No\r\n\r\n") as server:
            assert [found.id async for found in client().events(server.url)] == [last]
            assert b"\r\nLast-Event-Id: " + last.encode() + b"\r\n" in server.requests[1]

    run(main)


@pytest.mark.parametrize("last", ["a\0b", "a\x01b", "\x7f"])
def test_CL17_event_id_that_no_header_field_can_hold_is_ignored(last):
    parser = EventParser()
    events = [event for line in ("id: good", f"id: {last}", "data: x", "") for event in parser.feed(line)]
    assert [event.id for event in events] == ["good"]
