"""Fixtures of the tests of waterspout.queues."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def run(run_once: Callable[..., Any]) -> Callable[..., Any]:
    return run_once
