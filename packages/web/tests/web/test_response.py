"""How responses leave: whole, in parts, tagged, and never other than promised."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, RequestHandler

Fetch = Callable[..., HTTPResponse]


def handler(**methods: Any) -> type[RequestHandler]:
    return type("Handler", (RequestHandler,), methods)


def hello(self: RequestHandler) -> None:
    self.write("hello")


def test_a_whole_response_has_its_length_tag_date_and_server(fetch: Fetch) -> None:
    headers = fetch([("/", handler(get=hello))]).headers
    assert headers["Content-Length"] == "5" and headers["Content-Type"] == "text/html; charset=UTF-8"
    assert headers["Etag"].startswith('"') and headers["Date"].endswith("GMT") and "Server" in headers


@pytest.mark.parametrize("form", ["{}", 'W/{}, "x"', '"x" , {}', "*"])
def test_a_client_that_has_the_content_gets_304(fetch: Fetch, form: str) -> None:
    app = [("/", handler(get=hello))]
    etag = fetch(app).headers["Etag"]
    response = fetch(app, headers={"If-None-Match": form.format(etag)})
    assert (response.code, response.body) == (304, b"")
    assert response.headers["Etag"] == etag and "Content-Type" not in response.headers
    assert "Content-Length" not in response.headers


def test_only_get_and_head_with_200_are_tagged(fetch: Fetch) -> None:
    def not_found(self: RequestHandler) -> None:
        self.set_status(404)
        self.write("no")

    assert "Etag" not in fetch([("/", handler(post=hello))], method="POST", body=b"").headers
    assert "Etag" not in fetch([("/", handler(get=not_found))]).headers


@pytest.mark.parametrize("tag", ['"mine"', 'W/"mine"'])
def test_a_tag_that_the_handler_has_set_stays_and_is_compared(fetch: Fetch, tag: str) -> None:
    def get(self: RequestHandler) -> None:
        self.set_header("Etag", tag)
        self.write("hello")

    for app in ([("/", handler(get=get))], [("/", handler(get=get, compute_etag=lambda self: '"computed"'))]):
        assert fetch(app).headers["Etag"] == tag
        response = fetch(app, headers={"If-None-Match": '"x", "mine"'})
        assert (response.code, response.headers["Etag"], response.body) == (304, tag, b"")
        assert fetch(app, headers={"If-None-Match": '"computed"'}).code == 200


def test_a_tag_of_the_handlers_own_is_used(fetch: Fetch) -> None:
    app = [
        ("/", handler(get=hello, compute_etag=lambda self: '"mine"')),
        ("/none", handler(get=hello, compute_etag=lambda self: None)),
    ]
    assert fetch(app).headers["Etag"] == '"mine"'
    assert fetch(app, headers={"If-None-Match": '"mine"'}).code == 304
    assert "Etag" not in fetch(app, "/none").headers


def test_flushed_parts_are_chunked_and_in_order(fetch: Fetch) -> None:
    async def get(self: RequestHandler) -> None:
        for part in range(3):
            self.write(f"part {part};")
            await self.flush()

    response = fetch([("/", handler(get=get))])
    assert response.body == b"part 0;part 1;part 2;" and "Content-Length" not in response.headers


def test_a_flushed_part_has_left_before_the_next_is_written(raw: Callable[..., bytes]) -> None:
    class Slow(RequestHandler):
        async def get(self) -> None:
            self.write("first")
            await self.flush()
            await asyncio.sleep(10)

    received = raw([("/", Slow)], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", until=b"first\r\n")
    assert received.endswith(b"5\r\nfirst\r\n")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_head_gets_the_headers_alone(raw: Callable[..., bytes], version: bytes) -> None:
    async def head(self: RequestHandler) -> None:
        self.write("part")
        if self.get_argument("flush", None):
            await self.flush()

    for path in (b"/", b"/?flush=1"):
        received = raw([("/", handler(head=head))], b"HEAD %b HTTP/%b\r\nHost: a\r\n\r\n" % (path, version))
        assert received.startswith(b"HTTP/1.1 200 OK") and received.endswith(b"\r\n\r\n")


def test_RW4_a_wrong_content_length_closes_the_connection(raw: Callable[..., bytes], caplog: Any) -> None:
    for length in ("3", "50"):

        def get(self: RequestHandler, length: str = length) -> None:
            self.set_header("Content-Length", length)
            self.write("hello")

        received = raw([("/", handler(get=get))], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        assert received == b"" and "Content-Length" in caplog.text


@pytest.mark.parametrize("kind", ["plain", "headers", "transformed", "streamed"])
def test_a_flush_after_the_end_sends_nothing_more(raw: Callable[..., bytes], kind: str) -> None:
    async def get(self: RequestHandler) -> None:
        if kind == "headers":
            self.set_header("X", "y")
        if kind == "streamed":
            self.write("he")
            await self.flush()
        self.finish("hello" if kind != "streamed" else "llo")
        await self.flush()
        self.flush(include_footers=True)

    app = Application([("/", handler(get=get))], compress_response=kind == "transformed")
    once = raw(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    end = b"\r\n\r\nhello" if kind != "streamed" else b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    assert once.endswith(end)
    assert raw(app, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2).count(b"HTTP/1.1 200") == 2  # the next one is heard


@pytest.mark.parametrize("way", ["whole", "streamed", "error", "transformed"])
def test_a_flush_of_the_class_own_sees_every_part_and_may_still_set_headers(fetch: Fetch, way: str) -> None:
    seen: list[bool] = []

    class Own(RequestHandler):
        def flush(self, include_footers: bool = False) -> asyncio.Future[None]:
            seen.append(include_footers)
            if not self._headers_written:
                self.set_header("X-Flushed", "yes")
            return super().flush(include_footers)

        async def get(self) -> None:
            self.write("hel")
            if way == "streamed":
                await self.flush()
            if way == "error":
                raise ValueError
            self.write("lo")

    response = fetch(Application([("/", Own)], compress_response=way == "transformed"))
    assert response.headers["X-Flushed"] == "yes"
    assert seen == ([False, True] if way == "streamed" else [True])
    assert response.body == b"hello" or (way, response.code) == ("error", 500)


def test_RW8_an_exception_after_the_head_cuts_the_response_off(raw: Callable[..., bytes]) -> None:
    async def get(self: RequestHandler) -> None:
        self.write("part")
        await self.flush()
        raise ValueError

    received = raw([("/", handler(get=get))], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert received.endswith(b"4\r\npart\r\n") and received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("status", [204, 304])
def test_RW6_a_status_without_content_sends_none(raw: Callable[..., bytes], status: int) -> None:
    def get(self: RequestHandler) -> None:
        self.set_status(status)
        self.write("dropped")

    received = raw([("/", handler(get=get))], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"dropped" not in received and b"Content-Length" not in received and received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("length", [None, "7"])
def test_RW6_205_has_no_content_and_says_so(raw: Callable[..., bytes], length: str | None) -> None:
    def get(self: RequestHandler) -> None:
        self.set_status(205)
        if length is not None:
            self.set_header("Content-Length", length)
        self.write("dropped")

    received = raw([("/", handler(get=get))], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert received.count(b"HTTP/1.1 205 Reset Content\r\n") == 2 and b"dropped" not in received
    assert received.count(b"\r\nContent-Length: 0\r\n") == 2 and received.count(b"Content-Length") == 2


def test_connection_close_set_by_the_handler_is_obeyed(raw: Callable[..., bytes]) -> None:
    def get(self: RequestHandler) -> None:
        self.set_header("Connection", "close")

    received = raw([("/", handler(get=get))], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert received.count(b"HTTP/1.1 200") == 1 and received.count(b"Connection: close") == 1


def test_compressed_responses(fetch: Fetch) -> None:
    app = Application([("/", handler(get=lambda self: self.write("hello " * 1000)))], compress_response=True)
    response = fetch(app, headers={"Accept-Encoding": "gzip"}, decompress_response=False)
    assert response.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in response.headers["Vary"]
    assert gzip.decompress(response.body) == b"hello " * 1000


def test_a_large_body_is_sent_whole(fetch: Fetch) -> None:
    body = b"x" * 3_000_000
    assert fetch([("/", handler(get=lambda self: self.write(body)))]).body == body


def test_detach_hands_the_connection_over(raw: Callable[..., bytes]) -> None:
    class Upgrade(RequestHandler):
        async def get(self) -> None:
            stream = self.detach()
            await stream.write(b"now ours: " + await stream.read_bytes(4))
            stream.close()

    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert raw([("/", Upgrade)], request + b"rest") == b"now ours: rest"
    assert raw([("/", Upgrade)], request + b"re", b"st") == b"now ours: rest"


def test_bytes_that_came_before_the_detaching_keep_their_order(raw: Callable[..., bytes]) -> None:
    class Slow(RequestHandler):
        async def get(self) -> None:
            await asyncio.sleep(0.05)
            stream = self.detach()
            await stream.write(await stream.read_bytes(6))
            stream.close()

    pieces = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nab", 0.01, b"cd", 0.01, b"ef")
    assert raw([("/", Slow)], *pieces) == b"abcdef"


def test_content_type_of_a_dictionary_is_that_of_json_whatever_is_set_before_and_after(fetch: Fetch) -> None:
    class Plain(RequestHandler):
        def get(self, order: str) -> None:
            for step in order:
                if step == "d":
                    self.write({"a": 1})
                elif step == "h":
                    self.set_header("X-A", "1")
                elif step == "t":
                    self.set_header("Content-Type", "text/x")
                else:
                    self.clear()
                    self.write("text")

    json_type, html_type = "application/json; charset=UTF-8", "text/html; charset=UTF-8"
    expected = {"d": json_type, "hd": json_type, "dh": json_type, "td": json_type, "dt": "text/x", "dc": html_type}
    for order, kind in expected.items():
        response = fetch([("/(.*)", Plain)], f"/{order}")
        assert response.headers.get_list("Content-Type") == [kind], order
        assert response.headers.get("X-A") == ("1" if "h" in order else None)


def test_an_awaited_flush_is_on_the_wire_and_others_have_their_turn_in_between(fetch: Fetch) -> None:
    turns = 0
    pending: list[int] = []

    class Stream(RequestHandler):
        async def get(self) -> None:
            def another() -> None:
                nonlocal turns
                turns += 1
                if not self._finished:
                    self.request.connection.stream.io_loop.add_callback(another)  # type: ignore[attr-defined]

            another()
            for _ in range(64):
                self.write(b"x" * 4096)
                await self.flush()
                pending.append(self.request.connection.stream.pending)  # type: ignore[attr-defined]

    assert fetch([("/", Stream)]).body == b"x" * 4096 * 64
    assert pending == [0] * 64 and turns >= 4


def test_flushes_that_nobody_waits_for_leave_together(fetch: Fetch) -> None:
    pending: list[int] = []

    class Stream(RequestHandler):
        def get(self) -> None:
            for _ in range(3):
                self.write(b"x" * 10)
                self.flush()
                pending.append(self.request.connection.stream.pending)  # type: ignore[attr-defined]

    assert fetch([("/", Stream)]).body == b"x" * 30
    assert pending == sorted(pending) and pending[0] > 0
