"""`PeriodicCallback`: on schedule, never twice at a time."""

import asyncio
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waterspout.ioloop import IOLoop, PeriodicCallback
from waterspout.ioloop._periodic import following


@pytest.mark.parametrize(
    "previous, now, expected",
    [
        (1000, 1000, 1010),
        (1000, 1003, 1010),
        (1000, 1010, 1020),  # called late by a whole period
        (1000, 1047, 1050),  # a slow callback: four calls are skipped, the schedule stays
        (1000, 993, 1010),  # the clock was set back: not a second time
        (1000, 0, 1010),
    ],
)
def test_next_call_is_on_the_schedule(previous, now, expected):
    assert following(previous, now, 10) == expected


@given(st.floats(1, 1e6), st.floats(0, 1e4), st.floats(0.01, 1e3))
def test_next_call_is_later_than_now_and_at_most_one_period_away(previous, passed, period):
    now = previous + passed
    result = following(previous, now, period)
    assert now - 1e-6 <= result <= now + period * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("period", [0, -1, datetime.timedelta(0)])
def test_period_must_be_positive(period):
    with pytest.raises(ValueError, match="positive callback_time"):
        PeriodicCallback(print, period)


def test_period_is_in_milliseconds_or_a_timedelta():
    assert PeriodicCallback(print, 1500).callback_time == 1500
    assert PeriodicCallback(print, datetime.timedelta(seconds=1.5)).callback_time == 1500


def run(callback, period=1, calls=3, jitter=0.0):
    """Until ``callback`` was called ``calls`` times, or stopped itself and was not called for a while."""

    async def main():
        made = 0
        enough = asyncio.Event()

        def counted():
            nonlocal made
            made += 1
            try:
                return callback(periodic)
            finally:
                if made >= calls or not periodic.is_running():
                    enough.set()

        periodic = PeriodicCallback(counted, period, jitter)
        periodic.start()
        await asyncio.wait_for(enough.wait(), 60)
        await asyncio.sleep(0.005)
        periodic.stop()
        return periodic

    return IOLoop.run(main)


def test_is_called_again_and_again_until_stopped():
    calls = []
    periodic = run(lambda p: calls.append(p.is_running()), calls=5)
    assert len(calls) >= 5
    assert all(calls)
    assert not periodic.is_running()


def test_first_call_comes_after_one_period():
    async def main():
        calls = []
        periodic = PeriodicCallback(lambda: calls.append(1), 3_600_000)
        periodic.start()
        await asyncio.sleep(0.01)
        periodic.stop()
        assert calls == []

    IOLoop.run(main)


def test_may_stop_itself():
    calls = []

    def callback(periodic):
        calls.append(1)
        periodic.stop()

    run(callback)
    assert calls == [1]


def test_exception_is_logged_and_the_calls_go_on(app_log_records):
    def callback(periodic):
        raise ZeroDivisionError

    run(callback)
    assert len(app_log_records.records) > 1


def test_exception_of_a_coroutine_is_logged_and_the_calls_go_on(app_log_records):
    async def callback(periodic):
        await asyncio.sleep(0)
        raise ZeroDivisionError

    run(callback)
    assert len(app_log_records.records) > 1


def test_coroutine_is_not_called_again_before_it_is_done():
    running = []
    most = []

    async def callback(periodic):
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(0.004)
        running.pop()

    run(callback)
    assert len(most) >= 3
    assert max(most) == 1


def test_stop_during_a_coroutine_ends_the_calls():
    async def main():
        calls = []
        left = asyncio.Event()

        async def callback():
            calls.append(1)
            periodic.stop()
            await asyncio.sleep(0.001)
            left.set()

        periodic = PeriodicCallback(callback, 1)
        periodic.start()
        await asyncio.wait_for(left.wait(), 60)
        await asyncio.sleep(0.01)
        assert calls == [1]

    IOLoop.run(main)


def test_restart_during_a_coroutine_makes_one_series_of_calls():
    async def main():
        calls = []
        called = asyncio.Event()
        enough = asyncio.Event()
        release = asyncio.Event()

        async def callback():
            calls.append(1)
            called.set()
            await release.wait()
            if len(calls) >= 3:
                enough.set()

        periodic = PeriodicCallback(callback, 2)
        periodic.start()
        await called.wait()
        periodic.stop()
        periodic.start()
        await asyncio.sleep(0.008)
        assert calls == [1], "the first is still running"
        release.set()
        del calls[:]
        began = asyncio.get_running_loop().time()
        await enough.wait()
        periodic.stop()
        assert len(calls) <= (asyncio.get_running_loop().time() - began) / 0.002 + 2

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("kind", ["function", "coroutine", "coroutine that waits"])
def test_restart_by_the_callback_itself_makes_one_series_of_calls_that_stop_ends(kind):
    async def main():
        timers = []

        def restart():
            periodic.stop()
            periodic.start()
            timers.append(periodic._timer)

        async def restart_later():
            if kind == "coroutine that waits":
                await asyncio.sleep(0)
            restart()

        periodic = PeriodicCallback(restart if kind == "function" else restart_later, 3_600_000)
        periodic.start()
        periodic._call()  # what its timer would do in an hour
        for _ in range(10):
            await asyncio.sleep(0)
        assert periodic._busy is None
        assert periodic._timer is timers[0], "the next call comes one period after the restart"
        periodic.stop()
        assert all(timer.cancelled() for timer in asyncio.get_running_loop()._scheduled)

    asyncio.run(main())


def test_cancellation_out_of_the_callback_does_not_end_the_calls(app_log_records):
    calls = []

    def callback(periodic):
        calls.append(1)
        raise asyncio.CancelledError  # as ``future.result()`` of a cancelled future does

    run(callback)
    assert len(calls) >= 3
    assert app_log_records.records == []


def test_start_twice_makes_one_series_of_calls():
    async def main():
        calls = []
        periodic = PeriodicCallback(lambda: calls.append(1), 5)
        began = asyncio.get_running_loop().time()
        periodic.start()
        periodic.start()
        await asyncio.sleep(0.022)
        periodic.stop()
        assert len(calls) <= (asyncio.get_running_loop().time() - began) / 0.005

    IOLoop.run(main)


def test_result_that_is_not_awaitable_is_ignored(app_log_records):
    calls = []

    def callback(periodic):
        calls.append(1)
        return 5

    run(callback)
    assert len(calls) > 1
    assert app_log_records.records == []


def test_jitter_varies_the_period_by_its_part(monkeypatch):
    periodic = PeriodicCallback(print, 1000, jitter=0.5)
    steps = []
    for value in (0.0, 0.5, 1.0):
        monkeypatch.setattr("random.random", lambda value=value: value)
        periodic._next_timeout = 100.0
        periodic._update_next(100.0)
        steps.append(periodic._next_timeout - 100.0)
    assert steps == [0.75, 1.0, 1.25]


def test_jittered_calls_come():
    calls = []
    run(lambda _: calls.append(1), jitter=0.5)
    assert len(calls) >= 3
