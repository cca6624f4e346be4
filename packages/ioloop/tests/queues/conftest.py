"""Fixtures of the tests of waterspout.queues."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

Main = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture
def run() -> Callable[[Main], Any]:
    """Runs a coroutine function to its end, at most a minute."""

    def runner(main: Main) -> Any:
        return asyncio.run(asyncio.wait_for(main(), 60))

    return runner


@pytest.fixture
def cancel_everywhere() -> Callable[..., None]:
    """Runs a scenario again and again, each time cancelling its victim one turn of the loop later.

    A scenario is a function that returns three coroutine functions: the victim, which is cancelled;
    the others, which go on; and the check, which runs when all are done. It ends when the victim
    was done before it was to be cancelled.
    """

    async def once(scenario: Callable[[], tuple[Main, list[Main], Main]], turns: int, before_others: bool) -> bool:
        victim, others, check = scenario()
        tasks = []
        if not before_others:
            tasks = [asyncio.ensure_future(other()) for other in others]
            await asyncio.sleep(0)
        task = asyncio.ensure_future(victim())
        if before_others:
            tasks = [asyncio.ensure_future(other()) for other in others]
        for _ in range(turns):
            await asyncio.sleep(0)
        was_cancelled = task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*tasks)
        await check()
        return was_cancelled

    def everywhere(scenario: Callable[[], tuple[Main, list[Main], Main]]) -> None:
        for before_others in (False, True):
            turns = 0
            while asyncio.run(asyncio.wait_for(once(scenario, turns, before_others), 60)):
                turns += 1
                assert turns < 100, "the victim never ends"
            assert turns >= 1

    return everywhere
