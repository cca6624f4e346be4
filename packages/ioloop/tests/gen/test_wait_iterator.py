"""Several futures, each as soon as it is done."""

import asyncio
from typing import Any

import pytest

from waterspout.concurrent import dummy_executor
from waterspout.gen import WaitIterator


def test_results_come_in_the_order_in_which_they_are_done(run: Any) -> None:
    async def main() -> None:
        futures: list[asyncio.Future[str]] = [asyncio.Future() for _ in range(3)]
        iterator = WaitIterator(*futures)
        seen = []
        for index in (1, 2, 0):
            upcoming = iterator.next()
            assert upcoming not in futures
            futures[index].set_result(f"result {index}")
            assert await upcoming == f"result {index}"
            seen.append(iterator.current_index)
            assert iterator.current_future is futures[index]
        assert seen == [1, 2, 0]
        assert iterator.done()
        assert (iterator.current_index, iterator.current_future) == (None, None)

    run(main)


def test_keywords_are_the_indexes_of_what_was_given_by_keyword(run: Any) -> None:
    async def main() -> None:
        iterator = WaitIterator(a=asyncio.sleep(0, 1), b=asyncio.sleep(0.002, 2))
        found = {}
        while not iterator.done():
            result = await iterator.next()
            found[iterator.current_index] = result
        assert found == {"a": 1, "b": 2}

    run(main)


def test_both_kinds_of_arguments_are_refused(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="args or kwargs, not both"):
            WaitIterator(asyncio.Future(), a=asyncio.Future())

    run(main)


def test_failures_are_raised_and_the_others_still_come(run: Any) -> None:
    async def fail() -> None:
        raise KeyError("x")

    async def main() -> None:
        iterator = WaitIterator(fail(), asyncio.sleep(0.001, 5), dummy_executor.submit(lambda: 6), None)
        outcomes: list[Any] = []
        while not iterator.done():
            try:
                outcomes.append(await iterator.next())
            except KeyError as error:
                outcomes.append(error.args)
                assert iterator.current_index == 0
        assert sorted(map(str, outcomes)) == ["('x',)", "5", "6", "None"]

    run(main)


def test_async_for_gives_all_results(run: Any) -> None:
    async def main() -> None:
        assert sorted([x async for x in WaitIterator(asyncio.sleep(0, 1), asyncio.sleep(0, 2))]) == [1, 2]
        assert [x async for x in WaitIterator()] == []

    run(main)


def test_one_future_given_twice_comes_twice(run: Any) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        future.set_result(5)
        iterator = WaitIterator(future, future)
        assert [(await iterator.next(), iterator.current_index) for _ in range(2)] == [(5, 0), (5, 1)]

    run(main)


def test_asking_for_more_than_there_is_is_an_error(run: Any) -> None:
    async def main() -> None:
        iterator = WaitIterator(asyncio.sleep(0))
        await iterator.next()
        with pytest.raises(RuntimeError, match="no more results"):
            iterator.next()

    run(main)


@pytest.mark.parametrize("too_late", [False, True])
def test_a_cancelled_next_loses_no_result(run: Any, too_late: bool) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        iterator = WaitIterator(future)

        async def consume() -> Any:
            return await iterator.next()

        task = asyncio.ensure_future(consume())
        await asyncio.sleep(0)
        if too_late:
            future.set_result(5)
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        if not too_late:
            future.set_result(5)
        if not task.cancelled():
            assert task.result() == 5
            return
        assert not iterator.done()
        assert await iterator.next() == 5
        assert iterator.current_index == 0

    run(main)


def test_a_cancelled_next_loses_no_failure(run: Any) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        iterator = WaitIterator(future)

        async def consume() -> Any:
            return await iterator.next()

        task = asyncio.ensure_future(consume())
        await asyncio.sleep(0)
        future.set_exception(ZeroDivisionError())
        future.add_done_callback(lambda _: task.cancel())  # after the iterator's own: its failure is on its way
        await asyncio.wait({task})
        assert task.cancelled()
        assert not iterator.done()
        with pytest.raises(ZeroDivisionError):
            await iterator.next()
        assert iterator.current_index == 0
        assert iterator.done()

    run(main)
