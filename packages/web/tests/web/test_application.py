"""Application: routes, hosts, settings, logging."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from waterspout.httpclient import HTTPResponse
from waterspout.httputil import HTTPServerRequest
from waterspout.netutil import bind_sockets
from waterspout.web import (
    Application,
    ErrorHandler,
    FallbackHandler,
    RedirectHandler,
    RequestHandler,
    URLSpec,
    stream_request_body,
    url,
)

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]


class Says(RequestHandler):
    """Answers with what its route gives it."""

    def initialize(self, text: str = "") -> None:  # type: ignore[override]
        self.text = text

    def get(self, *args: str) -> None:
        self.write(self.text + "".join(args))


def test_stories_two_routes_with_names_and_a_database(fetch: Fetch) -> None:
    class Main(RequestHandler):
        def get(self) -> None:
            self.write(f'<a href="{self.reverse_url("story", "1")}">')

    class Story(RequestHandler):
        def initialize(self, db: dict[str, str]) -> None:  # type: ignore[override]
            self.db = db

        def get(self, story_id: str) -> None:
            self.write(self.db[story_id])

    app = Application(
        [url("/", Main), URLSpec("/story/([0-9]+)", Story, {"db": {"1": "this is story 1"}}, name="story")]
    )
    assert fetch(app, "/").body == b'<a href="/story/1">'
    assert fetch(app, "/story/1").body == b"this is story 1"
    assert fetch(app, "/story/x").code == 404
    with pytest.raises(KeyError, match="unknown not found"):
        app.reverse_url("unknown")


def test_the_first_route_that_matches_wins(fetch: Fetch) -> None:
    routes = [
        ("/a/(.*)", Says, {"text": "pattern "}),
        ("/a/b", Says, {"text": "exact"}),
        (".*", Says, {"text": "rest"}),
    ]
    assert fetch(routes, "/a/b").body == b"pattern b"
    assert fetch(routes, "/z").body == b"rest"


def test_hosts_have_routes_of_their_own(fetch: Fetch) -> None:
    app = Application([("/", Says, {"text": "any"})])
    app.add_handlers(r"www\.example\.com", [("/", Says, {"text": "example"}), ("/only", Says, {"text": "only"})])
    assert fetch(app, "/", headers={"Host": "www.example.com:80"}).body == b"example"
    assert fetch(app, "/", headers={"Host": "other"}).body == b"any"
    assert fetch(app, "/only").code == 404


def test_lists_of_rules_nest(fetch: Fetch) -> None:
    app = Application([("/api/.*", [("/api/x", Says, {"text": "x"})]), ("/api/y", Says, {"text": "y"})])
    assert fetch(app, "/api/x").body == b"x" and fetch(app, "/api/y").body == b"y"


def test_a_default_handler_serves_what_no_route_does(fetch: Fetch) -> None:
    app = Application([], default_handler_class=Says, default_handler_args={"text": "lost"})
    assert fetch(app, "/x").body == b"lost"
    assert fetch(Application([]), "/x").code == 404


@pytest.mark.parametrize(
    ("path", "code", "where"),
    [("/old/x?a=1&a=2", 301, "/new/x?a=1&a=2"), ("/tmp", 302, "/"), ("/rd//evil.com", 400, None),
     ("/rd/%2fevil.com", 400, None), ("/rd/%5cevil.com", 400, None), ("/rd/%09/evil.com", 400, None)],
)  # fmt: skip
def test_RD2_redirects_fill_groups_in_and_never_leave_the_host(fetch: Fetch, path: str, code: int, where: str) -> None:
    app = [
        ("/old/(.*)", RedirectHandler, {"url": "/new/{0}"}),
        ("/tmp", RedirectHandler, {"url": "/", "permanent": False}),
        ("/rd/(.*)", RedirectHandler, {"url": "/{0}"}),
    ]
    response = fetch(app, path)
    assert (response.code, response.headers.get("Location")) == (code, where)


class Several(Application):
    """Asks other applications where it has no route itself, as Dask's does."""

    others: tuple[Application, ...] = ()

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        for application in (super(), *self.others):
            found: Any = application.find_handler(request, **kwargs)
            if not issubclass(found.handler_class, ErrorHandler):
                break
        return found


def test_a_find_handler_of_the_subclass_is_asked_for_every_request(fetch: Fetch) -> None:
    class Takes(RequestHandler):
        def post(self, name: str) -> None:
            self.write(f"{type(self.application).__name__} {len(self.request.body)} {name}")

    app = Several([("/", Says, {"text": "one"})])
    app.others = (Application([("/two", Says, {"text": "two"}), ("/(?P<name>[a-z]+)/post", Takes)]),)
    assert fetch(app, "/").body == b"one"
    assert fetch(app, "/two").body == b"two"
    assert fetch(app, "/three").code == 404
    for size in (1, 300_000):  # with its head, and behind it
        body = fetch(app, "/some/post", method="POST", body=b"x" * size).body
        assert body == f"Application {size} some".encode()


