"""How long a test may wait."""

from __future__ import annotations

import os

#: Seconds; the environment variable ASYNC_TEST_TIMEOUT sets another.
DEFAULT_TIMEOUT = 5.0


def get_async_test_timeout() -> float:
    """Seconds that a test waits at most: ``ASYNC_TEST_TIMEOUT`` of the environment, else 5."""
    text = os.environ.get("ASYNC_TEST_TIMEOUT")
    try:
        return DEFAULT_TIMEOUT if text is None else float(text)
    except ValueError:
        return DEFAULT_TIMEOUT


get_async_test_timeout.__module__ = "waterspout.asynctest"
