"""Functions around handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.web import Application, HTTPError, RequestHandler, stream_request_body

Fetch = Callable[..., HTTPResponse]
Next = Callable[[], Awaitable[None]]


def noting(log: list[str], name: str) -> Any:
    async def middleware(handler: RequestHandler, call_next: Next) -> None:
        log.append(f"{name} before")
        try:
            await call_next()
        finally:
            log.append(f"{name} after")

    return middleware


@pytest.mark.parametrize("waits", [False, True])
def test_the_first_is_the_outermost_and_prepare_is_inside(fetch: Fetch, waits: bool) -> None:
    log: list[str] = []

    class Hello(RequestHandler):
        def prepare(self) -> Any:
            log.append("prepare")
            return asyncio.sleep(0) if waits else None

        def get(self, name: str) -> Any:
            log.append(f"get {name}")
            return asyncio.sleep(0) if waits else None

        def on_finish(self) -> None:
            log.append("on_finish")

    assert fetch(Application([("/(.*)", Hello)], middleware=[noting(log, "a"), noting(log, "b")]), "/x").code == 200
    assert log == ["a before", "b before", "prepare", "get x", "b after", "a after", "on_finish"]


def test_headers_can_be_set_after_the_method_as_long_as_nothing_was_sent(fetch: Fetch) -> None:
    async def stamp(handler: RequestHandler, call_next: Next) -> None:
        await call_next()
        handler.set_header("X-Seen", str(handler.get_status()))

    class Hello(RequestHandler):
        def get(self) -> None:
            self.set_status(202)
            self.write("hi")

    response = fetch(Application([("/", Hello)], middleware=[stamp]))
    assert (response.headers["X-Seen"], response.body) == ("202", b"hi")


def test_it_may_answer_or_refuse_by_itself(fetch: Fetch) -> None:
    async def guard(handler: RequestHandler, call_next: Next) -> None:
        if handler.request.path == "/answered":
            handler.write("by the middleware")
        elif handler.request.path == "/refused":
            raise HTTPError(403)
        else:
            await call_next()

    class Hello(RequestHandler):
        def get(self) -> None:
            self.write("by the handler")

    app = Application([("/.*", Hello)], middleware=[guard])
    assert fetch(app, "/answered").body == b"by the middleware"
    assert fetch(app, "/refused").code == 403
    assert fetch(app, "/").body == b"by the handler"


def test_what_the_handler_raises_passes_through_and_may_be_caught(fetch: Fetch) -> None:
    async def soften(handler: RequestHandler, call_next: Next) -> None:
        try:
            await call_next()
        except KeyError as error:
            raise HTTPError(404) from error

    class Fails(RequestHandler):
        def get(self, kind: str) -> None:
            raise KeyError("x") if kind == "key" else ValueError("y")

    app = Application([("/(.*)", Fails)], middleware=[soften])
    assert fetch(app, "/key").code == 404 and fetch(app, "/value").code == 500


def test_it_is_also_around_what_no_route_serves_and_around_streamed_bodies(fetch: Fetch) -> None:
    log: list[str] = []

    @stream_request_body
    class Upload(RequestHandler):
        def data_received(self, chunk: bytes) -> None:
            log.append(f"{len(chunk)} bytes")

        def post(self) -> None:
            log.append("post")

    app = Application([("/up", Upload)], middleware=[noting(log, "m")])
    assert fetch(app, "/up", method="POST", body=b"12345").code == 200
    assert log == ["m before", "5 bytes", "post", "m after"]
    log.clear()
    assert fetch(app, "/nowhere").code == 404 and log == ["m before", "m after"]


def test_context_variables_set_by_it_are_seen_by_the_handler(fetch: Fetch) -> None:
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def set_it(handler: RequestHandler, call_next: Next) -> None:
        variable.set(handler.request.path)
        await call_next()

    class Hello(RequestHandler):
        async def get(self) -> None:
            self.write(variable.get())

    assert fetch(Application([("/.*", Hello)], middleware=[set_it]), "/a").body == b"/a"
    assert variable.get() == "unset"


@pytest.mark.parametrize("wrong", [5, ["name"], noting([], "a")])
def test_what_is_no_list_of_functions_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(TypeError, match="setting middleware"):
        Application(middleware=wrong)


@pytest.mark.parametrize("how", ["at once", "later", "from outside"])
def test_it_goes_on_when_a_streamed_body_is_answered_before_it_is_whole(how: str) -> None:
    log: list[str] = []
    over = asyncio.Event()

    async def around(handler: RequestHandler, call_next: Any) -> None:
        await call_next()
        log.append("after")
        over.set()

    @stream_request_body
    class Refuses(RequestHandler):
        def data_received(self, chunk: bytes) -> Any:
            if how == "at once":
                self.finish("refused")
            elif how == "later":
                return self.refuse()
            else:
                asyncio.get_running_loop().call_later(0.01, self.finish, "refused")

        async def refuse(self) -> None:
            await asyncio.sleep(0)
            self.send_error(422)

        def post(self) -> None:
            log.append("never")

    async def main() -> None:
        application = Application([("/", Refuses)], middleware=[around])
        server = application.listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        assert b"422" in await reader.read() or how != "later"
        await asyncio.wait_for(over.wait(), 30)
        writer.close()
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert log == ["after"]
