"""Waiting for time to pass, and not longer than that."""

import asyncio
import concurrent.futures
import datetime
import gc
import time
from typing import Any

import pytest

from waterspout import gen
from waterspout.ioloop import IOLoop

SOON = datetime.timedelta(milliseconds=2)
LATE = datetime.timedelta(seconds=30)


def timers() -> int:
    """Timers of the running loop that have not been cancelled."""
    scheduled: Any = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)


def test_sleep_takes_the_time_it_is_given(run: Any) -> None:
    async def main() -> None:
        start = time.monotonic()
        assert await gen.sleep(0.004) is None
        assert time.monotonic() - start >= 0.003
        await gen.sleep(0)

    run(main)


def test_sleep_starts_with_the_call(run: Any) -> None:
    async def main() -> None:
        sleeping = gen.sleep(0.001)
        assert isinstance(sleeping, asyncio.Future)
        await asyncio.sleep(0.003)
        assert sleeping.done()
        await sleeping

    run(main)


def test_a_cancelled_sleep_leaves_no_timer(run: Any) -> None:
    async def main() -> None:
        before = timers()
        sleeping = gen.sleep(30)
        assert timers() == before + 1
        assert sleeping.cancel()
        assert not sleeping.cancel()
        assert timers() == before
        task = asyncio.ensure_future(_await(gen.sleep(30)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert timers() == before

    run(main)


def test_maybe_future_wraps_what_is_no_future(run: Any) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        submitted: concurrent.futures.Future[int] = concurrent.futures.Future()
        assert gen.maybe_future(future) is future
        assert gen.maybe_future(submitted) is submitted
        assert await gen.maybe_future(5) == 5
        assert gen.maybe_future(None).done()

    run(main)


def test_results_in_time_come_through(run: Any) -> None:
    async def main() -> None:
        before = timers()
        assert await gen.with_timeout(LATE, asyncio.sleep(0, 5)) == 5
        assert await gen.with_timeout(time.time() + 30, [asyncio.sleep(0, 5)]) == [5]
        assert await gen.with_timeout(LATE, gen.maybe_future(6)) == 6
        assert await gen.with_timeout(LATE, None) is None
        with pytest.raises(KeyError):
            await gen.with_timeout(LATE, _fail(KeyError()))
        assert timers() == before

    run(main)


@pytest.mark.parametrize("timeout", [SOON, datetime.timedelta(0), 0, -1.0])
def test_the_timeout_raises_and_does_not_cancel(run: Any, timeout: Any) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        with pytest.raises(TimeoutError, match="^Timeout$"):
            await gen.with_timeout(timeout, future)
        assert not future.done()
        future.set_result(5)
        assert await gen.with_timeout(timeout, future) == 5, "what is done in time is never late"

    run(main)


def test_absolute_timeouts_are_on_the_scale_of_the_loop(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await gen.with_timeout(IOLoop.current().time() + 0.002, asyncio.Future())

    run(main)


def test_the_message_is_text_or_made_when_it_is_needed(run: Any) -> None:
    async def main() -> None:
        made = []

        def message() -> str:
            made.append(1)
            return "too late"

        assert await gen.with_timeout(LATE, asyncio.sleep(0, 5), message=message) == 5
        assert made == []
        with pytest.raises(TimeoutError, match="^too late$"):
            await gen.with_timeout(SOON, asyncio.Future(), message=message)
        with pytest.raises(TimeoutError, match="^given up$"):
            await gen.with_timeout(SOON, asyncio.Future(), message="given up")

    run(main)


@pytest.mark.parametrize(
    ("quiet", "logged"), [((), True), (KeyError, True), (ValueError, False), ((KeyError, ValueError), False)]
)
def test_failures_after_the_timeout_are_logged_unless_quiet(
    run: Any, quiet: Any, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        with pytest.raises(TimeoutError):
            await gen.with_timeout(SOON, future, quiet_exceptions=quiet)
        future.set_exception(ValueError("late"))
        await asyncio.sleep(0)

    run(main)
    gc.collect()
    assert ("ValueError: late" in caplog.text) == logged
    assert "never retrieved" not in caplog.text


def test_cancellation_after_the_timeout_is_not_logged(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        with pytest.raises(TimeoutError):
            await gen.with_timeout(SOON, future)
        future.cancel()
        await asyncio.sleep(0)

    run(main)
    assert not caplog.records


def test_cancelling_the_outcome_takes_the_timer_back(run: Any) -> None:
    async def main() -> None:
        before = timers()
        future: asyncio.Future[int] = asyncio.Future()
        task = asyncio.ensure_future(_await(gen.with_timeout(LATE, future)))
        await asyncio.sleep(0)
        assert timers() == before + 1
        task.cancel()
        await asyncio.wait({task})
        await asyncio.sleep(0)
        assert timers() == before
        assert not future.cancelled()

    run(main)


def test_a_cancelled_future_cancels_the_outcome(run: Any) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.Future()
        outcome = gen.with_timeout(LATE, future)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outcome

    run(main)


def test_concurrent_futures_can_be_waited_for(run: Any) -> None:
    async def main() -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert await gen.with_timeout(LATE, pool.submit(lambda: 5)) == 5

    run(main)


def test_a_deadline_of_another_kind_is_a_type_error(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="'soon'"):
            await gen.with_timeout("soon", asyncio.Future())  # type: ignore[arg-type]

    run(main)


async def _await(awaitable: Any) -> Any:
    return await awaitable


async def _fail(error: Exception) -> None:
    raise error
