"""InProcessClient: the whole way of a request, without a socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout import web
from waterspout.httpclient import HTTPClientError
from waterspout.httputil import HTTPServerRequest
from waterspout.iostream import StreamClosedError
from waterspout.testing import InProcessClient


class Echo(web.RequestHandler):
    def get(self) -> None:
        self.write({"args": self.get_arguments("a"), "ip": self.request.remote_ip, "host": self.request.host})

    def post(self) -> None:
        self.write(self.request.headers.get("Content-Type", "") + " " + self.request.body.decode())

    put = post

    def head(self) -> None:
        self.get()


class Visits(web.RequestHandler):
    def get(self) -> None:
        number = int(self.get_cookie("visits", "0")) + 1
        self.set_cookie("visits", str(number))
        self.write(str(number))

    def delete(self) -> None:
        self.clear_cookie("visits")


class Hop(web.RequestHandler):
    def get(self, number: str) -> None:
        if number == "0":
            self.write("arrived")
        else:
            self.redirect(f"/hop/{int(number) - 1}")

    def post(self, number: str) -> None:
        if number == "0":
            self.write("posted " + self.get_body_argument("a"))
        else:
            self.redirect("/hop/0", status=int(number))


class Ticks(web.RequestHandler):
    """One tick for every call of `go`."""

    event: asyncio.Event
    closed: asyncio.Event

    async def get(self) -> None:
        Ticks.event = asyncio.Event()
        while True:
            self.write("tick")
            await self.flush()
            await Ticks.event.wait()
            Ticks.event.clear()

    def on_connection_close(self) -> None:
        Ticks.closed.set()


class Broken(web.RequestHandler):
    async def get(self) -> None:
        self.write("begun")
        await self.flush()
        self.request.connection.stream.close()  # type: ignore[attr-defined]


ROUTES = [("/echo", Echo), ("/visits", Visits), (r"/hop/(\d+)", Hop), ("/ticks", Ticks), ("/broken", Broken)]


def run(test: Callable[[InProcessClient], Awaitable[Any]], **options: Any) -> Any:
    async def main() -> Any:
        async with InProcessClient(web.Application(ROUTES), **options) as client:
            return await asyncio.wait_for(test(client), 30)

    return asyncio.run(main())


def test_no_socket_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: InProcessClient) -> None:
        def refuse(*args: object) -> None:
            raise AssertionError("a socket")

        monkeypatch.setattr(socket, "socket", refuse)
        response = await client.fetch("/echo", query={"a": "1 & 2"})
        monkeypatch.undo()
        assert response.code == 200 and response.headers["Content-Type"] == "application/json; charset=UTF-8"
        assert response.body == b'{"args": ["1 & 2"], "ip": "127.0.0.1", "host": "127.0.0.1"}'

    run(test)


def test_form_json_and_plain_bodies() -> None:
    async def test(client: InProcessClient) -> None:
        post = {"method": "POST"}
        answers = [
            await client.fetch("/echo", form={"a": "x y"}, **post),  # type: ignore[arg-type]
            await client.fetch("/echo", json={"a": 1}, **post),  # type: ignore[arg-type]
            await client.fetch("/echo", body=b"plain", method="PUT", headers={"Content-Type": "text/x"}),
            await client.fetch("/echo", **post),  # type: ignore[arg-type]
        ]
        assert [answer.body for answer in answers] == [
            b"application/x-www-form-urlencoded a=x+y", b'application/json {"a": 1}', b"text/x plain", b" ",
        ]  # fmt: skip

    run(test)


def test_an_answer_to_head_has_headers_alone() -> None:
    async def test(client: InProcessClient) -> None:
        whole = await client.fetch("/echo")
        head = await client.fetch("/echo", method="HEAD")
        assert head.code == 200 and head.body == b""
        assert int(head.headers["Content-Length"]) == len(whole.body)

    run(test)


def test_cookies_are_kept_and_sent_back_until_they_are_cleared() -> None:
    async def test(client: InProcessClient) -> None:
        assert [(await client.fetch("/visits")).body for _ in range(3)] == [b"1", b"2", b"3"]
        assert client.cookies == {"visits": "3"}
        await client.fetch("/visits", method="DELETE")
        assert client.cookies == {} and (await client.fetch("/visits")).body == b"1"

    run(test)


def test_redirects_are_followed_where_that_is_asked_for() -> None:
    async def test(client: InProcessClient) -> None:
        assert (await client.fetch("/hop/2")).code == 302
        assert (await client.fetch("/hop/2", follow_redirects=True)).body == b"arrived"
        assert (await client.fetch("/hop/11", follow_redirects=True)).code == 302
        assert (await client.fetch("/hop/303", method="POST", form={"a": 1}, follow_redirects=True)).body == b"arrived"
        assert (await client.fetch("/hop/308", method="POST", form={"a": 1}, follow_redirects=True)).body == b"posted 1"

    run(test)


def test_errors_are_answers_unless_they_are_to_be_raised() -> None:
    async def test(client: InProcessClient) -> None:
        assert (await client.fetch("/nowhere")).code == 404
        with pytest.raises(HTTPClientError) as caught:
            await client.fetch("/nowhere", raise_error=True)
        assert caught.value.code == 404

    run(test)


def test_malformed_requests_and_bodies_over_the_limit_are_refused_as_over_the_wire() -> None:
    async def test(client: InProcessClient) -> None:
        assert (await client.fetch("/echo", headers={"Host": "a b"})).code == 400
        assert (await client.fetch("/echo", method="POST", body=b"x" * 11)).code == 413
        assert (await client.fetch("/echo", method="POST", body=b"x" * 10)).code == 200

    run(test, max_body_size=10)


def test_large_bodies_arrive_in_both_directions() -> None:
    async def main() -> None:
        def echo(request: HTTPServerRequest) -> None:
            connection: Any = request.connection
            connection.respond(200, None, f"Content-Length: {len(request.body)}\r\n", request.body)

        async with InProcessClient(echo) as client:
            body = bytes(range(256)) * 20_000
            assert (await client.fetch("/", method="POST", body=body)).body == body

    asyncio.run(main())


def test_stream_is_read_as_it_comes_and_leaving_it_is_told_to_the_handler() -> None:
    async def test(client: InProcessClient) -> None:
        Ticks.closed = asyncio.Event()
        async with client.stream("/ticks") as response:
            assert response.code == 200 and response.headers["Transfer-Encoding"] == "chunked"
            pieces = aiter(response)
            for _ in range(3):
                assert await anext(pieces) == b"tick"
                Ticks.event.set()
            assert await anext(pieces) == b"tick" and not Ticks.closed.is_set()
        await Ticks.closed.wait()

    run(test)


def test_writer_waits_for_a_reader_that_is_slow() -> None:
    written = 0

    class Flood(web.RequestHandler):
        async def get(self) -> None:
            nonlocal written
            for _ in range(100):
                self.write(b"x" * 65536)
                await self.flush()
                written += 1

    async def main() -> None:
        async with InProcessClient(web.Application([("/", Flood)])) as client, client.stream("/") as response:
            for _ in range(100):
                await asyncio.sleep(0)
            assert written < 10
            assert sum([len(piece) async for piece in response]) == 6_553_600 and written == 100

    asyncio.run(main())


def test_response_that_breaks_off_is_an_error() -> None:
    async def test(client: InProcessClient) -> None:
        with pytest.raises(StreamClosedError):
            await client.fetch("/broken")

    run(test)


def test_path_must_be_one() -> None:
    async def test(client: InProcessClient) -> None:
        with pytest.raises(ValueError, match="begins with a slash"):
            await client.fetch("http://elsewhere/")

    run(test)


def test_application_that_wants_to_know_is_told_when_it_begins_and_ends() -> None:
    told = []

    class App(web.Application):
        async def __aenter__(self) -> App:
            told.append("begins")
            return self

        async def __aexit__(self, *exc_info: object) -> None:
            told.append("ends")

    async def main() -> None:
        async with InProcessClient(App(ROUTES)) as client:
            assert told == ["begins"] and (await client.fetch("/echo")).code == 200
        assert told == ["begins", "ends"]

    asyncio.run(main())
