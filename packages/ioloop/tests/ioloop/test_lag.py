"""`LagMonitor`: names the callback that held the loop up."""

import asyncio
import threading
import time

import pytest

from waterspout.ioloop import IOLoop, LagMonitor


def held_up():
    time.sleep(0.06)


async def held_up_coroutine():
    held_up()


def watch(*callbacks, threshold=0.02, report=None):
    async def main():
        monitor = LagMonitor(IOLoop.current(), threshold, report)
        monitor.start()
        await asyncio.sleep(0.01)
        for callback in callbacks:
            IOLoop.current().add_callback(callback)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)
        monitor.stop()
        return monitor

    return IOLoop.run(main)


@pytest.mark.parametrize("callback", [held_up, held_up_coroutine])
def test_blocking_callback_is_reported_once_by_name_with_the_stack(callback):
    lags = []
    monitor = watch(callback, report=lags.append)
    (lag,) = lags
    assert lag.callback.startswith(f"{__name__}.{callback.__name__} (")
    assert 0.03 <= lag.seconds < 5
    assert "time.sleep(0.06)" in lag.stack
    assert (monitor.count, monitor.worst) == (1, lag)


def test_quick_callbacks_and_an_idle_loop_are_not_reported():
    monitor = watch(lambda: None, lambda: None, threshold=0.2)
    assert (monitor.count, monitor.worst) == (0, None)


def test_without_a_report_function_a_warning_is_logged(app_log_records):
    watch(held_up)
    (message,) = app_log_records.messages
    assert "held up for" in message
    assert "held_up" in message


def test_broken_report_function_is_logged_and_the_watch_goes_on(app_log_records):
    def report(lag):
        raise ZeroDivisionError

    monitor = watch(held_up, held_up, report=report)
    assert monitor.count == 2
    assert len(app_log_records.records) == 2


def test_stop_ends_the_thread_and_start_begins_again():
    async def main():
        monitor = LagMonitor(IOLoop.current(), 0.02)
        monitor.stop()
        for _ in range(2):
            monitor.start()
            monitor.start()
            await asyncio.sleep(0.005)
            assert sum(thread.name == "waterspout lag monitor" for thread in threading.enumerate()) == 1
            monitor.stop()
            assert all(thread.name != "waterspout lag monitor" for thread in threading.enumerate())

    IOLoop.run(main)


def test_time_before_the_loop_runs_does_not_count():
    io_loop = IOLoop(make_current=False)
    monitor = LagMonitor(io_loop, 0.01)
    monitor.start()
    time.sleep(0.03)
    io_loop.run_sync(lambda: asyncio.sleep(0.01))
    monitor.stop()
    io_loop.close()
    assert monitor.count == 0


@pytest.mark.parametrize("threshold", [0, -1])
def test_threshold_must_be_positive(threshold):
    with pytest.raises(ValueError, match="positive"):
        LagMonitor(None, threshold)