def test_a_delegate_says_whom_it_serves() -> None:
    app = Application([("/(?P<name>[a-z]+)", Says, {"text": "a"})])
    request = HTTPServerRequest("GET", "/some")
    delegate: Any = app.find_handler(request)
    assert (delegate.application, delegate.request, delegate.handler_class) == (app, request, Says)
    assert (delegate.handler_kwargs, delegate.path_args, delegate.path_kwargs) == ({"text": "a"}, [], {"name": b"some"})


def test_a_delegate_of_the_subclass_gets_every_request(fetch: Fetch) -> None:
    asked = []

    class Asked(Application):
        def get_handler_delegate(self, request: HTTPServerRequest, *args: Any, **kwargs: Any) -> Any:
            asked.append(request.path)
            return super().get_handler_delegate(request, *args, **kwargs)

    app = Asked([("/", Says, {"text": "one"})])
    assert fetch(app, "/").body == b"one" and fetch(app, "/none").code == 404
    assert asked == ["/", "/none"]


def test_fallback_hands_the_request_to_another_application(fetch: Fetch) -> None:
    def other(request: Any) -> None:
        request.connection.respond(200, None, "Content-Length: 5\r\n", b"other")

    assert fetch([("/.*", FallbackHandler, {"fallback": other})], "/x").body == b"other"


@stream_request_body
class Upload(RequestHandler):
    """Counts the bytes of a body as they come."""

    async def prepare(self) -> None:
        self.total = 0
        self.pieces = 0
        self.request.connection.set_max_body_size(10_000_000)  # type: ignore[attr-defined]

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.total += len(chunk)
        self.pieces += 1

    def post(self) -> None:
        self.write({"total": self.total, "many": self.pieces > 1, "body": len(self.request.body)})


@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_a_streamed_body_comes_in_pieces_before_the_method_runs(fetch: Fetch, size: int) -> None:
    response = fetch([("/", Upload)], method="POST", body=b"x" * size)
    assert response.code == 200 and b'"total": %d' % size in response.body and b'"body": 0' in response.body
    assert (b'"many": true' in response.body) is (size > 100_000)


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_that_answers_while_its_body_comes_has_its_method_not_called(
    raw: Raw, caplog: Any, waits: bool
) -> None:
    called: list[str] = []

    @stream_request_body
    class Refuses(RequestHandler):
        def data_received(self, chunk: bytes) -> Any:
            self.set_status(422)
            self.finish("refused")
            return asyncio.sleep(0) if waits else None

        def put(self) -> None:
            called.append("kept what was refused")

    head = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    answer = raw([("/", Refuses)], head + b"abc")
    assert answer.startswith(b"HTTP/1.1 422 ") and answer.endswith(b"\r\n\r\nrefused")
    assert not called and "Uncaught" not in caplog.text


class FormHandler(RequestHandler):
    def post(self) -> None:
        self.write(f"{self.request.body_arguments} {self.request.files}")

    get = post


POST, CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
MULTIPART = b"Content-Type: multipart/form-data; boundary=B\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + MULTIPART + b"Content-Length: 5\r\n\r\n--B--",
        POST + MULTIPART + b"Content-Length: 9\r\n\r\n\r\n--B--\r\n",
        POST + MULTIPART + b"\r\n",  # no body at all, so nothing is of that type
        b"GET / HTTP/1.1\r\nHost: a\r\n" + MULTIPART + b"\r\n",
        POST + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n",
        POST + b"Content-Type: application/x-www-form-urlencoded\r\n" + CHUNKED,
        POST + b"Content-Length: 0\r\n\r\n",
    ],
)
def test_a_form_without_fields_and_a_request_without_a_body_have_no_arguments(raw: Any, request_bytes: bytes) -> None:
    answer = raw([("/", FormHandler)], request_bytes)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n{} {}")


def test_arguments_of_a_form_that_is_still_on_its_way_or_was_streamed_are_those_of_the_query(raw: Any) -> None:
    @stream_request_body
    class Streamed(RequestHandler):
        def prepare(self) -> None:
            self.asked = [self.get_argument("q"), *self.request.files]

        def data_received(self, chunk: bytes) -> None:
            pass

        def post(self) -> None:
            self.request.__dict__.pop("body_arguments", None)
            self.write(f"{self.asked} {self.request.body_arguments}")

    head = b"POST /?q=1 HTTP/1.1\r\nHost: a\r\n" + MULTIPART + b"Content-Length: 5\r\n\r\n"
    assert raw([("/", Streamed)], head, 0.05, b"--B--").endswith(b"\r\n\r\n['1'] {}")


