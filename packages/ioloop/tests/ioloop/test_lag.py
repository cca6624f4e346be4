"""`LagMonitor`: names the callback that held the loop up."""

import asyncio
import threading
import time

import pytest

from waterspout.ioloop import IOLoop, LagMonitor
from waterspout.ioloop._lag import _log_lag


def held_up(monitor):
    # As long as it takes, on however slow a machine; the machine may also hold the loop up by itself.
    deadline = time.monotonic() + 30
    while monitor._seen is None and time.monotonic() < deadline:
        time.sleep(0.005)


async def held_up_coroutine(monitor):
    held_up(monitor)


def watch(callback, times=1, report=None):
    """Have ``callback`` seen ``times`` times; returns the monitor and the lags of it alone."""

    async def main():
        lags = []

        def note(lag):
            if callback.__name__ in lag.callback:
                lags.append(lag)
            (report or _log_lag)(lag)

        monitor = LagMonitor(IOLoop.current(), 0.02, note)
        monitor.start()
        await asyncio.sleep(0)
        for _ in range(50):
            if len(lags) == times:
                break
            IOLoop.current().add_callback(callback, monitor)
            await asyncio.sleep(0.03)
        monitor.stop()
        return monitor, lags

    return IOLoop.run(main)


@pytest.mark.parametrize("callback", [held_up, held_up_coroutine])
def test_blocking_callback_is_reported_once_by_name_with_the_stack(callback):
    monitor, lags = watch(callback)
    (lag,) = lags
    assert lag.callback.startswith(f"{__name__}.{callback.__name__} (")
    assert lag.seconds >= 0.02
    assert f"in {callback.__name__}" in lag.stack
    assert monitor.count >= 1
    assert monitor.worst.seconds >= lag.seconds


def test_quick_callbacks_and_an_idle_loop_are_not_reported():
    async def main():
        monitor = LagMonitor(IOLoop.current(), 30)
        monitor.start()
        for _ in range(5):
            IOLoop.current().add_callback(lambda: None)
            await asyncio.sleep(0.002)
        monitor.stop()
        assert (monitor.count, monitor.worst) == (0, None)

    IOLoop.run(main)


def test_without_a_report_function_a_warning_is_logged(app_log_records):
    watch(held_up)
    message = app_log_records.messages[-1]
    assert "held up for" in message
    assert "held_up" in message


def test_broken_report_function_is_logged_and_the_watch_goes_on(app_log_records):
    def report(lag):
        raise ZeroDivisionError

    _, lags = watch(held_up, times=2, report=report)
    assert len(lags) == 2
    assert len(app_log_records.records) >= 2
    assert all("report of a LagMonitor" in message for message in app_log_records.messages)


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
    monitor = LagMonitor(io_loop, 30)
    monitor.start()
    monitor._noted -= 3600
    io_loop.run_sync(lambda: asyncio.sleep(0.01))
    assert io_loop.asyncio_loop.time() - monitor._noted < 1800
    monitor.stop()
    io_loop.close()
    assert monitor.count == 0


@pytest.mark.parametrize("threshold", [0, -1])
def test_threshold_must_be_positive(threshold):
    with pytest.raises(ValueError, match="positive"):
        LagMonitor(None, threshold)
