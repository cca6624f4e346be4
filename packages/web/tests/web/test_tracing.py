"""What an observer of the server sets for a request is seen by its handler, and by no other: traces rest on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from waterspout.httpserver import AccessLog, HTTPServer, ServerObserver, ServerObservers, Tracing
from waterspout.ioloop import new_event_loop
from waterspout.netutil import bind_sockets
from waterspout.web import Application, RequestHandler, read_request_body, stream_request_body

number: ContextVar[str] = ContextVar("number", default="none")
started_with: ContextVar[str] = ContextVar("started_with", default="nothing")


class Numbers(ServerObserver):
    def enter_request(self, observed: Any) -> None:
        number.set(observed.request.headers.get("X-Number", "none"))


class Plain(RequestHandler):
    def get(self) -> None:
        self.write(f"{number.get()} {started_with.get()}")


class Awaiting(RequestHandler):
    async def prepare(self) -> None:
        await asyncio.sleep(0)

    async def get(self) -> None:
        before = number.get()
        await asyncio.sleep(0.02)
        inner = await asyncio.create_task(self.below())
        thread = await asyncio.to_thread(number.get)
        self.write(f"{before} {number.get()} {inner} {thread}")

    post = get

    async def below(self) -> str:
        await asyncio.sleep(0)
        return number.get()


@stream_request_body
class Streaming(RequestHandler):
    def prepare(self) -> None:
        self.seen = number.get()

    def data_received(self, chunk: bytes) -> None:
        pass

    async def post(self) -> None:
        await asyncio.sleep(0)
        self.write(f"{self.seen} {number.get()}")


@read_request_body()
class Reading(RequestHandler):
    async def post(self) -> None:
        async for _ in self.body_pieces():
            pass
        self.write(number.get())


class Item(Plain):
    def get(self, name: str) -> None:  # type: ignore[override]
        self.write(f"{name} {number.get()}")


ROUTES = [("/plain", Plain), ("/await", Awaiting), ("/stream", Streaming), ("/read", Reading), ("/item/(.*)", Item)]
Ask = Callable[..., Any]


@asynccontextmanager
async def serving(observer: ServerObserver | None, **settings: Any) -> AsyncIterator[Ask]:
    server = HTTPServer(Application(ROUTES, log_function=lambda handler: None, **settings), observer=observer)
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([sock])
    opened = []

    async def ask(path: str, *fields: str, body: bytes | None = None, pause: bool = False) -> str:
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        opened.append(writer)
        method = "GET" if body is None else "POST"
        lines = [f"{method} {path} HTTP/1.1", "Host: a", "Connection: close", *fields]
        lines += [] if body is None else [f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if pause:
            await asyncio.sleep(0.02)
        writer.write(body or b"")
        return (await asyncio.wait_for(reader.read(), 30)).decode().rpartition("\r\n\r\n")[2]

    yield ask
    for writer in opened:
        writer.close()
    server.stop()
    await server.close_all_connections()


def run(main: Any) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("observer", [Numbers(), ServerObservers(ServerObserver(), Numbers())])
def test_what_an_observer_sets_is_seen_by_every_kind_of_handler_across_its_awaits(observer: ServerObserver) -> None:
    async def main() -> None:
        started_with.set("the server's own")
        async with serving(observer) as ask:
            assert await ask("/plain", "X-Number: 1") == "1 the server's own"
            assert await ask("/await", "X-Number: 2") == "2 2 2 2"
            assert await ask("/await", "X-Number: 3", body=b"late", pause=True) == "3 3 3 3"
            assert await ask("/stream", "X-Number: 4", body=b"late", pause=True) == "4 4"
            assert await ask("/read", "X-Number: 5", body=b"late", pause=True) == "5"
            assert await ask("/item/x", "X-Number: 6") == "x 6"

    run(main)


def test_requests_that_overlap_see_their_own_and_the_next_one_nothing() -> None:
    async def main() -> None:
        async with serving(Numbers()) as ask:
            answers = await asyncio.gather(*[ask("/await", f"X-Number: {n}") for n in range(20)])
            assert answers == [f"{n} {n} {n} {n}" for n in range(20)]
            assert await ask("/plain") == "none nothing" and number.get() == "none"

    run(main)


def test_an_observer_that_fails_there_does_not_fail_the_request(caplog: pytest.LogCaptureFixture) -> None:
    class Fails(ServerObserver):
        def enter_request(self, observed: Any) -> None:
            raise RuntimeError("no span today")

    async def main() -> None:
        async with serving(Fails()) as ask:
            assert await ask("/plain") == "none nothing"

    run(main)
    assert "no span today" in caplog.text


def test_an_observer_that_sets_nothing_costs_no_context() -> None:
    async def main() -> None:
        async with serving(ServerObserver()) as ask:
            assert await ask("/plain") == "none nothing"

    run(main)
    server = HTTPServer(lambda request: None, observer=ServerObserver())
    assert type(server._application).__name__ == "ObservedApplication"


# With OpenTelemetry itself.


def test_a_span_of_a_handler_is_below_its_requests_span_also_after_awaits() -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra opentelemetry, and its SDK for tests, are not installed")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    class Spans(RequestHandler):
        def prepare(self) -> None:
            tracer.start_span("in prepare").end()

        async def get(self) -> None:
            with tracer.start_as_current_span("in get"):
                await asyncio.sleep(0)
                tracer.start_span("below it").end()
            await asyncio.sleep(0)
            await asyncio.to_thread(lambda: tracer.start_span("in a thread").end())
            tracer.start_span("after awaits").end()

    async def main() -> None:
        application = Application([("/", Spans)], log_function=lambda handler: None)
        server = HTTPServer(application, observer=Tracing(provider))
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 200")
            writer.close()
        server.stop()
        await server.close_all_connections()
        assert not trace.get_current_span().get_span_context().is_valid

    run(main)
    spans = exporter.get_finished_spans()
    requests = [span for span in spans if span.kind is trace.SpanKind.SERVER]
    assert len(requests) == 2 and len(spans) == 12
    for request in requests:
        assert request.context is not None
        own = {span.name: span for span in spans if span.context and span.context.trace_id == request.context.trace_id}
        for name in ("in prepare", "in get", "in a thread", "after awaits"):
            assert own[name].parent.span_id == request.context.span_id, name  # type: ignore[union-attr]
        assert own["below it"].parent.span_id == own["in get"].context.span_id  # type: ignore[union-attr]


def test_this_tests_own_context_was_left_alone() -> None:
    assert number not in copy_context()


# The access log.


@pytest.mark.parametrize("combined", [False, True])
def test_with_an_access_log_of_the_server_each_request_has_one_line(
    combined: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "waterspout.access")

    async def main() -> None:
        log = AccessLog()
        application = Application([("/plain", Plain)])
        server = HTTPServer(application, observer=ServerObservers(Numbers(), log) if combined else log)
        (sock,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([sock])
        for path in ("/plain", "/missing"):
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            await asyncio.wait_for(reader.read(), 30)
            writer.close()
        server.stop()
        await server.close_all_connections()

    run(main)
    lines = [record.getMessage() for record in caplog.records if record.name == "waterspout.access"]
    assert [line.split(" (")[0] for line in lines] == ["200 GET /plain", "404 GET /missing"]
    assert all(" id=" in line for line in lines)


def test_an_access_log_elsewhere_and_a_log_function_leave_the_applications_own_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    called: list[str] = []

    async def main() -> None:
        for options in ({}, {"log_function": lambda handler: called.append(handler.request.path)}):
            server = HTTPServer(
                Application([("/plain", Plain)], **options), observer=AccessLog(logger=logging.getLogger("elsewhere"))
            )
            (sock,) = bind_sockets(0, "127.0.0.1")
            server.add_sockets([sock])
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(b"GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await asyncio.wait_for(reader.read(), 30)
            writer.close()
            server.stop()
            await server.close_all_connections()

    run(main)
    names = [record.name for record in caplog.records if record.name in ("waterspout.access", "elsewhere")]
    assert sorted(names) == ["elsewhere", "elsewhere", "waterspout.access"] and called == ["/plain"]
