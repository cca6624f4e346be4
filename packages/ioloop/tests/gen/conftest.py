"""Fixtures of the tests of waterspout.gen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def run() -> Run:
    """Runs a coroutine function to its end, at most a minute."""

    def runner(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run(asyncio.wait_for(main(), 60))

    return runner
