"""The life of an application around each test: of a test case, and of the fixture ``http_server``."""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from waterspout.ioloop import IOLoop
from waterspout.testing import AsyncHTTPSTestCase, AsyncHTTPTestCase, gen_test
from waterspout.testing._life import begin_life, end_life
from waterspout.web import Application, RequestHandler


class State(RequestHandler):
    """Says what has happened to its application."""

    def get(self) -> None:
        self.write(",".join(self.application.settings["events"]))


def application(events: list[str], error: Exception | None = None) -> Application:
    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        events.append("entered")
        if error is not None:
            raise error
        yield
        events.append("left")

    return Application(
        [("/", State)],
        events=events,
        lifespan=lifespan,
        on_startup=lambda app: events.append("startup"),
        on_shutdown=lambda app: events.append("shutdown"),
    )


def run(case: unittest.TestCase) -> unittest.TestResult:
    result = unittest.TestResult()
    case.run(result)
    return result


class Cases:
    """Not at module level, where they would be collected."""

    class Life(AsyncHTTPTestCase):
        """Over TCP."""

        def get_app(self) -> Application:
            self.events: list[str] = []
            return application(self.events)

        def test_fetch(self) -> None:
            assert self.fetch("/").body == b"entered,startup"

        @gen_test
        async def test_coroutine(self) -> None:
            assert (await self.http_client.fetch(self.get_url("/"))).body == b"entered,startup"

        def test_which_fails(self) -> None:
            raise AssertionError("on purpose")

    class TLSLife(AsyncHTTPSTestCase, Life):
        """Over TLS."""


@pytest.mark.parametrize("kind", [Cases.Life, Cases.TLSLife])
@pytest.mark.parametrize(("test", "passes"), [("test_fetch", 1), ("test_coroutine", 1), ("test_which_fails", 0)])
def test_an_application_is_started_before_and_ended_after_each_test(
    kind: type[Cases.Life], test: str, passes: bool
) -> None:
    case = kind(test)
    result = run(case)
    assert result.wasSuccessful() is bool(passes), result
    assert case.events == ["entered", "startup", "shutdown", "left"]


def test_one_application_of_several_tests_is_started_for_each() -> None:
    events: list[str] = []
    shared = application(events)

    class Shared(Cases.Life):
        """As suites with an application at module level do."""

        def get_app(self) -> Application:
            events.clear()
            return shared

    for _ in range(2):
        assert run(Shared("test_fetch")).wasSuccessful()
        assert events == ["entered", "startup", "shutdown", "left"]


def test_a_start_that_fails_fails_the_test_with_its_own_error_and_leaves_nothing_open() -> None:
    class Failing(Cases.Life):
        """Its start raises."""

        def get_app(self) -> Application:
            self.events = []
            return application(self.events, ValueError("no database"))

    case = Failing("test_fetch")
    [(_, told)] = run(case).errors
    assert "ValueError: no database" in told and case.events == ["entered"]
    assert case.io_loop.asyncio_loop.is_closed() and not hasattr(case, "http_server")


def test_a_start_that_hangs_fails_the_test_and_says_what_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNC_TEST_TIMEOUT", "0.05")

    class Hanging(Cases.Life):
        """Its start waits for what never comes."""

        def get_app(self) -> Application:
            return Application(on_startup=lambda app: asyncio.Event().wait())

    [(_, told)] = run(Hanging("test_fetch")).errors
    assert "TimeoutError: the application's lifespan had not started after 0.05 seconds" in told
    assert "ASYNC_TEST_TIMEOUT" in told


def test_a_timeout_of_the_start_itself_is_its_own_error() -> None:
    async def start(app: Application) -> None:
        raise TimeoutError("the database is slow")

    class Slow(Cases.Life):
        """Its start raises what a deadline would."""

        def get_app(self) -> Application:
            return Application(on_startup=start)

    [(_, told)] = run(Slow("test_fetch")).errors
    assert "TimeoutError: the database is slow" in told


def test_an_end_that_fails_fails_the_test_and_closes_the_loop() -> None:
    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        yield
        raise ValueError("cannot be left")

    class Ending(Cases.Life):
        """Its context raises at the end."""

        def get_app(self) -> Application:
            return Application([("/", State)], events=["entered", "startup"], lifespan=lifespan)

    case = Ending("test_fetch")
    [(_, told)] = run(case).errors
    assert "ValueError: cannot be left" in told
    assert case.io_loop.asyncio_loop.is_closed() and not hasattr(case, "http_server")


def test_an_application_without_a_lifespan_costs_no_turn_of_the_loop() -> None:
    class Unused:
        """A loop that must not run."""

        def run_sync(self, *args: Any, **kwargs: Any) -> None:
            raise AssertionError("the loop was run")

    for plain in (Application(), lambda request: None, Application([("/", State)], debug=True)):
        begin_life(Unused(), plain)  # type: ignore[arg-type]
        end_life(Unused(), plain)  # type: ignore[arg-type]


def test_other_applications_that_are_context_managers_are_entered_and_left(io_loop: IOLoop) -> None:
    class Other:
        """What `run` would enter, too."""

        events: list[str] = []

        async def __aenter__(self) -> None:
            self.events.append("entered")

        async def __aexit__(self, *exc_info: object) -> None:
            self.events.append("left")

    begin_life(io_loop, Other())
    end_life(io_loop, Other())
    assert Other.events == ["entered", "left"]
