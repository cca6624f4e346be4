"""`IOLoop.run_sync`."""

import asyncio
import gc
import time

import pytest

from waterspout.concurrent import BadYieldError


def test_result_of_a_coroutine_a_future_a_list_and_nothing(io_loop):
    async def coroutine():
        await asyncio.sleep(0)
        return 1

    def future():
        made = asyncio.get_running_loop().create_future()
        made.set_result(2)
        return made

    assert io_loop.run_sync(coroutine) == 1
    assert io_loop.run_sync(future) == 2
    assert io_loop.run_sync(lambda: [coroutine(), future()]) == [1, 2]
    assert io_loop.run_sync(lambda: None) is None


def test_exceptions_come_back_sync_or_async(io_loop):
    async def coroutine():
        raise ZeroDivisionError("async")

    def plain():
        raise ZeroDivisionError("sync")

    for function in (coroutine, plain):
        with pytest.raises(ZeroDivisionError):
            io_loop.run_sync(function)


def test_result_that_cannot_be_awaited_is_refused(io_loop):
    with pytest.raises(BadYieldError):
        io_loop.run_sync(lambda: 42)


def test_function_runs_inside_the_loop(io_loop):
    assert io_loop.run_sync(lambda: asyncio.sleep(0, asyncio.get_running_loop())) is io_loop.asyncio_loop


def test_timeout_cancels_and_waits_for_the_clean_up(io_loop):
    cleaned = []

    async def slow():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0)
            cleaned.append(1)

    with pytest.raises(TimeoutError, match="timed out after 0.01 seconds"):
        io_loop.run_sync(slow, timeout=0.01)
    assert cleaned == [1]


def test_timeout_that_is_not_reached_leaves_nothing_behind(io_loop):
    async def quick():
        return 1

    assert io_loop.run_sync(quick, timeout=100) == 1
    assert io_loop.run_sync(lambda: asyncio.sleep(0.001, 2)) == 2


def test_result_that_arrives_in_spite_of_the_cancellation_counts(io_loop):
    async def stubborn():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return "saved"

    assert io_loop.run_sync(stubborn, timeout=0.001) == "saved"


@pytest.mark.parametrize("timeout", [-1, 0, 1e-9])
def test_a_task_takes_its_first_step_before_it_can_be_cancelled_however_late_it_is(io_loop, timeout):
    entered = []

    async def late():
        entered.append(1)
        try:
            await asyncio.sleep(100)
        finally:
            entered.append("cleaned")

    def slow():
        time.sleep(0.002)  # longer than the timeout, before the task exists
        return late()

    with pytest.raises(TimeoutError):
        io_loop.run_sync(slow, timeout=timeout)
    assert entered == [1, "cleaned"]


def test_stopping_the_loop_too_early_is_an_error(io_loop):
    async def stops():
        io_loop.stop()
        await go_on.wait()  # a sleep might be over in the turn that stop() still lets end
        ended.set()

    go_on, ended = asyncio.Event(), asyncio.Event()
    with pytest.raises(RuntimeError, match="stopped before Future completed"):
        io_loop.run_sync(stops)
    go_on.set()
    io_loop.run_sync(ended.wait, timeout=60)


def test_what_was_given_up_goes_on_when_the_loop_runs_again(io_loop):
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def stops():
        io_loop.stop()
        await go_on.wait()
        ended.set()

    with pytest.raises(RuntimeError):
        io_loop.run_sync(stops)
    gc.collect()
    go_on.set()
    io_loop.run_sync(ended.wait, timeout=60)
    io_loop.run_sync(lambda: asyncio.sleep(0))  # in which what has ended is taken off the list
    assert io_loop.statistics()["background"] == 0


def test_what_was_given_up_is_freed_in_silence_when_the_loop_is_closed(io_loop, caplog):
    async def stops():
        io_loop.stop()
        await asyncio.sleep(100)

    with pytest.raises(RuntimeError):
        io_loop.run_sync(stops)
    io_loop.close()
    gc.collect()
    assert caplog.records == []


def test_a_function_that_cancels_itself_is_an_error(io_loop):
    async def cancelled():
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled"):
        io_loop.run_sync(cancelled)


def test_run_sync_works_again_and_again(io_loop):
    for n in range(5):
        assert io_loop.run_sync(lambda n=n: asyncio.sleep(0, n)) == n
