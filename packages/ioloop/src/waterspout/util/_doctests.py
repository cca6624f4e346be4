"""The examples of this package's docstrings as a unittest suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import unittest


def doctests() -> unittest.TestSuite:
    """A test suite with the examples that stand in the docstrings of `waterspout.util`."""
    # Test tools: nothing that runs in production needs them.
    import doctest
    import unittest

    suite = unittest.TestSuite()
    for module in ("_imports",):
        suite.addTest(doctest.DocTestSuite(f"waterspout.util.{module}"))
    return suite
