"""An application as an ASGI application, driven by events as a server's; integration/ has the servers themselves."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence
from typing import Any

import pytest

from waterspout import web
from waterspout.httputil import HTTPInputError
from waterspout.iostream import StreamClosedError
from waterspout.util import ExplainedError

Events = list[dict[str, Any]]
WHOLE: Events = [{"type": "http.request", "body": b"", "more_body": False}]
GONE: Events = [{"type": "http.disconnect"}]
current: contextvars.ContextVar[str] = contextvars.ContextVar("current", default="nobody's")


def scope_of(path: str = "/", method: str = "GET", headers: Sequence[tuple[bytes, bytes]] = (), **more: Any) -> Any:
    fields = [*headers] if any(name == b"host" for name, _ in headers) else [(b"host", b"a"), *headers]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "query_string": b"", "headers": fields, "client": ("192.0.2.1", 5), "server": ("192.0.2.2", 80),
        **more,
    }  # fmt: skip


class Server:
    """The calls of a server: *events* come one after the other, then nothing until `leave`."""

    def __init__(self, events: Events = WHOLE) -> None:
        self.events = [*events]
        self.sent: Events = []
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.events:
            await self.left.wait()
            return GONE[0]
        return self.events.pop(0)

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    @property
    def head(self) -> tuple[int, dict[bytes, bytes]]:
        start = self.sent[0]
        assert start["type"] == "http.response.start"
        return start["status"], dict(start["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(event["body"] for event in self.sent[1:])

    @property
    def complete(self) -> bool:
        return [event["more_body"] for event in self.sent[1:]].count(False) == 1 and not self.sent[-1]["more_body"]


def serve(handlers: Any, scope: Any, events: Events = WHOLE, **options: Any) -> Server:
    """What *handlers* answer to one request."""
    application = handlers if isinstance(handlers, web.Application) else web.Application(handlers)

    async def main() -> Server:
        server = Server(events)
        await asyncio.wait_for(web.asgi(application, **options)(scope, server.receive, server.send), 30)
        return server

    return asyncio.run(main())


def handler(**methods: Any) -> Any:
    return [(r"/.*", type("Handler", (web.RequestHandler,), methods))]


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1", "2", "3"])
def test_an_upgrade_is_named_in_connection_and_not_sent_where_there_is_none(version: str, closes: bool) -> None:
    def get(self: Any) -> None:
        self.set_status(426)
        self.set_header("Upgrade", "websocket")
        if closes:
            self.request.connection.close_after_response()

    server = serve(handler(get=get), scope_of(http_version=version))
    assert server.head[0] == 426 and server.complete
    connection = [value for name, value in server.sent[0]["headers"] if name == b"connection"]
    if version.startswith("1"):
        assert server.head[1][b"upgrade"] == b"websocket"
        assert connection == [b"Upgrade"] + [b"close"] * closes
    else:  # RFC 9113, 8.2.2, RFC 9114, 4.2
        assert b"upgrade" not in server.head[1] and connection == []


def test_whole_response_is_two_events_and_leaves_date_and_server_to_the_server() -> None:
    server = serve(handler(get=lambda self: self.write("hello")), scope_of())
    status, headers = server.head
    assert status == 200 and server.body == b"hello" and len(server.sent) == 2 and server.complete
    assert headers[b"content-length"] == b"5" and headers[b"etag"]
    assert not {b"date", b"server", b"connection", b"transfer-encoding"} & headers.keys()


def test_a_server_name_of_the_handlers_own_is_sent() -> None:
    server = serve(handler(get=lambda self: self.set_header("Server", "mine")), scope_of())
    assert server.head[1][b"server"] == b"mine"


def test_request_is_what_the_scope_says() -> None:
    seen = []
    scope = scope_of(
        "/caf\xe9/b c", "GET", [(b"x-twice", b"1"), (b"x-twice", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2")],
        raw_path=b"/caf%C3%A9/b%20c", query_string=b"q=%20x", scheme="https", http_version="2",
    )  # fmt: skip
    serve(handler(get=lambda self: seen.append(self.request)), scope)
    (request,) = seen
    assert (request.path, request.query, request.uri) == ("/caf%C3%A9/b%20c", "q=%20x", "/caf%C3%A9/b%20c?q=%20x")
    assert (request.version, request.protocol, request.remote_ip) == ("HTTP/2", "https", "192.0.2.1")
    assert request.headers.get_list("X-Twice") == ["1", "2"]
    assert {name: morsel.value for name, morsel in request.cookies.items()} == {"a": "1", "b": "2"}
    assert request.connection.context.scope is scope


def test_path_is_quoted_again_where_the_server_gives_no_raw_one() -> None:
    seen = []
    serve(handler(get=lambda self: seen.append(self.request.path)), scope_of("/caf\xe9/b c;d=1,2"))
    assert seen == ["/caf%C3%A9/b%20c;d=1,2"]


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [("/app/x", "/app", "/x"), ("/app", "/app", "/"), ("/apples", "/app", "/apples"), ("/x", "", "/x")],
)
def test_routes_are_matched_below_the_root_path(path: str, root: str, expected: str) -> None:
    seen = []

    def get(self: web.RequestHandler) -> None:
        seen.append((self.request.path, self.request.uri))

    serve(handler(get=get), scope_of(path, root_path=root))
    assert seen == [(expected, path)]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"a b")],
        [(b"host", b"u@a")],
        [(b"host", b"a"), (b"host", b"b")],
        [(b"host", b"a:99999")],
        [(b"host", b"")],
        [(b"content-length", b"5x")],
        [(b"content-length", "\xb2".encode("latin-1"))],
        [(b"x-a", b"1\r\nset-cookie: b=1")],
        [(b"x-a", b"\x00")],
        [(b"x a", b"1")],
    ],
)
def test_requests_that_servers_should_have_refused_are_refused(headers: Any) -> None:
    server = serve(handler(get=lambda self: self.write("served")), scope_of(headers=headers))
    assert server.head[0] == 400 and server.body == b"400 Bad Request\n" and server.complete
    assert server.head[1][b"connection"] == b"close"


def test_request_without_a_host_is_refused_unless_it_is_as_old_as_that() -> None:
    scope = scope_of()
    scope["headers"] = []
    assert serve(handler(get=lambda self: None), scope).head[0] == 400
    seen = []
    scope["http_version"] = "1.0"
    serve(handler(get=lambda self: seen.append(self.request.host)), scope)
    assert seen == ["192.0.2.2"]


def test_head_gets_the_head_alone() -> None:
    server = serve(handler(head=lambda self: self.write("hello")), scope_of(method="HEAD"))
    assert server.head[1][b"content-length"] == b"5" and server.body == b"" and server.complete


def test_statuses_without_content_have_none() -> None:
    server = serve(handler(get=lambda self: self.set_status(204)), scope_of())
    assert server.head[0] == 204 and server.body == b"" and b"content-length" not in server.head[1]


def test_cookies_are_fields_of_their_own() -> None:
    def get(self: web.RequestHandler) -> None:
        self.set_cookie("a", "1")
        self.set_cookie("b", "2")

    server = serve(handler(get=get), scope_of())
    cookies = [value for name, value in server.sent[0]["headers"] if name == b"set-cookie"]
    assert cookies == [b"a=1; Path=/", b"b=2; Path=/"]


def test_form_arrives_in_pieces_and_is_read_whole() -> None:
    events = [
        {"type": "http.request", "body": b"name=A", "more_body": True},
        {"type": "http.request", "body": b"da&x=1"},
    ]
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"12")]
    server = serve(
        handler(post=lambda self: self.write(self.get_body_argument("name"))), scope_of("/", "POST", headers), events
    )
    assert server.body == b"Ada"


def test_forged_request_is_refused_and_the_token_of_a_form_is_taken() -> None:
    def get(self: web.RequestHandler) -> None:
        self.write(self.xsrf_token)

    application = web.Application(
        handler(get=get, post=lambda self: self.write("done")), xsrf_cookies=True, cookie_secret="s" * 32
    )
    assert serve(application, scope_of("/", "POST", [(b"content-length", b"0")])).head[0] == 403
    page = serve(application, scope_of())
    cookie = page.head[1][b"set-cookie"].partition(b";")[0]
    headers = [(b"content-length", b"0"), (b"cookie", cookie), (b"x-xsrftoken", page.body)]
    assert serve(application, scope_of("/", "POST", headers)).body == b"done"


@pytest.mark.parametrize(("length", "status"), [(10, 200), (11, 413)])
@pytest.mark.parametrize("declared", [True, False])
def test_body_limit_holds_for_what_is_said_and_for_what_comes(length: int, status: int, declared: bool) -> None:
    headers = [(b"content-length", b"%d" % length)] if declared else [(b"transfer-encoding", b"chunked")]
    events = [{"type": "http.request", "body": b"x", "more_body": number + 1 < length} for number in range(length)]
    server = serve(
        handler(post=lambda self: self.write("ok")), scope_of("/", "POST", headers), events, max_body_size=10
    )
    assert server.head[0] == status


def test_streamed_body_comes_at_the_handlers_pace_and_may_be_larger() -> None:
    pieces: list[bytes] = []
    events = [{"type": "http.request", "body": b"x" * 10, "more_body": number < 4} for number in range(5)]
    server_events = [*events]

    @web.stream_request_body
    class Upload(web.RequestHandler):
        def prepare(self) -> None:
            self.request.connection.set_max_body_size(50)  # type: ignore[attr-defined]

        async def data_received(self, chunk: bytes) -> None:
            await asyncio.sleep(0)
            pieces.append(chunk)

        def put(self) -> None:
            self.write(str(len(pieces)))

    scope = scope_of("/", "PUT", [(b"transfer-encoding", b"chunked")])
    assert serve([("/", Upload)], scope, server_events, max_body_size=10).body == b"5"
    assert pieces == [b"x" * 10] * 5
    scope["headers"][-1] = (b"content-length", b"51")
    assert serve([("/", Upload)], scope, events, max_body_size=10).head[0] == 413


def test_streaming_class_serves_requests_without_a_body() -> None:
    @web.stream_request_body
    class Upload(web.RequestHandler):
        def get(self) -> None:
            self.write("nothing came")

    assert serve([("/", Upload)], scope_of()).body == b"nothing came"


def test_refusal_in_prepare_is_answered_before_the_body_has_come() -> None:
    @web.stream_request_body
    class Upload(web.RequestHandler):
        def prepare(self) -> None:
            raise web.HTTPError(403)

    async def main() -> Server:
        server = Server([])  # the body never comes
        scope = scope_of("/", "PUT", [(b"content-length", b"5")])
        application = web.asgi(web.Application([("/", Upload)]))
        await asyncio.wait_for(application(scope, server.receive, server.send), 30)
        return server

    assert asyncio.run(main()).head[0] == 403


def test_client_that_leaves_during_its_body_ends_the_request() -> None:
    told = []

    @web.stream_request_body
    class Upload(web.RequestHandler):
        def data_received(self, chunk: bytes) -> None:
            told.append(chunk)

        def on_connection_close(self) -> None:
            told.append("closed")
            super().on_connection_close()

        def put(self) -> None:
            told.append("served")

    events = [{"type": "http.request", "body": b"x", "more_body": True}, *GONE]
    scope = scope_of("/", "PUT", [(b"content-length", b"5")])
    assert serve([("/", Upload)], scope, events).sent == [] and told == [b"x", "closed"]
    assert serve(handler(put=lambda self: told.append("served")), scope, events).sent == []
    assert "served" not in told


def test_awaited_flush_has_been_taken_by_the_server_when_it_returns() -> None:
    seen = []

    async def main() -> None:
        server = Server()

        async def get(self: web.RequestHandler) -> None:
            for number in range(3):
                self.write(f"{number}")
                await self.flush()
                seen.append(server.body)

        await web.asgi(web.Application(handler(get=get)))(scope_of(), server.receive, server.send)
        assert server.complete and server.body == b"012"

    asyncio.run(main())
    assert seen == [b"0", b"01", b"012"]


def test_handler_waits_with_a_server_that_waits_for_its_client() -> None:
    async def main() -> None:
        server, room = Server(), asyncio.Event()
        written = 0

        async def get(self: web.RequestHandler) -> None:
            nonlocal written
            for _ in range(100):
                self.write(b"x")
                await self.flush()
                written += 1

        async def send(event: dict[str, Any]) -> None:
            if len(server.sent) == 3:
                await room.wait()
            server.sent.append(event)

        task = asyncio.create_task(web.asgi(web.Application(handler(get=get)))(scope_of(), server.receive, send))
        for _ in range(50):
            await asyncio.sleep(0)
        assert written < 5
        room.set()
        await asyncio.wait_for(task, 30)
        assert written == 100 and server.complete

    asyncio.run(main())


@pytest.mark.parametrize("how", ["event", "send"])
def test_client_that_leaves_is_heard_of_by_the_waiting_handler(how: str) -> None:
    told: list[str] = []

    async def main() -> None:
        server = Server()

        async def get(self: web.RequestHandler) -> None:
            try:
                while True:
                    self.write("x")
                    await self.flush()
            except StreamClosedError:
                told.append("flush failed")
                raise

        async def send(event: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            if len(server.sent) == 5:
                if how == "send":
                    raise OSError("gone")
                server.left.set()
            server.sent.append(event)

        methods = {"get": get, "on_connection_close": lambda self: told.append("closed")}
        application = web.asgi(web.Application(handler(**methods)))
        await asyncio.wait_for(application(scope_of(), server.receive, send), 30)
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert sorted(told) == ["closed", "flush failed"]


def test_request_that_the_server_cancels_is_lost_for_the_handler() -> None:
    told = []

    async def main() -> None:
        server = Server()

        async def get(self: web.RequestHandler) -> None:
            await asyncio.Event().wait()

        methods = {"get": get, "on_connection_close": lambda self: told.append("closed")}
        application = web.asgi(web.Application(handler(**methods)))
        task = asyncio.create_task(application(scope_of(), server.receive, server.send))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())
    assert told == ["closed"]


def test_response_that_breaks_off_makes_the_server_cut_the_connection() -> None:
    async def get(self: web.RequestHandler) -> None:
        self.write("begun")
        await self.flush()
        raise ValueError("broken")

    with pytest.raises(ConnectionError, match="before it was complete"):
        serve(handler(get=get), scope_of())


def test_context_variables_of_the_server_reach_the_handler_and_none_leak() -> None:
    seen = []

    async def main() -> None:
        def get(self: web.RequestHandler) -> None:
            seen.append(current.get())
            current.set("the handler's")

        application = web.asgi(web.Application(handler(get=get)))

        async def request(name: str) -> None:
            current.set(name)
            server = Server()
            await application(scope_of(), server.receive, server.send)
            assert current.get() == name

        await asyncio.gather(request("one"), request("two"))

    asyncio.run(main())
    assert seen == ["one", "two"]


def test_detach_says_what_to_do_instead() -> None:
    def get(self: web.RequestHandler) -> None:
        with pytest.raises(RuntimeError, match=r"listen\(\)"):
            self.request.connection.detach()  # type: ignore[attr-defined]
        self.write("told")

    assert serve(handler(get=get), scope_of()).body == b"told"


def test_error_of_a_delegate_that_reads_the_body_is_answered() -> None:
    @web.stream_request_body
    class Upload(web.RequestHandler):
        def data_received(self, chunk: bytes) -> None:
            raise HTTPInputError("no such thing", status=422)

    events = [{"type": "http.request", "body": b"x", "more_body": False}]
    server = serve([("/", Upload)], scope_of("/", "PUT", [(b"content-length", b"1")]), events)
    assert server.head[0] == 422


def test_scopes_of_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="type 'telnet'"):
        serve([], {"type": "telnet"})


def test_lifespan_is_answered() -> None:
    async def main() -> None:
        server = Server([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        await web.asgi(web.Application())({"type": "lifespan"}, server.receive, server.send)
        assert [event["type"] for event in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    asyncio.run(main())


def test_lifespan_runs_the_hooks_and_says_so_when_one_fails() -> None:
    log: list[str] = []

    async def main(app: web.Application) -> list[dict[str, Any]]:
        server = Server([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        await web.asgi(app)({"type": "lifespan"}, server.receive, server.send)
        return server.sent

    app = web.Application(on_startup=lambda app: log.append("start"), on_shutdown=lambda app: log.append("stop"))
    asyncio.run(main(app))
    assert log == ["start", "stop"]
    failing = web.Application(on_startup=lambda app: 1 / 0)
    assert asyncio.run(main(failing)) == [
        {"type": "lifespan.startup.failed", "message": "ZeroDivisionError: division by zero"}
    ]


def test_a_start_that_explains_why_it_fails_is_told_in_its_words_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fail(app: web.Application) -> None:
        raise ExplainedError("no database at db.example: start it")

    server = Server([{"type": "lifespan.startup"}])
    asyncio.run(web.asgi(web.Application(on_startup=fail))({"type": "lifespan"}, server.receive, server.send))
    assert server.sent == [{"type": "lifespan.startup.failed", "message": "no database at db.example: start it"}]
    assert caplog.text == ""  # the server says it


@pytest.mark.parametrize("waits", [False, True])
def test_a_streamed_body_that_is_answered_before_it_is_whole_leaves_no_task(waits: bool) -> None:
    @web.stream_request_body
    class Refuses(web.RequestHandler):
        async def refuse(self) -> None:
            await asyncio.sleep(0)
            self.finish("refused")

        def data_received(self, chunk: bytes) -> Any:
            return self.refuse() if waits else self.finish("refused") and None

    async def main() -> set[Any]:
        server = Server([{"type": "http.request", "body": b"abc", "more_body": True}])
        scope = scope_of("/", "POST", [(b"content-length", b"100")])
        await asyncio.wait_for(web.asgi(web.Application([("/", Refuses)]))(scope, server.receive, server.send), 30)
        assert server.body == b"refused" and server.complete
        for _ in range(5):
            await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert not asyncio.run(main())
