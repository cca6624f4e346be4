"""Locales are process-wide: every test gets its own registry contents."""

from collections.abc import Iterator

import pytest

from waterspout.locale._registry import Registry, registry


@pytest.fixture(autouse=True)
def fresh_registry() -> Iterator[None]:
    kept = {name: getattr(registry, name) for name in Registry.__slots__}
    for name, value in ((name, getattr(Registry(), name)) for name in Registry.__slots__):
        setattr(registry, name, value)
    yield
    for name, value in kept.items():
        setattr(registry, name, value)
