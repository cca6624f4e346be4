"""Fixtures of the tests of waterspout.log."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def record() -> Callable[..., logging.LogRecord]:
    """Makes a record of midnight at the start of 1970, UTC."""

    def make(message: Any, *args: Any, level: int = logging.INFO, exc_info: Any = None) -> logging.LogRecord:
        made = logging.LogRecord("a.logger", level, "/src/module.py", 7, message, args, exc_info)
        made.created, made.msecs = 0.0, 0.0
        return made

    return make


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger that nothing else knows; its handlers are closed in the end."""
    made = logging.Logger("apart")
    yield made
    for handler in made.handlers:
        handler.close()
