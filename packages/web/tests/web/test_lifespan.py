"""What an application does before its first request and after its last, and its background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from waterspout.httpclient import AsyncHTTPClient, HTTPResponse
from waterspout.web import Application, RequestHandler

Fetch = Callable[..., HTTPResponse]


def noting(log: list[str], name: str) -> Callable[[Application], None]:
    return lambda app: log.append(name)


def context(log: list[str], name: str) -> Callable[[Application], Any]:
    @asynccontextmanager
    async def manager(app: Application) -> AsyncIterator[None]:
        log.append(f"enter {name}")
        task = asyncio.current_task()
        try:
            yield
        finally:
            assert asyncio.current_task() is task  # cancel scopes and task groups insist on it
            log.append(f"leave {name}")

    return manager


def test_contexts_surround_startup_and_shutdown_hooks_in_order() -> None:
    log: list[str] = []

    async def waited_for(app: Application) -> None:
        await asyncio.sleep(0)
        log.append("start 2")

    app = Application(
        lifespan=[context(log, "a"), context(log, "b")],
        on_startup=[noting(log, "start 1"), waited_for],
        on_shutdown=noting(log, "stop"),
    )

    async def main() -> None:
        await app.startup()
        await app.startup()
        log.append("serve")
        await app.shutdown()
        await app.shutdown()

    once = ["enter a", "enter b", "start 1", "start 2", "serve", "stop", "leave b", "leave a"]
    asyncio.run(main())
    assert log == once
    asyncio.run(main())  # it can be started again, also on another loop
    assert log == once * 2


def test_a_startup_that_fails_raises_and_leaves_what_was_entered() -> None:
    log: list[str] = []
    app = Application(lifespan=context(log, "a"), on_startup=lambda app: 1 / 0, on_shutdown=noting(log, "stop"))

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await app.startup()
        await app.shutdown()

    asyncio.run(main())
    assert log == ["enter a", "leave a"]


def test_a_shutdown_hook_that_raises_is_logged_and_the_others_are_called(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    app = Application(on_shutdown=[lambda app: 1 / 0, noting(log, "stop")])

    async def main() -> None:
        await app.startup()
        await app.shutdown()

    asyncio.run(main())
    assert log == ["stop"] and "Exception in the shutdown hook" in caplog.text


def test_what_cannot_be_called_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="on_startup takes functions"):
        Application(on_startup=["start"])


def test_no_request_is_served_before_startup_is_done() -> None:
    log: list[str] = []

    async def slow(app: Application) -> None:
        await asyncio.sleep(0.05)
        log.append("started")

    class Hello(RequestHandler):
        def get(self) -> None:
            log.append("request")

    async def main() -> None:
        app = Application([("/", Hello)], on_startup=slow)
        server = app.listen(0, "127.0.0.1")
        port = server._bound[0].getsockname()[1]
        http = AsyncHTTPClient(force_instance=True)
        await http.fetch(f"http://127.0.0.1:{port}/")
        http.close()
        server.stop()
        await server.close_all_connections()
        await app.shutdown()

    asyncio.run(main())
    assert log == ["started", "request"]


def test_background_tasks_end_before_the_shutdown_hooks() -> None:
    log: list[str] = []

    class Later(RequestHandler):
        def get(self) -> None:
            self.application.spawn(self.work(), "work")
            self.write("taken")

        async def work(self) -> None:
            await asyncio.sleep(0.02)
            self.application.spawn(self.more())
            log.append("work")

        async def more(self) -> None:
            await asyncio.sleep(0.02)
            log.append("more")

    async def main() -> None:
        app = Application([("/", Later)], on_shutdown=noting(log, "stop"))
        await app.startup()
        server = app.listen(0, "127.0.0.1")
        port = server._bound[0].getsockname()[1]
        http = AsyncHTTPClient(force_instance=True)
        assert (await http.fetch(f"http://127.0.0.1:{port}/")).body == b"taken"
        http.close()
        server.stop()
        await server.close_all_connections()
        await app.shutdown()

    asyncio.run(main())
    assert log == ["work", "more", "stop"]


def test_background_tasks_that_take_too_long_are_cancelled_and_named(caplog: pytest.LogCaptureFixture) -> None:
    cancelled: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("cancelled")
            raise

    async def main() -> None:
        app = Application(shutdown_grace=0.01)
        app.spawn(for_ever(), "the slow one")
        await asyncio.sleep(0)
        await app.shutdown()

    asyncio.run(main())
    assert cancelled == ["cancelled"] and "the slow one" in caplog.text


def test_what_a_background_task_raises_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no such luck")

    async def main() -> None:
        app = Application()
        app.spawn(fail(), "the failing one")
        await app.shutdown()

    asyncio.run(main())
    assert "the failing one" in caplog.text and "no such luck" in caplog.text


def test_an_application_is_a_context_of_its_own_lifespan() -> None:
    log: list[str] = []
    app = Application(on_startup=noting(log, "start"), on_shutdown=noting(log, "stop"))

    async def main() -> None:
        async with app as entered:
            assert entered is app
            log.append("serve")

    asyncio.run(main())
    assert log == ["start", "serve", "stop"]
