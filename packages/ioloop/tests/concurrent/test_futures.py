"""Futures of both kinds under one set of functions."""

import asyncio
import concurrent.futures
import logging
import sys
import threading
from typing import Any

import pytest

from waterspout import concurrent as module
from waterspout.concurrent import (
    FUTURES,
    Future,
    chain_future,
    future_add_done_callback,
    future_set_exc_info,
    future_set_exception_unless_cancelled,
    future_set_result_unless_cancelled,
    is_future,
)

KINDS = ["asyncio", "concurrent"]


def new_future(kind: str) -> Any:
    return Future() if kind == "asyncio" else concurrent.futures.Future()


def test_both_kinds_are_futures() -> None:
    async def main() -> None:
        assert is_future(Future()) and is_future(asyncio.ensure_future(asyncio.sleep(0)))
        assert is_future(concurrent.futures.Future())
        assert not any(map(is_future, (None, 1, asyncio.Future, lambda: None)))

    assert set(FUTURES) == {asyncio.Future, concurrent.futures.Future}
    assert module.Future is asyncio.Future
    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_set_unless_somebody_cancelled(kind: str) -> None:
    async def main() -> None:
        future, cancelled = new_future(kind), new_future(kind)
        cancelled.cancel()
        future_set_result_unless_cancelled(future, 5)
        future_set_result_unless_cancelled(cancelled, 5)
        assert future.result() == 5
        assert cancelled.cancelled()
        with pytest.raises((asyncio.InvalidStateError, concurrent.futures.InvalidStateError)):
            future_set_result_unless_cancelled(future, 6)

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_exceptions_of_cancelled_futures_are_logged(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        future, cancelled = new_future(kind), new_future(kind)
        cancelled.cancel()
        future_set_exception_unless_cancelled(future, KeyError("kept"))
        assert isinstance(future.exception(), KeyError)
        assert not caplog.records
        future_set_exception_unless_cancelled(cancelled, KeyError("lost"))
        assert "Exception after Future was cancelled" in caplog.text
        assert "KeyError: 'lost'" in caplog.text

    asyncio.run(main())


def test_exc_info_is_set_with_its_traceback() -> None:
    async def main() -> None:
        future: Future[None] = Future()
        try:
            raise KeyError("x")
        except KeyError:
            exc_info = sys.exc_info()
        future_set_exc_info(future, exc_info)
        assert future.exception() is exc_info[1]
        with pytest.raises(ValueError, match="no exception"):
            future_set_exc_info(Future(), (None, None, None))

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_callbacks_of_done_futures_run_at_once(kind: str) -> None:
    async def main() -> None:
        seen: list[Any] = []
        done, pending = new_future(kind), new_future(kind)
        done.set_result(None)
        future_add_done_callback(done, seen.append)
        assert seen == [done]
        future_add_done_callback(pending, seen.append)
        assert seen == [done]
        pending.set_result(None)
        await asyncio.sleep(0)
        assert seen == [done, pending]

    asyncio.run(main())


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("already", [True, False])
@pytest.mark.parametrize("outcome", ["result", "exception", "cancelled"])
def test_every_outcome_is_passed_along_the_chain(first: str, second: str, already: bool, outcome: str) -> None:
    async def main() -> None:
        a, b = new_future(first), new_future(second)
        error = KeyError("x")

        def complete() -> None:
            if outcome == "result":
                a.set_result(5)
            elif outcome == "exception":
                a.set_exception(error)
            else:
                a.cancel()
                if first == "concurrent":
                    a.set_running_or_notify_cancel()

        if already:
            complete()
        chain_future(a, b)
        if not already:
            complete()
        while not b.done():  # noqa: ASYNC110 - it may be one of another thread
            await asyncio.sleep(0)
        if outcome == "result":
            assert b.result() == 5
        elif outcome == "exception":
            assert b.exception() is error
        else:
            assert b.cancelled()

    asyncio.run(asyncio.wait_for(main(), 5))


def test_a_thread_may_complete_the_first() -> None:
    async def main() -> None:
        a: concurrent.futures.Future[int] = concurrent.futures.Future()
        b: Future[int] = Future()
        threads: list[int] = []
        b.add_done_callback(lambda _: threads.append(threading.get_ident()))
        chain_future(a, b)
        threading.Thread(target=a.set_result, args=(5,)).start()
        assert await b == 5
        assert threads == [threading.get_ident()]

    asyncio.run(main())


@pytest.mark.parametrize("first", KINDS)
def test_a_chain_does_nothing_to_a_future_that_is_done(first: str) -> None:
    async def main() -> None:
        a, b, c = new_future(first), Future[int](), Future[int]()
        chain_future(a, b)
        chain_future(a, c)
        b.cancel()
        c.set_result(1)
        a.set_result(5)
        await asyncio.sleep(0.001)
        assert b.cancelled()
        assert c.result() == 1
        assert not a.cancelled()

    asyncio.run(main())


def test_a_running_concurrent_future_gets_the_cancellation_as_an_exception() -> None:
    async def main() -> None:
        a: Future[int] = Future()
        b: concurrent.futures.Future[int] = concurrent.futures.Future()
        b.set_running_or_notify_cancel()
        chain_future(a, b)
        a.cancel()
        await asyncio.sleep(0)
        assert isinstance(b.exception(timeout=0), concurrent.futures.CancelledError)

    asyncio.run(main())


def test_a_loop_that_is_closed_by_then_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    a: concurrent.futures.Future[int] = concurrent.futures.Future()

    async def main() -> Future[int]:
        b: Future[int] = Future()
        chain_future(a, b)
        return b

    b = asyncio.run(main())
    with caplog.at_level(logging.DEBUG):
        a.set_result(5)
    assert not b.done()
    assert not caplog.records


@pytest.mark.parametrize("name", module.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    assert getattr(module, name) is not None