def test_the_access_log_has_a_line_for_each_request(fetch: Fetch, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "waterspout.access")
    fetch([("/", Says, {"text": "x"})], "/?q=1")
    fetch([], "/nothing")
    lines = [(r.levelno, r.getMessage()) for r in caplog.records if r.name == "waterspout.access"]
    assert lines[0][0] == logging.INFO and lines[0][1].startswith("200 GET /?q=1 (127.0.0.1) ")
    assert lines[1][0] == logging.WARNING and lines[1][1].startswith("404 GET /nothing (127.0.0.1) ")


def test_log_function_replaces_the_access_log(fetch: Fetch) -> None:
    logged: list[tuple[int, str]] = []
    app = Application([("/", Says)], log_function=lambda h: logged.append((h.get_status(), h.request.path)))
    fetch(app, "/")
    assert logged == [(200, "/")]


def test_an_execute_of_the_subclass_is_honoured(fetch: Fetch) -> None:
    calls: list[str] = []

    class Instrumented(RequestHandler):
        async def _execute(self, transforms: Any, *args: Any, **kwargs: Any) -> None:
            calls.append("before")
            await super()._execute(transforms, *args, **kwargs)
            calls.append("after")

        async def get(self, number: str) -> None:
            calls.append(f"get {number}")

    assert fetch([("/([0-9])", Instrumented)], "/7").code == 200
    assert calls == ["before", "get 7", "after"]


def test_a_patched_execute_of_the_base_class_is_honoured(fetch: Fetch, monkeypatch: Any) -> None:
    original = RequestHandler._execute
    calls: list[str] = []

    async def traced(self: RequestHandler, *args: Any, **kwargs: Any) -> None:
        calls.append(self.request.path)
        await original(self, *args, **kwargs)

    monkeypatch.setattr(RequestHandler, "_execute", traced)
    assert fetch([("/", Says, {"text": "x"})]).body == b"x" and calls == ["/"]


def test_a_port_in_use_is_one_line_that_names_it() -> None:
    async def main() -> None:
        (sock,) = bind_sockets(0, "127.0.0.1")
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match=str(port)) as caught:
            Application([]).listen(port, "127.0.0.1")
        assert "\n" not in str(caught.value)
        sock.close()

    asyncio.run(main())


SWITCHES = ("autoreload", "compiled_template_cache", "static_hash_cache", "serve_traceback")


def test_debug_sets_its_four_switches() -> None:
    async def main() -> None:
        settings = Application([], debug=True, autoreload=False).settings
        assert [settings[switch] for switch in SWITCHES[1:]] == [False, False, True]

    asyncio.run(main())
    assert not any(switch in Application([]).settings for switch in SWITCHES)


@pytest.mark.parametrize(("switch", "value"), list(zip(SWITCHES, [False, True, True, False], strict=True)))
def test_each_debug_switch_can_be_set_by_itself(switch: str, value: bool) -> None:
    settings = Application([], **{"debug": True, "autoreload": False, switch: value}).settings
    assert settings[switch] is value
    for other, default in zip(SWITCHES[1:], [False, False, True], strict=True):
        assert other == switch or settings[other] is default


def test_debug_watches_for_changed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    from waterspout import autoreload

    started: list[bool] = []
    monkeypatch.setattr(autoreload, "start", lambda: started.append(True))
    Application([], debug=True)
    Application([], autoreload=True)
    Application([], debug=True, autoreload=False)
    assert started == [True, True]


def test_context_of_listen_is_that_of_every_request() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    class Page(RequestHandler):
        async def get(self) -> None:
            self.write(variable.get())
            variable.set("leaked")

    async def main() -> bytes:
        variable.set("listening")
        server = Application([("/", Page)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        received = b""
        while received.count(b"listening") < 3:
            received += await asyncio.wait_for(reader.read(65536), 2)
        writer.close()
        server.stop()
        await server.close_all_connections()
        return received

    assert b"leaked" not in asyncio.run(main())


def test_an_application_loads_nothing_of_what_it_does_not_use() -> None:
    program = (
        "import sys\n"
        "from waterspout import web\n"
        "class Hello(web.RequestHandler):\n"
        "    def get(self): self.write('hello')\n"
        "web.Application([('/', Hello)])\n"
        "print(*sys.modules)\n"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    unused = (
        "locale template web._asgi web._bodyreader web._compress web._cors web._debugpage web._pageresources web._parts"
        " web._signed web._signedurl web._staticfiles web._uimodules web._xsrf httpserver._accesslog"
        " httpserver._prometheus httpserver._supervisor httpserver._tracing"
    )
    assert not {f"waterspout.{name}" for name in unused.split()} & set(loaded)
    assert not {"argparse", "email", "multiprocessing", "importlib.metadata", "mimetypes", "uvloop"} & set(loaded)
