"""How a handler is run: in tasks where it waits, in a context of its own, and until it is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Generator
from typing import Any

import pytest

from waterspout import gen
from waterspout.httpclient import HTTPResponse
from waterspout.iostream import StreamClosedError
from waterspout.web import Application, RequestHandler

Fetch = Callable[..., HTTPResponse]
Raw = Callable[..., bytes]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def handler(**methods: Any) -> type[RequestHandler]:
    return type("Handler", (RequestHandler,), methods)


def test_a_coroutine_runs_in_a_task_of_its_own_with_timeouts(fetch: Fetch) -> None:
    async def get(self: RequestHandler) -> None:
        task = asyncio.current_task()
        assert task is not None and task.get_name() == "request"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        self.write("timed out")

    assert fetch([("/", handler(get=get))]).body == b"timed out"


def test_a_plain_method_runs_without_a_task(fetch: Fetch) -> None:
    def get(self: RequestHandler) -> None:
        self.write(str(asyncio.current_task() is None))

    assert fetch([("/", handler(get=get))]).body == b"True"


@pytest.mark.parametrize("kind", ["generator", "future", "list"])
def test_anything_that_can_be_yielded_can_be_returned(fetch: Fetch, kind: str) -> None:
    @gen.coroutine
    def generator(self: RequestHandler) -> Generator[Any, Any, None]:
        yield gen.sleep(0)
        self.write("done")

    def future(self: RequestHandler) -> asyncio.Future[None]:
        result: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(result.set_result, None)
        self.write("done")
        return result

    def several(self: RequestHandler) -> list[Any]:
        return [future(self), gen.sleep(0)]

    method = {"generator": generator, "future": future, "list": several}[kind]
    assert fetch([("/", handler(get=method))]).body == b"done"


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_context_variables_do_not_leak_into_the_next_request(raw: Raw, kind: str) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    def plain(self: RequestHandler) -> None:
        self.write(f"<{variable.get()}>")
        variable.set("leaked")

    async def coroutine(self: RequestHandler) -> None:
        plain(self)
        await asyncio.sleep(0)
        self.write(f"<{variable.get()}>")

    received = raw([("/", handler(get=plain if kind == "plain" else coroutine))], GET * 2)
    assert received.count(b"<unset>") == 2


def test_requests_of_one_connection_are_answered_in_order(raw: Raw) -> None:
    async def get(self: RequestHandler) -> None:
        await asyncio.sleep(0.01 if self.get_argument("slow", None) else 0)
        self.write(f"[{self.request.uri}]")

    received = raw([("/", handler(get=get))], GET.replace(b"/ ", b"/?slow=1 ") + GET)
    assert received.index(b"[/?slow=1]") < received.index(b"[/]")


def test_no_automatic_end_where_the_handler_ends_itself(fetch: Fetch) -> None:
    def get(self: RequestHandler) -> None:
        self._auto_finish = False
        asyncio.get_running_loop().call_soon(self.finish, "later")

    assert fetch([("/", handler(get=get))]).body == b"later"


def test_a_cancelled_task_answers_500_quietly_and_stays_cancelled(fetch: Fetch, caplog: Any) -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def get(self: RequestHandler) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.Event().wait()

    assert fetch([("/", handler(get=get))]).code == 500
    assert tasks[0].cancelled() and not [r for r in caplog.records if r.exc_info]


def test_waiting_for_something_that_is_cancelled_is_an_error_like_others(fetch: Fetch, caplog: Any) -> None:
    async def get(self: RequestHandler) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    assert fetch([("/", handler(get=get))]).code == 500
    assert "CancelledError" in caplog.text and len([r for r in caplog.records if r.exc_info]) == 1


def test_on_connection_close_is_told_once_to_who_waits() -> None:
    log: list[str] = []

    class Waiting(RequestHandler):
        async def get(self) -> None:
            self.gone = asyncio.Event()
            await self.gone.wait()
            log.append("woken")

        def on_connection_close(self) -> None:
            log.append("closed")
            self.gone.set()

        def on_finish(self) -> None:
            log.append("finished")

    async def main() -> None:
        server = Application([("/", Waiting)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.close()
        await asyncio.sleep(0.02)
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert log[:2] == ["closed", "woken"] and log.count("closed") == 1 and log.count("finished") == 1


@pytest.mark.parametrize("how", ["not caught", "caught and ended", "caught and finished by hand"])
def test_on_connection_close_is_told_once_to_who_waits_for_a_flush(how: str) -> None:
    log: list[str] = []

    async def main() -> None:
        told, ended = asyncio.Event(), asyncio.Event()

        class Endless(RequestHandler):
            async def get(self) -> None:
                try:
                    while True:
                        self.write(b"x" * 65536)
                        await self.flush()
                except StreamClosedError:
                    log.append("failed")
                    if how == "not caught":
                        raise
                    if how == "caught and finished by hand":
                        self.finish()

            def on_connection_close(self) -> None:
                log.append("closed")
                told.set()

            def on_finish(self) -> None:
                log.append("finished")
                ended.set()

        server = Application([("/", Endless)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")  # it has begun, and will wait as soon as nobody reads
        writer.transport.abort()
        async with asyncio.timeout(30):
            await told.wait()
            await ended.wait()
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert sorted(log) == ["closed", "failed", "finished"]


def test_on_connection_close_comes_before_the_end_where_a_handler_ends_as_its_client_leaves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[str] = []

    async def main() -> None:
        ended = asyncio.Event()

        class Begun(RequestHandler):
            async def get(self) -> None:
                await self.flush()
                # Ends between the loss of the stream and the word of it.
                while not self.request.connection.stream.closed():  # noqa: ASYNC110
                    await asyncio.sleep(0)

            def on_connection_close(self) -> None:
                log.append("closed")
                self.finish("nobody reads this")

            def on_finish(self) -> None:
                log.append("finished")
                ended.set()

        server = Application([("/", Begun)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        async with asyncio.timeout(30):
            await ended.wait()
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())
    assert log == ["closed", "finished"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_on_connection_close_is_not_told_where_the_server_itself_cuts_a_response_short(raw: Raw) -> None:
    log: list[str] = []

    async def get(self: RequestHandler) -> None:
        self.write("begun")
        await self.flush()
        raise ValueError("cannot be answered any more")

    cls = handler(get=get, on_connection_close=lambda self: log.append("closed"))
    raw([("/", cls)], GET)
    assert log == []


def test_on_connection_close_is_not_told_after_the_answer(raw: Raw) -> None:
    log: list[str] = []

    async def get(self: RequestHandler) -> None:
        await asyncio.sleep(0)

    raw([("/", handler(get=get, on_connection_close=lambda self: log.append("closed")))], GET)
    assert log == []


@pytest.mark.parametrize("verb", ["GET", "BREW", "TRACE"])
def test_supported_methods_can_be_extended(raw: Raw, verb: str) -> None:
    cls = handler(SUPPORTED_METHODS=(*RequestHandler.SUPPORTED_METHODS, "BREW"), get=lambda self: None,
                  brew=lambda self: self.write("coffee"))  # fmt: skip
    received = raw([("/", cls)], GET.replace(b"GET", verb.encode()))
    assert received[9:12] == (b"405" if verb == "TRACE" else b"200")
    assert received.endswith(b"coffee") is (verb == "BREW")


def test_XS6_the_method_is_that_of_the_request_line(fetch: Fetch) -> None:
    cls = handler(get=lambda self: self.write("get"), post=lambda self: self.write("post"))
    headers = {"X-HTTP-Method-Override": "POST"}
    assert fetch([("/", cls)], "/?_method=POST", headers=headers).body == b"get"
