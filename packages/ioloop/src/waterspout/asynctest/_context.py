"""Context managers that last as long as a test."""

from __future__ import annotations

import unittest
from contextlib import AbstractContextManager
from typing import TypeVar

T = TypeVar("T")


def setup_with_context_manager(testcase: unittest.TestCase, cm: AbstractContextManager[T]) -> T:
    """Enter ``cm`` now and leave it when ``testcase``'s test is over; returns what it gives.

    Python 3.11 has this as ``TestCase.enterContext``.
    """
    return testcase.enterContext(cm)


setup_with_context_manager.__module__ = "waterspout.asynctest"
