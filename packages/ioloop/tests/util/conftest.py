"""Fixtures of the tests of waterspout.util."""

from collections.abc import Iterator

import pytest

from waterspout.util import is_tornado_compat, set_compat_default


@pytest.fixture
def compat_default() -> Iterator[None]:
    """The process default as it was before, afterwards."""
    before = is_tornado_compat()
    yield
    set_compat_default("tornado" if before else "waterspout")


@pytest.fixture
def tornado_compat(compat_default: None) -> None:
    set_compat_default("tornado")


@pytest.fixture
def strict(compat_default: None) -> None:
    set_compat_default("waterspout")
