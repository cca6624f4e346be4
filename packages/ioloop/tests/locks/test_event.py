"""Event: a flag to wait for."""

import asyncio
import datetime
from typing import Any

import pytest

from waterspout import locks
from waterspout.concurrent import Future
from waterspout.locks import Event, LockStatistics


def test_setting_it_wakes_all_in_their_order(run: Any) -> None:
    async def main() -> None:
        event = Event()
        woken = []

        async def wait(number: int) -> None:
            await event.wait()
            woken.append(number)

        tasks = [asyncio.ensure_future(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        assert event.statistics() == LockStatistics(0, 3)
        event.set()
        event.set()
        await asyncio.gather(*tasks)
        assert woken == [0, 1, 2]
        assert event.statistics() == LockStatistics(1, 0)

    run(main)


def test_nobody_waits_while_it_is_set(run: Any) -> None:
    async def main() -> None:
        event = Event()
        assert not event.is_set()
        event.set()
        assert event.is_set()
        waiting = event.wait()
        assert isinstance(waiting, Future) and waiting.done()
        assert await waiting is None
        event.clear()
        assert not event.is_set()
        assert not event.wait().done()

    run(main)


def test_who_was_woken_stays_awake_when_it_is_cleared(run: Any) -> None:
    async def main() -> None:
        event = Event()
        waiting = event.wait()
        event.set()
        event.clear()
        assert await waiting is None

    run(main)


@pytest.mark.parametrize("timeout", [datetime.timedelta(milliseconds=2), 0])
def test_waiting_ends_with_the_timeout(run: Any, timeout: Any) -> None:
    async def main() -> None:
        event = Event()
        with pytest.raises(TimeoutError):
            await event.wait(timeout)
        assert event.statistics().waiting == 0
        event.set()
        await event.wait(timeout)

    run(main)


def test_cancelled_at_any_await_the_others_are_woken(cancel_everywhere: Any) -> None:
    def scenario() -> Any:
        event = Event()
        woken = []

        async def wait() -> None:
            await event.wait()

        async def other() -> None:
            await event.wait()
            woken.append(1)

        async def set_it() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            event.set()

        async def check() -> None:
            assert woken == [1]

        return wait, [other, set_it], check

    cancel_everywhere(scenario)


def test_its_state_is_shown() -> None:
    event = Event()
    assert repr(event) == "<Event clear>"
    event.set()
    assert repr(event) == "<Event set>"


@pytest.mark.parametrize("name", locks.__all__)
def test_the_window_has_what_it_promises(name: str) -> None:
    assert isinstance(getattr(locks, name), type)
    if name != "LockStatistics":
        assert getattr(locks, name).__module__ == "waterspout.locks"
