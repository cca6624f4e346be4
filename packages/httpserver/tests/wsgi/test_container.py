"""WSGI applications over real sockets."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.util import request_uri
from wsgiref.validate import validator

import pytest

from waterspout.wsgi import WSGIContainer

Exchange = Callable[..., tuple[bytes, bool]]
GET = b"GET /a%20b?x=y HTTP/1.1\r\nHost: us.example:81\r\nX-A: 1\r\nX-A: 2\r\nProxy: evil\r\nX_B: no\r\n\r\n"


def executors() -> list[Any]:
    return [None, ThreadPoolExecutor(2)]


@pytest.mark.parametrize("executor", executors(), ids=["loop", "threads"])
def test_a_valid_application_is_served(exchange: Exchange, executor: Any) -> None:
    @validator
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(100) + environ["PATH_INFO"].encode()
        start_response("201 Made", [("Content-Type", "text/plain"), ("X-Thread", threading.current_thread().name)])
        return [body, b"!"]

    post = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    received, closed = exchange(WSGIContainer(app, executor), post)
    assert received.startswith(b"HTTP/1.1 201 Made\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    if b"Transfer-Encoding: chunked" in head:
        # A thread that is slower than the loop has its parts sent as they come.
        assert executor is not None
        body = b"".join(body.split(b"\r\n")[1::2])
    else:
        assert b"\r\nContent-Length: 8\r\n" in head
    assert body == b"hello/p!"
    assert (b"MainThread" in received) is (executor is None) and not closed


def test_the_environment(exchange: Exchange) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    exchange(WSGIContainer(app), GET)
    assert (seen["REQUEST_METHOD"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("GET", "/a b", "x=y")
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"], seen["wsgi.url_scheme"]) == ("us.example", "81", "http")
    assert seen["HTTP_X_A"] == "1,2" and seen["REMOTE_ADDR"] == "127.0.0.1"
    assert "HTTP_PROXY" not in seen and "HTTP_X_B" not in seen


@pytest.mark.parametrize(("trusted", "outside"), [(["127.0.0.1"], "/out/side"), (["192.0.2.1"], "")])
def test_a_prefix_that_a_trusted_proxy_names_is_the_script_name(
    exchange: Exchange, trusted: list[str], outside: str
) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    options = {"xheaders": True, "trusted_downstream": trusted, "forwarding_headers": ["X-Forwarded-Prefix"]}
    exchange(WSGIContainer(app), GET.replace(b"X_B: no", b"X-Forwarded-Prefix: /out/side"), **options)
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == (outside, "/a b")
    assert request_uri(seen) == f"http://us.example:81{outside}/a%20b?x=y"


@pytest.mark.parametrize("executor", executors(), ids=["loop", "threads"])
def test_a_large_response_is_sent_as_it_is_made(exchange: Exchange, executor: Any) -> None:
    made = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        for number in range(40):
            made.append(number)
            yield b"x" * 20_000

    received, _ = exchange(WSGIContainer(app, executor), GET)
    assert b"Transfer-Encoding: chunked" in received and received.count(b"x") >= 800_000 and len(made) == 40


@pytest.mark.parametrize("executor", executors(), ids=["loop", "threads"])
@pytest.mark.parametrize("where", ["call", "start", "body"])
def test_an_exception_of_the_application(exchange: Exchange, executor: Any, where: str, caplog: Any) -> None:
    closed = threading.Event()  # close() runs in the thread too, and may still do so when the client is told

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"y" * 70_000
            raise ValueError("in the body")

        def close(self) -> None:
            assert not closed.is_set()
            closed.set()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if where == "call":
            raise ValueError("in the call")
        if where == "body":
            start_response("200 OK", [])
            return Body()
        return [b"without a head"]

    received, ended = exchange(WSGIContainer(app, executor), GET)
    if where == "body":
        assert ended and not received.endswith(b"0\r\n\r\n") and closed.wait(30)
    else:
        assert received.startswith(b"HTTP/1.1 500 Internal Server Error") and not ended
    assert caplog.text.count("Uncaught exception of the WSGI application") == 1


@pytest.mark.parametrize("executor", executors(), ids=["loop", "threads"])
def test_what_close_raises_is_logged_and_so_is_the_request(exchange: Exchange, executor: Any, caplog: Any) -> None:
    class Body(list[bytes]):
        def close(self) -> None:
            raise ValueError("in close")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return Body([b"body"])

    caplog.set_level("INFO")
    received, closed = exchange(WSGIContainer(app, executor), GET)
    gc.collect()  # an exception that nobody has looked at would be told now
    assert received.endswith(b"\r\n\r\nbody") and not closed
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.message for record in errors] == ["Exception in close() of what the WSGI application returned"]
    assert sum(record.name.endswith(".access") for record in caplog.records) == 1


@pytest.mark.parametrize("executor", executors(), ids=["loop", "threads"])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "field"),
    [
        ("200 OK", ("X", "a\r\nY: b")),
        ("200 OK", ("X Y", "a")),
        ("200 OK", ("Content-Length", "x")),
        ("200 OK", ("Content-Length", "1")),
        ("abc", ("X", "a")),
        ("99 Few", ("X", "a")),
        ("100 Continue", ("X", "a")),
        ("199 Nearly", ("X", "a")),
        ("1000 Many", ("X", "a")),
    ],
)
def test_a_head_that_HTTP_cannot_carry_is_a_500_and_the_connection_goes_on(
    exchange: Exchange, executor: Any, status: str, field: tuple[str, str], streamed: bool, caplog: Any
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/next":
            start_response("200 OK", [])
            return [b"next"]
        start_response(status, [field])
        return iter([b"a" * 70_000, b"b"]) if streamed else [b"body"]

    next_one = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
    received, closed = exchange(WSGIContainer(app, executor), GET + next_one)
    assert received.startswith(b"HTTP/1.1 500 ") and received.endswith(b"\r\n\r\nnext") and not closed
    assert caplog.text.count("of the WSGI application") == 1


@pytest.mark.parametrize("executor", executors(), ids=["loop", "threads"])
def test_the_framing_that_an_application_names_is_left_to_the_server(exchange: Exchange, executor: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Transfer-Encoding", "chunked")])
        return [b"body"]

    received, closed = exchange(WSGIContainer(app, executor), GET)
    assert received.endswith(b"\r\n\r\nbody") and b"Transfer-Encoding" not in received and not closed
