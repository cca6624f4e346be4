"""`CallbackRunner`, by itself."""

import asyncio
import concurrent.futures
import gc

from waterspout.concurrent import moment
from waterspout.ioloop._callbacks import CallbackRunner


def post_is_not_used(*_):
    raise AssertionError("nothing is to be posted")


def test_callback_gets_its_arguments():
    seen = []
    CallbackRunner(post_is_not_used).run(lambda *args: seen.append(args), 1, 2)
    assert seen == [(1, 2)]


def test_exception_is_logged_with_the_callback_and_its_traceback(app_log_records):
    def broken():
        raise ZeroDivisionError

    CallbackRunner(post_is_not_used).run(broken)
    (record,) = app_log_records.records
    assert "broken" in record.getMessage()
    assert record.exc_info[0] is ZeroDivisionError


def test_exit_and_interrupt_pass_through():
    for kind in (SystemExit, KeyboardInterrupt):

        def leave(kind=kind):
            raise kind

        try:
            CallbackRunner(post_is_not_used).run(leave)
        except kind:
            continue
        raise AssertionError(f"{kind} was swallowed")


def test_moment_and_other_results_that_need_no_waiting_are_dropped():
    runner = CallbackRunner(post_is_not_used)
    for value in (moment, 5, "text"):
        runner.run(lambda value=value: value)
    assert runner.background == set()


def test_concurrent_future_comes_back_to_the_loop_by_posting():
    posted = []
    runner = CallbackRunner(lambda *what: posted.append(what))
    future = concurrent.futures.Future()
    runner.when_done(future, print)
    future.set_result(1)
    assert posted == [(print, future)]


def test_awaitable_is_held_until_it_is_done_and_its_failure_is_logged(app_log_records):
    async def main():
        runner = CallbackRunner(post_is_not_used)
        go_on = asyncio.Event()

        async def work():
            await go_on.wait()
            raise ZeroDivisionError

        runner.run(work)
        await asyncio.sleep(0)
        assert len(runner.background) == 1
        go_on.set()
        for _ in range(4):
            await asyncio.sleep(0)
        assert runner.background == set()

    asyncio.run(main())
    assert [record.exc_info[0] for record in app_log_records.records] == [ZeroDivisionError]


def test_abandoned_tasks_are_freed_without_a_complaint(caplog):
    loop = asyncio.new_event_loop()
    runner = CallbackRunner(post_is_not_used)

    async def work():
        await asyncio.sleep(100)

    async def main():
        runner.run(work)
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    runner.abandon()
    loop.close()
    gc.collect()
    assert runner.background == set()
    assert caplog.records == []
