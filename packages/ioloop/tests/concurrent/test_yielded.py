"""What a coroutine may yield, and several of them at once."""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from waterspout.concurrent import (
    BadYieldError,
    Future,
    as_loop_future,
    convert_yielded,
    dummy_executor,
    moment,
    multi,
)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 5))


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(value, BaseException):
        raise value
    return value


def test_futures_of_both_kinds_are_returned_as_they_are() -> None:
    async def main() -> None:
        future: Future[None] = Future()
        assert convert_yielded(future) is future
        submitted = dummy_executor.submit(int)
        assert convert_yielded(submitted) is submitted

    run(main)


def test_nothing_is_the_moment() -> None:
    assert convert_yielded(None) is convert_yielded(moment) is moment
    assert moment.done() is True
    assert moment.result() is None


def test_awaitables_are_started() -> None:
    async def main() -> None:
        class Awaitable:
            def __await__(self) -> Any:
                return (yield from later(7).__await__())

        assert await convert_yielded(later(5)) == 5
        assert await convert_yielded(Awaitable()) == 7

    run(main)


def test_lists_and_dictionaries_are_waited_for() -> None:
    async def main() -> None:
        assert await convert_yielded([later(1), {"a": later(2), "b": None}]) == [1, {"a": 2, "b": None}]
        assert await convert_yielded([]) == []
        assert await convert_yielded({}) == {}

    run(main)


@pytest.mark.parametrize("wrong", [5, "text", (), object(), lambda: None])
def test_anything_else_cannot_be_waited_for(wrong: Any) -> None:
    with pytest.raises(BadYieldError, match="yielded unknown object"):
        convert_yielded(wrong)


def test_other_types_can_be_registered() -> None:
    class Promise:
        pass

    @convert_yielded.register
    def convert(promise: Promise) -> Any:
        return moment

    assert convert_yielded(Promise()) is moment
    assert convert_yielded.dispatch(Promise) is convert


def test_concurrent_futures_call_back_in_the_loop() -> None:
    async def main() -> None:
        submitted: concurrent.futures.Future[int] = concurrent.futures.Future()
        future = as_loop_future(submitted)
        assert isinstance(future, Future)
        threading.Thread(target=submitted.set_result, args=(5,)).start()
        assert await future == 5

    run(main)


@pytest.mark.parametrize("container", [list, tuple, iter])
def test_results_come_in_the_order_of_the_children(container: Any) -> None:
    async def main() -> None:
        slow: Future[str] = Future()
        asyncio.get_running_loop().call_later(0.002, slow.set_result, "slow")
        children = [slow, later("fast"), None, dummy_executor.submit(lambda: "thread"), [later(1)]]
        assert await multi(container(children)) == ["slow", "fast", None, "thread", [1]]

    run(main)


def test_results_come_under_the_keys_of_the_children() -> None:
    async def main() -> None:
        assert await multi({"a": later(1), "b": later(2)}) == {"a": 1, "b": 2}
        assert list(await multi({"b": later(1), "a": None})) == ["b", "a"]

    run(main)


def test_no_children_are_done_at_once() -> None:
    async def main() -> None:
        assert multi([]).result() == []
        assert multi({}).result() == {}
        assert multi([None, moment]).result() == [None, None]

    run(main)


def test_one_child_may_stand_there_twice() -> None:
    async def main() -> None:
        future: Future[int] = Future()
        both = multi([future, future])
        future.set_result(1)
        assert await both == [1, 1]

    run(main)


def test_the_first_failure_is_raised_when_all_are_done_and_the_others_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        last: Future[None] = Future()
        outcome = multi([later(1), later(KeyError("first")), later(ValueError("second")), last])
        await asyncio.sleep(0.001)
        assert not outcome.done()
        last.set_result(None)
        with pytest.raises(KeyError, match="first"):
            await outcome

    run(main)
    assert [record.getMessage() for record in caplog.records] == ["Multiple exceptions in yield list"]
    assert "ValueError: second" in caplog.text


@pytest.mark.parametrize("quiet", [ValueError, (OSError, ValueError)])
def test_quiet_exceptions_are_not_logged(quiet: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with pytest.raises(KeyError):
            await multi([later(KeyError()), later(ValueError())], quiet_exceptions=quiet)

    run(main)
    assert not caplog.records


def test_a_cancelled_child_is_a_failure_that_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        cancelled: Future[None] = Future()
        cancelled.cancel()
        outcome = multi([cancelled, later(1)])
        with pytest.raises(asyncio.CancelledError):
            await outcome
        assert not outcome.cancelled(), "nobody has cancelled that"
        with pytest.raises(KeyError):
            await multi([later(KeyError()), cancelled])

    with caplog.at_level(logging.DEBUG, "waterspout"):
        run(main)
    assert not caplog.records


def test_cancelling_the_outcome_leaves_the_children_running(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        child: Future[int] = Future()
        failing: Future[int] = Future()
        outcome = multi([child, failing])
        outcome.cancel()
        await asyncio.sleep(0)
        assert not child.cancelled()
        child.set_result(1)
        failing.set_exception(KeyError("late"))
        await asyncio.sleep(0)

    run(main)
    assert "KeyError: 'late'" in caplog.text


def test_what_is_no_container_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        multi(5)  # type: ignore[arg-type]
